"""Which techniques help? Every candidate's change against the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from gengap.report import words
from gengap.report.canvas import (
    SMALL,
    WIDE,
    Chart,
    colour,
    fitted,
    set_ticks,
    text_width,
    wrapped,
)
from gengap.report.charts.marks import (
    NAMES,
    SIDE_BY_SIDE,
    effect_ticks,
    in_powers,
    interval_marks,
    limits,
    row_label,
    strip,
    unit_note,
    verdict_role,
)
from gengap.report.numbers import Scale, half_width, share
from gengap.results import CandidateResult, Results
from gengap.statistics.records import Comparison

__all__ = ["effects"]

_ODDS = 124.0  # px: the column of probabilities


@dataclass(frozen=True)
class _Row:
    """What is written about a candidate; `y` counts from the top of the rows."""

    index: int
    result: CandidateResult
    delta: Comparison
    name: list[str]
    change: str
    ends: str
    y: float
    height: float


def effects(results: Results, *, width: float = WIDE) -> Chart:
    """Forest plot: every candidate's change against the baseline, with its probabilities.

    Parameters
    ----------
    results : Results
    width : float
        In px.

    Returns
    -------
    Chart
        Thick bars are 50 % intervals, thin bars 95 %; the grey band is too small to matter; a dot
        is filled where the verdict is settled. Sorted from the best to the worst.
    """
    protocol = results.protocol
    wide = width >= SIDE_BY_SIDE
    deltas = [row.delta for row in results.recipes if row.delta is not None]
    ends = [end for d in deltas for end in (d.low, d.high, d.mean) if end is not None]
    scale, power = in_powers(words.protocol_scale(protocol), ends)
    rope = protocol.rope * scale.factor
    rows = _rows(results, scale, width - 6 if not wide else NAMES, wide=wide)
    changes = max([96.0, *(text_width(row.ends, SMALL) + 12 for row in rows)])
    left, plot = (NAMES + 12, width - NAMES - 24 - changes - _ODDS) if wide else (20.0, width - 40)
    top, body = (46.0 if wide else 28.0), sum(row.height for row in rows) or 20.0
    chart = Chart(width, top + body + 52)
    sheet = chart.sheet()
    axes = chart.panel(left, top, plot, body)
    axes.set_ylim(body, 0)
    axes.yaxis.set_major_locator(NullLocator())
    low, high = limits([end * scale.factor for end in ends], (-1.6 * rope, 1.6 * rope))
    axes.set_xlim(low, high)
    set_ticks(axes.xaxis, effect_ticks(scale, low, high, 6 if wide else 4))
    if wide:
        strip(axes, 0, body, rope)
    for row in rows:
        middle = row.y + 8 + (len(row.name) + 1) * 7.5 if wide else row.y + 15 * len(row.name) + 18
        if not wide and row.delta.mean is not None:
            strip(axes, middle - 10, middle + 10, rope)
        if wide:
            _beside(chart, sheet, row, top + row.y + 14, top + middle, changes)
        else:
            _below(chart, row, top + row.y + 14, top + middle)
        if row.delta.mean is not None:
            interval_marks(
                axes,
                middle,
                row.delta,
                scale.factor,
                verdict_role(row.result.verdict),
                filled=row.result.verdict in ("helps", "hurts", "equivalent"),
                gid=f"row-{row.index}",
            )
    _write_around(chart, left + plot * -low / (high - low), left + plot / 2, top, body, changes,
                  f"too small to matter (±{words.margin(protocol)})",
                  f"change in {scale.label}{unit_note(power, scale.change_unit)}")  # fmt: skip
    return chart


def _rows(results: Results, scale: Scale, room: float, *, wide: bool) -> list[_Row]:
    compared = [
        (index, row, row.delta)
        for index, row in enumerate(results.recipes)
        if row.delta is not None
    ]
    compared.sort(key=lambda c: -math.inf if c[2].mean is None else c[2].mean, reverse=True)
    rows, y = [], 0.0
    for index, row, delta in compared:
        change = scale.change(delta.mean, half_width(delta), unit=False)
        ends = scale.ends(delta, effect=True) or "no interval"
        numbers = 0.0 if wide else text_width(f"{change}  ({ends})") + 12
        name = wrapped(row_label(row), max(room - numbers, 120.0))
        height = 15.0 * len(name) + (30 if wide else 58)
        rows.append(_Row(index, row, delta, name, change, ends, y, height))
        y += height
    return rows


def _verdict(row: _Row) -> str:
    return f"{words.SYMBOLS[row.result.verdict]} {words.VERDICTS[row.result.verdict]}"


def _beside(
    chart: Chart, sheet: Axes, row: _Row, first: float, middle: float, changes: float
) -> None:
    """Write name and verdict left of the marks, the numbers right of them."""
    width, role = chart.px[0], verdict_role(row.result.verdict)
    for place, text in enumerate(row.name):
        chart.write(NAMES, first + 15 * place, text, align="right")
    under = first + 15 * len(row.name) + 1
    chart.write(NAMES, under, _verdict(row), role=role, size=SMALL, align="right")
    if row.delta.mean is None:
        missing = words.why_missing(row.result)
        chart.write(width - 8, middle, missing, role="muted", size=SMALL, align="right")
        return
    right = width - _ODDS - changes
    chart.write(right, middle - 7, row.change, bold=True)
    chart.write(right, middle + 8, row.ends, role="muted", size=SMALL)
    if row.delta.p_better is not None:
        _probability_bar(sheet, row.delta, width - _ODDS, middle - 7, _ODDS - 16)
        chart.write(width - _ODDS, middle + 8, _odds(row.delta), role="muted", size=SMALL)


def _below(chart: Chart, row: _Row, first: float, middle: float) -> None:
    """Write the name and the numbers above the marks, the verdict and the odds below them."""
    width, role = chart.px[0], verdict_role(row.result.verdict)
    for place, text in enumerate(row.name):
        chart.write(6, first + 15 * place, text)
    chart.write(6, middle + 19, _verdict(row), role=role, size=SMALL)
    if row.delta.mean is None:
        missing = fitted(words.why_missing(row.result), width - 12, SMALL)
        chart.write(6, middle, missing, role="muted", size=SMALL)
        return
    ends = f"({row.ends})"
    chart.write(width - 6, first, ends, role="muted", size=SMALL, align="right")
    x = width - 12 - text_width(ends, SMALL)
    chart.write(x, first, row.change, bold=True, align="right")
    if row.delta.p_better is not None:
        odds = _odds(row.delta)
        chart.write(width - 6, middle + 19, odds, role="muted", size=SMALL, align="right")


def _odds(delta: Comparison) -> str:
    parts = (delta.p_better, delta.p_equivalent, delta.p_worse)
    return " / ".join(share(p).removesuffix(" %") for p in parts) + " %"


def _probability_bar(sheet: Axes, delta: Comparison, x: float, y: float, length: float) -> None:
    for p, role in (
        (delta.p_better, "better"),
        (delta.p_equivalent, "line"),
        (delta.p_worse, "worse"),
    ):
        part = (p or 0.0) * length
        sheet.barh([y], [part], left=[x], height=8, color=colour(role), linewidth=0)
        x += part


def _write_around(
    chart: Chart,
    zero: float,
    middle: float,
    top: float,
    body: float,
    changes: float,
    band: str,
    title: str,
) -> None:
    """Write what the band is, what the columns are, and what the axis measures."""
    width = chart.px[0]
    wide = width >= SIDE_BY_SIDE
    half = text_width(band, SMALL) / 2
    right = width - _ODDS - changes - 12 if wide else width - 4
    x = min(max(zero, half + 4), right - half)
    chart.write(x, top - 12, band, role="muted", size=SMALL, align="center")
    if wide:
        for at, over, under in (
            (right + 12, "change", "95 % interval"),
            (width - _ODDS, "probability of", "better/same/worse"),
        ):
            chart.write(at, top - 28, over, role="muted", size=SMALL)
            chart.write(at, top - 12, under, role="muted", size=SMALL)
    title = f"← worse · {title} · better →"
    half = text_width(title, SMALL) / 2
    x = min(max(middle, half + 4), width - half - 4)
    chart.write(x, top + body + 38, title, role="muted", size=SMALL, align="center")
