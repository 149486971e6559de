"""Baseline and winner by every other metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from gengap.report import words
from gengap.report.canvas import (
    SMALL,
    WIDE,
    Chart,
    fitted,
    nice_ticks,
    set_ticks,
    text_width,
)
from gengap.report.charts.marks import (
    SIDE_BY_SIDE,
    in_powers,
    interval_marks,
    padded,
    strip,
    unit_note,
)
from gengap.report.numbers import Scale, half_width, scale_of
from gengap.results import Results
from gengap.statistics.records import Interval

__all__ = ["other_metrics"]


def other_metrics(results: Results, *, width: float = WIDE) -> Chart:
    """Baseline and winner by every other metric, a panel a metric.

    Parameters
    ----------
    results : Results
    width : float
        In px.
    """
    baseline = results.recipes[0]
    winner = words.winner(results)
    names = [name for name in baseline.other_metrics if name in winner.other_metrics]
    columns = 2 if width >= SIDE_BY_SIDE else 1
    cell, height = width / columns, 158.0
    rows = max(1, math.ceil(len(names) / columns))
    chart = Chart(width, rows * height)
    for place, name in enumerate(names):
        x, y = (place % columns) * cell, (place // columns) * height
        scale = scale_of(name)
        better = "higher is better" if scale.maximize else "lower is better"
        heading = f"{scale.label}"
        chart.write(x + 4, y + 14, heading, bold=True)
        start = x + 4 + text_width(heading, bold=True) + 10
        chart.write(start, y + 14, f"({better})", role="muted", size=SMALL)
        axes = chart.panel(x + 22, y + 28, cell - 58, 90)
        pairs = [(baseline, "neutral"), (winner, "training")][: 1 if winner is baseline else 2]
        shown = [(row.recipe, scale.clamped(row.other_metrics[name]), role) for row, role in pairs]
        _metric_panel(chart, axes, scale, shown, x, y, cell)
    return chart


def _metric_panel(
    chart: Chart,
    axes: Axes,
    scale: Scale,
    shown: Sequence[tuple[str, Interval, str]],
    x: float,
    y: float,
    width: float,
) -> None:
    raw = [
        end
        for _, interval, _ in shown
        for end in (interval.mean, interval.low, interval.high)
        if end is not None
    ]
    scale, power = in_powers(scale, raw)
    low, high = padded([end * scale.factor for end in raw])
    axes.set_xlim(low, high)
    axes.set_ylim(90, 0)
    axes.yaxis.set_major_locator(NullLocator())
    set_ticks(axes.xaxis, nice_ticks(low, high, 4))
    if power:
        note = unit_note(power, "").strip()
        chart.write(x + width - 12, y + 14, note, role="muted", size=SMALL, align="right")
    for place, (name, interval, role) in enumerate(shown):
        line = 44.0 * place + 10
        value = scale.value(interval.mean, half_width(interval))
        room = width - 50 - text_width(value, SMALL)
        chart.write(x + 8, y + 28 + line, fitted(name, room, SMALL), size=SMALL)
        chart.write(x + width - 28, y + 28 + line, value, size=SMALL, role="muted", align="right")
        strip(axes, line + 9, line + 27)
        if interval.mean is not None:
            interval_marks(axes, line + 18, interval, scale.factor, role, filled=True, gid="")
