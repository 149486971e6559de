"""Figures laid out in pixels: sizes, ticks, and text that is measured before it is placed.

Notation
--------
px   one unit of length; a CSS pixel in the report, 1/72 inch elsewhere. y counts downwards.
"""

from __future__ import annotations

import functools
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

from gengap.report.numbers import number
from gengap.report.palette import PALETTE

__all__ = [
    "NARROW",
    "SMALL",
    "TEXT",
    "WIDE",
    "Chart",
    "Ticks",
    "colour",
    "fitted",
    "foreign_glyphs",
    "nice_ticks",
    "set_ticks",
    "spread_apart",
    "text_width",
    "wrapped",
]

WIDE, NARROW = 880, 340  # px: beside a desk, and on a phone
TEXT, SMALL = 13.0, 12.0  # px: no text of a chart is smaller


def colour(role: str) -> str:
    """Return the hexadecimal colour of a role; the report maps it to the reader's theme."""
    return PALETTE[role].light


class Chart(Figure):
    """A matplotlib figure of a size in px, without pyplot; notebooks show it as a picture.

    Parameters
    ----------
    width, height : float
        In px.
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width / 72, height / 72), dpi=72, facecolor=colour("paper"))
        self.px = (float(width), float(height))

    def panel(self, x: float, y: float, width: float, height: float) -> Axes:
        """Add axes at a place in px, without a frame, with quiet ticks."""
        full_width, full_height = self.px
        axes = self.add_axes(
            (
                x / full_width,
                1 - (y + height) / full_height,
                width / full_width,
                height / full_height,
            )
        )
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelsize=SMALL, labelcolor=colour("muted"), pad=4)
        return axes

    def sheet(self) -> Axes:
        """Add axes below all others that cover the figure and count in px, for loose marks."""
        axes = self.panel(0, 0, *self.px)
        axes.set_axis_off()
        axes.set_xlim(0, self.px[0])
        axes.set_ylim(self.px[1], 0)
        axes.set_zorder(-1)
        return axes

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        role: str = "ink",
        size: float = TEXT,
        align: str = "left",
        bold: bool = False,
    ) -> Text:
        """Write plain text, its middle at the height `y`, its `align` edge at `x`."""
        width, height = self.px
        return self.text(
            x / width,
            1 - y / height,
            text,
            color=colour(role),
            fontsize=size,
            ha=align,
            va="center_baseline",
            fontweight="bold" if bold else "normal",
            parse_math=False,
        )

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with foreign_glyphs():
            self.savefig(buffer, format="png", dpi=144)
        return buffer.getvalue()


@contextmanager
def foreign_glyphs() -> Iterator[None]:
    """Let names hold characters that matplotlib's font lacks: the reader's font has them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", module="")
        yield


@functools.cache
def _advance(character: str, *, bold: bool) -> float:
    """Width of a character in em; 1 where the font lacks it, as most such scripts are wide."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight=700 if bold else 400)))
    if font.get_char_index(ord(character)) == 0:
        return 1.0
    font.set_size(100, 72)
    return float(font.load_char(ord(character)).linearHoriAdvance) / 65536 / 100


def text_width(text: str, size: float = TEXT, *, bold: bool = False) -> float:
    """Return the width of a text in px.

    Parameters
    ----------
    text : str
    size : float
        Height of the font in px.
    bold : bool
    """
    return size * sum(_advance(character, bold=bold) for character in text)


def fitted(text: str, width: float, size: float = TEXT, *, bold: bool = False) -> str:
    """Shorten a text in its middle until it fits `width` px."""
    if text_width(text, size, bold=bold) <= width:
        return text
    keep = len(text) - 1
    while keep > 1:
        head = (keep + 1) // 2
        short = f"{text[:head]}…{text[len(text) - (keep - head) :]}"
        if text_width(short, size, bold=bold) <= width:
            return short
        keep -= 1
    return "…"


def wrapped(text: str, width: float, size: float = TEXT, *, lines: int = 2) -> list[str]:
    """Break a text into at most `lines` lines of `width` px, at blanks where it can."""
    rows: list[str] = []
    rest = text.split(" ")
    while rest:
        count = 1
        while count < len(rest) and text_width(" ".join(rest[: count + 1]), size) <= width:
            count += 1
        if len(rows) == lines - 1:
            count = len(rest)
        rows.append(fitted(" ".join(rest[:count]), width, size))
        rest = rest[count:]
    return rows


@dataclass(frozen=True)
class Ticks:
    """Places of ticks with labels that say exactly where they are.

    Attributes
    ----------
    values : tuple of float
    labels : tuple of str
    """

    values: tuple[float, ...]
    labels: tuple[str, ...]


def nice_ticks(low: float, high: float, count: int = 5, *, signed: bool = False) -> Ticks:
    """Choose round places between two ends.

    Parameters
    ----------
    low, high : float
        Ends of an axis, `low` < `high`.
    count : int
        About how many intervals.
    signed : bool
        Whether positive labels carry a sign.

    Returns
    -------
    Ticks
        Three at least, with steps of 1, 2, 2.5 or 5 times a power of ten, and with as many digits
        as the step needs.
    """
    raw = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if raw <= m * magnitude * (1 + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = tuple(i * step for i in range(first, last + 1))
    if len(values) < 3 and count < 64:
        return nice_ticks(low, high, 2 * count, signed=signed)
    decimals = next(d for d in range(16) if math.isclose(step * 10**d, round(step * 10**d)))
    return Ticks(values, tuple(number(v, decimals, signed=signed) for v in values))


def spread_apart(places: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Move labels apart until each has its room, keeping their order, between `low` and `high`.

    Parameters
    ----------
    places : sequence of float
        Where the labels want to be, in px.
    distance : float
        Room that each needs.
    low, high : float
        Ends of the strip.
    """
    order = np.argsort(places, kind="stable")
    moved = np.clip(np.asarray(places, float)[order], low, high)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + distance)
    overshoot = max(0.0, moved[-1] - high) if len(moved) else 0.0
    if overshoot:
        moved[-1] = high
        for i in range(len(moved) - 2, -1, -1):
            moved[i] = min(moved[i], moved[i + 1] - distance)
    result = np.empty_like(moved)
    result[order] = moved
    return [float(place) for place in result]


def set_ticks(axis: Any, ticks: Ticks) -> None:
    """Put ticks on an axis (``axes.xaxis``) of a chart."""
    axis.set_major_locator(mpl.ticker.FixedLocator(list(ticks.values)))
    axis.set_major_formatter(mpl.ticker.FixedFormatter(list(ticks.labels)))
