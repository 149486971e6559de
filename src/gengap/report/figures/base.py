"""What a figure of the page consists of, and the cells that several tables have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gengap.report import words
from gengap.report.canvas import Chart
from gengap.report.charts.marks import verdict_role
from gengap.report.numbers import Scale, half_width
from gengap.report.tables import Cell, Table
from gengap.results import CandidateResult

__all__ = ["PageFigure", "change_cells", "listed", "verdict_cell"]


@dataclass(frozen=True)
class PageFigure:
    """One figure.

    Attributes
    ----------
    key : str
        Prefix of its ids.
    question : str
        The heading.
    reading : str
        How to read it, in one or two sentences.
    title, description : str
        What a screen reader says.
    table : Table
        The data behind the chart.
    draw : callable
        ``width -> Chart``.
    """

    key: str
    question: str
    reading: str
    title: str
    description: str
    table: Table
    draw: Callable[[float], Chart]


def verdict_cell(row: CandidateResult) -> Cell:
    """Return a verdict with its symbol; it sorts from help to harm."""
    order = list(words.VERDICTS)
    text = f"{words.SYMBOLS[row.verdict]} {words.VERDICTS[row.verdict]}"
    return Cell(text, float(order.index(row.verdict)), verdict_role(row.verdict))


def change_cells(row: CandidateResult, scale: Scale) -> tuple[Cell, Cell]:
    """Return a change and its interval."""
    if row.delta is None:
        return Cell("", math.nan), Cell("", math.nan)
    change = scale.change(row.delta.mean, half_width(row.delta))
    ends = scale.ends(row.delta, effect=True) or "no interval"
    return Cell(change, row.delta.mean), Cell(ends, half_width(row.delta))


def listed(items: list[str]) -> str:
    """Return names in a row, or that there are none."""
    return ", ".join(items) if items else "none"
