"""Would you choose the same again? Folds by candidates chosen."""

from __future__ import annotations

import math

from matplotlib.ticker import NullLocator

from gengap.report.canvas import SMALL, WIDE, Chart, Ticks, colour, set_ticks, wrapped
from gengap.report.charts.marks import NAMES, SIDE_BY_SIDE
from gengap.results import Results

__all__ = ["chosen_matrix"]


def chosen_matrix(results: Results, *, width: float = WIDE) -> Chart:
    """Matrix of folds by candidates: which one validation chose in each fold.

    Parameters
    ----------
    results : Results
    width : float
        In px.
    """
    folds = results.best.chosen_by_fold
    counts = {name: folds.count(name) for name in dict.fromkeys(folds)}
    names = sorted(counts, key=lambda name: -counts[name])
    wide = width >= SIDE_BY_SIDE
    name_width = NAMES if wide else width - 90
    lines = [wrapped(name, name_width) for name in names]
    heights = [15.0 * len(row) + (17 if wide else 34) for row in lines]
    left = NAMES + 12 if wide else 6.0
    plot = width - left - (84 if wide else 6)
    top, body = 10.0, sum(heights) or 20.0
    chart = Chart(width, top + body + 46)
    axes = chart.panel(left, top, plot, body)
    axes.set_xlim(0.5, max(len(folds), 1) + 0.5)
    axes.set_ylim(body, 0)
    axes.yaxis.set_major_locator(NullLocator())
    every = max(1, math.ceil(len(folds) / (20 if wide else 10)))
    at = [fold for fold in range(1, len(folds) + 1) if fold == 1 or fold % every == 0]
    set_ticks(axes.xaxis, Ticks(tuple(map(float, at)), tuple(map(str, at))))
    size = min(18.0, max(2.0, 0.8 * plot / max(len(folds), 1)))
    y = 0.0
    for name, rows, height in zip(names, lines, heights, strict=True):
        middle = y + height / 2 if wide else y + 15 * len(rows) + 18
        line = top + (y + height / 2 - 7.5 * (len(rows) - 1) if wide else y + 14)
        for text in rows:
            x = NAMES if wide else 6
            chart.write(x, line, text, align="right" if wide else "left")
            line += 15
        everywhere = range(1, len(folds) + 1)
        axes.plot(
            list(everywhere), [middle] * len(folds), marker="s", markersize=size,
            linestyle="none", color=colour("band"), markeredgewidth=0,
        )  # fmt: skip
        mine = [fold for fold in everywhere if folds[fold - 1] == name]
        axes.plot(
            mine, [middle] * len(mine), marker="s", markersize=size,
            linestyle="none", color=colour("training"), markeredgewidth=0,
        )  # fmt: skip
        count = f"{counts[name]} of {len(folds)}"
        at_y = top + (middle if wide else y + 14)
        chart.write(width - 6, at_y, count, role="muted", size=SMALL, align="right")
        y += height
    title = "fold" if results.protocol.repeats == 1 else "fold, one repeat after the other"
    chart.write(left + plot / 2, top + body + 32, title, role="muted", size=SMALL, align="center")
    return chart
