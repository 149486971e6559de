"""Is there a gap to close? Training and test score of every recipe."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from gengap.report import words
from gengap.report.canvas import (
    SMALL,
    WIDE,
    Chart,
    colour,
    fitted,
    nice_ticks,
    set_ticks,
    text_width,
    wrapped,
)
from gengap.report.charts.marks import (
    NAMES,
    SIDE_BY_SIDE,
    in_powers,
    legend,
    padded,
    row_label,
    strip,
    unit_note,
)
from gengap.report.numbers import Scale, half_width
from gengap.results import CandidateResult, Results
from gengap.statistics.records import Interval

__all__ = ["gap_dumbbells"]


def gap_dumbbells(results: Results, *, width: float = WIDE) -> Chart:
    """Training and test score of every recipe, joined by its gap.

    Parameters
    ----------
    results : Results
    width : float
        In px.

    Returns
    -------
    Chart
        Hollow squares are training rows, dots are test rows with their 95 % interval. The baseline
        comes first, then the best test score.
    """
    wide = width >= SIDE_BY_SIDE
    raw = words.protocol_scale(results.protocol)
    tests = [raw.clamped(row.test) for row in results.recipes]
    scores = [
        end
        for row, test in zip(results.recipes, tests, strict=True)
        for end in (row.train.mean, test.mean, test.low, test.high)
        if end is not None
    ]
    scale, power = in_powers(raw, scores)
    rows = list(enumerate(results.recipes))
    rows[1:] = sorted(rows[1:], key=lambda pair: _rank(pair[1], maximize=raw.maximize))
    gaps = [_gap(scale, row, wide=wide) for _, row in rows]
    column = max(text_width(gap, SMALL) for gap in [*gaps, "gap"]) + 12
    name_width = NAMES if wide else width - column - 12
    names = [wrapped(row_label(row), name_width) for _, row in rows]
    heights = [15.0 * len(lines) + (15 if wide else 34) for lines in names]
    left, plot = (NAMES + 12, width - NAMES - 24 - column) if wide else (20.0, width - 40)
    top, body = 44.0, sum(heights)
    chart = Chart(width, top + body + 50)
    entries = (("s", "training", "training rows"), ("o", "unseen", "test rows, 95 % interval"))
    legend(chart, left if wide else 6, 14, entries, columns=wide)
    axes = chart.panel(left, top, plot, body)
    axes.set_ylim(body, 0)
    axes.yaxis.set_major_locator(NullLocator())
    low, high = padded([score * scale.factor for score in scores])
    axes.set_xlim(low, high)
    set_ticks(axes.xaxis, nice_ticks(low, high, 6 if wide else 4))
    if wide:
        strip(axes, 0, body)
        chart.write(width - column, top - 12, "gap", role="muted", size=SMALL)
    y = 0.0
    for (index, row), name, gap, height in zip(rows, names, gaps, heights, strict=True):
        middle = y + 6 + 7.5 * len(name) if wide else y + 15 * len(name) + 17
        if not wide and row.gap.mean is not None:
            strip(axes, middle - 9, middle + 9)
        for place, text in enumerate(name):
            x, line = (NAMES if wide else 6), top + y + 13 + 15 * place
            chart.write(x, line, text, align="right" if wide else "left", bold=index == 0)
        if row.gap.mean is None:
            missing = fitted(words.why_missing(row), width - 12 if not wide else plot, SMALL)
            x, align = (width - 6, "right") if wide else (6, "left")
            chart.write(x, top + middle, missing, role="muted", size=SMALL, align=align)
        else:
            x, line = (width - column, middle) if wide else (width - 6, y + 13)
            align = "left" if wide else "right"
            chart.write(x, top + line, gap, size=SMALL, align=align)
            _dumbbell(axes, row.train.mean, tests[index], middle, scale.factor, f"row-{index}")
        y += height
    title = scale.label + unit_note(power, scale.unit)
    title += "" if scale.maximize else ", lower is better"
    chart.write(left + plot / 2, top + body + 36, title, role="muted", size=SMALL, align="center")
    return chart


def _rank(row: CandidateResult, *, maximize: bool) -> float:
    if row.test.mean is None:
        return math.inf
    return -row.test.mean if maximize else row.test.mean


def _gap(scale: Scale, row: CandidateResult, *, wide: bool) -> str:
    gap = scale.difference(row.gap.mean, half_width(row.gap))
    return gap if wide else f"gap {gap}"


def _dumbbell(
    axes: Axes, train: float | None, test: Interval, y: float, factor: float, gid: str
) -> None:
    if train is not None and test.mean is not None:
        ends = [train * factor, test.mean * factor]
        axes.plot(ends, [y, y], color=colour("edge"), linewidth=2, alpha=0.6, gid=gid)
    if test.low is not None and test.high is not None:
        ends = [test.low * factor, test.high * factor]
        axes.plot(ends, [y, y], color=colour("unseen"), linewidth=1.8, gid=gid)
    for marker, x, role, face in (
        ("s", train, "training", "paper"),
        ("o", test.mean, "unseen", "unseen"),
    ):
        if x is not None:
            axes.plot(
                [x * factor],
                [y],
                marker=marker,
                linestyle="none",
                markersize=8,
                markeredgewidth=1.8,
                markeredgecolor=colour(role),
                markerfacecolor=colour(face),
                gid=gid,
                clip_on=False,
                zorder=3,
            )
