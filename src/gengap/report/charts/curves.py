"""Loss and metric by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from gengap.report import words
from gengap.report.canvas import (
    SMALL,
    WIDE,
    Chart,
    Ticks,
    colour,
    fitted,
    nice_ticks,
    set_ticks,
    spread_apart,
)
from gengap.report.charts.marks import SIDE_BY_SIDE, in_powers, padded, unit_note
from gengap.results import CurveBand, Results

__all__ = ["learning_curves"]


def learning_curves(
    results: Results,
    *,
    recipes: Sequence[str] | None = None,
    width: float = WIDE,
) -> Chart:
    """Loss and metric by epoch: median over folds with a 10 to 90 % band, ticks at best epochs.

    Parameters
    ----------
    results : Results
    recipes : sequence of str, optional
        Whose curves; by default the baseline's, and those of the candidate that stands out.
    width : float
        In px.
    """
    if recipes is None:
        recipes = (results.recipes[0].recipe, words.winner(results).recipe)
    wanted = list(dict.fromkeys(recipes))
    bands = [band for band in results.curves if band.candidate in wanted]
    quantities = list(dict.fromkeys(band.quantity for band in bands))
    shown = [
        (recipe, quantity)
        for quantity in quantities
        for recipe in wanted
        if any((band.candidate, band.quantity) == (recipe, quantity) for band in bands)
    ]
    columns = 2 if width >= SIDE_BY_SIDE else 1
    rows = max(1, math.ceil(len(shown) / columns))
    cell, height = width / columns, 270.0
    chart = Chart(width, rows * height)
    for place, (recipe, quantity) in enumerate(shown):
        x, y = (place % columns) * cell, (place // columns) * height
        panel = [band for band in bands if (band.candidate, band.quantity) == (recipe, quantity)]
        alike = [band for band in bands if band.quantity == quantity]
        _curve_panel(chart, results, panel, alike, x, y, cell, height, many=len(wanted) > 1)
    return chart


def _curve_panel(
    chart: Chart,
    results: Results,
    panel: Sequence[CurveBand],
    alike: Sequence[CurveBand],
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    many: bool,
) -> None:
    quantity = panel[0].quantity
    scale = words.curve_scale(quantity, results)
    left, right, top, bottom = 48.0, 78.0, 34.0, 44.0
    scale, power = in_powers(scale, [v for band in alike for v in band.median])
    heading = scale.label + unit_note(power, scale.unit)
    heading = f"{panel[0].candidate}: {heading}" if many else heading
    chart.write(x + 4, y + 14, fitted(heading, width - 12, bold=True), bold=True)
    axes = chart.panel(x + left, y + top, width - left - right, height - top - bottom)
    low, high = _curve_limits(alike, scale.factor)
    epochs = max(len(band.median) for band in alike)
    axes.set_xlim(1, max(epochs, 2))
    axes.set_ylim(low, high)
    set_ticks(axes.yaxis, nice_ticks(low, high, 4))
    set_ticks(axes.xaxis, _epoch_ticks(epochs))
    axes.grid(axis="y", color=colour("line"), linewidth=1)
    axes.set_axisbelow(True)
    chart.write(
        x + left + (width - left - right) / 2,
        y + height - 12,
        "epoch",
        role="muted",
        size=SMALL,
        align="center",
    )
    labels: list[tuple[float, str, str]] = []
    for band in panel:
        training = band.part in ("train", "training")
        role = "training" if training else "unseen"
        median, lower, upper = (
            np.array([np.nan if v is None else v * scale.factor for v in values], float)
            for values in (band.median, band.low, band.high)
        )
        kept = np.unique(np.linspace(0, len(median) - 1, min(len(median), 160)).round().astype(int))
        at = kept + 1
        axes.fill_between(at, lower[kept], upper[kept], color=colour(role), alpha=0.18, linewidth=0)
        style = "-" if training else (0, (5, 2.5))
        axes.plot(at, median[kept], color=colour(role), linewidth=2, linestyle=style)
        finite = median[np.isfinite(median)]
        if len(finite):
            share_of_height = (high - min(max(finite[-1], low), high)) / (high - low)
            place = y + top + (height - top - bottom) * share_of_height
            labels.append((place, band.part if not training else "training", role))
    _ring(axes, panel, scale.factor, low, high)
    _end_labels(chart, labels, x + width - right + 6, y + top, y + height - bottom)
    best = next((band.best_epochs for band in panel if band.part not in ("train", "training")), ())
    if best:
        axes.vlines(
            list(best),
            0,
            0.05,
            transform=axes.get_xaxis_transform(),
            color=colour("ink"),
            linewidth=1.5,
        )


def _ring(axes: Axes, panel: Sequence[CurveBand], factor: float, low: float, high: float) -> None:
    """Mark where the median validation loss is lowest."""
    for band in panel:
        found = [(v, at) for at, v in enumerate(band.median, start=1) if v is not None]
        if band.quantity != "loss" or band.part in ("train", "training") or not found:
            continue
        least, at = min(found)
        if low <= least * factor <= high:
            axes.plot(
                [at], [least * factor], marker="o", linestyle="none", markersize=8,
                markeredgewidth=1.8, markeredgecolor=colour("unseen"),
                markerfacecolor=colour("paper"), zorder=3, clip_on=False,
            )  # fmt: skip


def _curve_limits(bands: Sequence[CurveBand], factor: float) -> tuple[float, float]:
    """Ends of the vertical axis; the first steps of training, often far off, may leave it."""
    values = [
        v * factor
        for band in bands
        for series in (band.low, band.median, band.high)
        for v in series[len(series) // 30 :]
        if v is not None and math.isfinite(v)
    ]
    return padded(values)


def _epoch_ticks(epochs: int) -> Ticks:
    if epochs < 2:
        return nice_ticks(0, 2, 2)
    ticks = nice_ticks(0, epochs, 4)
    whole = [(v, label) for v, label in zip(ticks.values, ticks.labels, strict=True) if v % 1 == 0]
    values, labels = zip(
        *[(max(v, 1.0), "1" if v < 1 else label) for v, label in whole], strict=True
    )
    return Ticks(tuple(values), tuple(labels))


def _end_labels(
    chart: Chart, labels: Sequence[tuple[float, str, str]], x: float, top: float, bottom: float
) -> None:
    """Name curves at their ends, moved apart where they end together."""
    places = spread_apart([place for place, _, _ in labels], 16.0, top + 4, bottom - 6)
    for (_, text, role), place in zip(labels, places, strict=True):
        chart.write(x, place, text, role=role, size=SMALL)
