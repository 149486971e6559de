"""How strong should each be? Dose and response."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gengap.recipe import format_number
from gengap.report import words
from gengap.report.canvas import (
    SMALL,
    WIDE,
    Chart,
    Ticks,
    colour,
    fitted,
    set_ticks,
    text_width,
)
from gengap.report.charts.marks import SIDE_BY_SIDE, effect_ticks, in_powers, limits, unit_note
from gengap.results import Dose, Results

__all__ = ["doses"]


def doses(results: Results, *, width: float = WIDE) -> Chart:
    """Dose and response: the change at every strength tried, a panel a technique.

    Parameters
    ----------
    results : Results
    width : float
        In px.

    Returns
    -------
    Chart
        Small dots are folds, the dot with the bar is their mean with its 95 % interval; "off" is
        the baseline, with no change by definition.
    """
    panels: dict[tuple[str, str, str], list[Dose]] = {}
    for dose in results.doses:
        panels.setdefault((dose.candidate, dose.technique, dose.strength), []).append(dose)
    columns = 2 if width >= SIDE_BY_SIDE else 1
    rows = max(1, math.ceil(len(panels) / columns))
    cell, height = width / columns, 262.0
    chart = Chart(width, rows * height)
    for place, (key, points) in enumerate(panels.items()):
        x, y = (place % columns) * cell, (place // columns) * height
        _dose_panel(chart, results, key, points, x, y, cell, height)
    return chart


def _dose_panel(
    chart: Chart,
    results: Results,
    key: tuple[str, str, str],
    points: Sequence[Dose],
    x: float,
    y: float,
    width: float,
    height: float,
) -> None:
    scale = words.protocol_scale(results.protocol)
    candidate, technique, strength = key
    heading = (
        candidate if strength in (candidate, "strength", "rate") else f"{candidate}: {strength}"
    )
    if technique != candidate and technique not in strength and strength != candidate:
        heading = f"{candidate}: {technique} {strength}"
    left, right, top, bottom = 52.0, 14.0, 54.0, 40.0
    axes = chart.panel(x + left, y + top, width - left - right, height - top - bottom)
    found = [v for dose in points for v in dose.folds if v is not None]
    found += [v for d in points for v in (d.effect.low, d.effect.high) if v is not None]
    scale, power = in_powers(scale, found)
    factor = scale.factor
    rope = results.protocol.rope * factor
    low, high = limits([v * factor for v in found], (-1.6 * rope, 1.6 * rope))
    axes.set_ylim(low, high)
    set_ticks(axes.yaxis, effect_ticks(scale, low, high, 4))
    axes.grid(axis="y", color=colour("line"), linewidth=1)
    axes.set_axisbelow(True)
    ordered = sorted(points, key=lambda dose: dose.value)
    places = _dose_places([dose.value for dose in ordered])
    axes.set_xlim(-0.6, max([*places, 1.0]) + 0.5)
    axes.axhspan(-rope, rope, color=colour("band"), linewidth=0)
    axes.axhline(0, color=colour("ink"), linewidth=1)
    off: dict[str, Any] = {"color": colour("neutral"), "markerfacecolor": colour("paper")}
    axes.plot([0], [0], "o", markersize=8, markeredgewidth=1.8, zorder=3, **off)
    labels = [format_number(dose.value) for dose in ordered]
    room = (width - left - right) / (axes.get_xlim()[1] - axes.get_xlim()[0])
    set_ticks(axes.xaxis, _sparse_ticks([0.0, *places], ["off", *labels], room))
    unit = f"change in {scale.label}{unit_note(power, scale.change_unit)}, validation rows"
    chart.write(x + 4, y + 34, fitted(unit, width - 16, SMALL), role="muted", size=SMALL)
    best = next((d for d in ordered if d.value == words.refit_strength(results, d)), None)
    for place, dose in zip(places, ordered, strict=True):
        _dose_marks(axes, place, dose, factor, is_best=dose is best)
    room = width - 16
    if (
        best is not None
        and best in (ordered[0], ordered[-1])
        and candidate in words.at_edge(results)
    ):
        note = f"best at the {'weakest' if best is ordered[0] else 'strongest'} tried"
        chart.write(x + width - 10, y + 14, note, role="muted", size=SMALL, align="right")
        room -= text_width(note, SMALL) + 12
    chart.write(x + 4, y + 14, fitted(heading, room, bold=True), bold=True)


def _dose_places(values: Sequence[float]) -> list[float]:
    """Places on a log axis from 1 upwards, 1 apart on average; "off" is at 0, set apart."""
    if len(values) < 2 or min(values) <= 0:
        return [1.0 + i for i in range(len(values))]
    logs = np.log(values)
    if logs[-1] == logs[0]:
        return [1.0 + i for i in range(len(values))]
    scaled = 1.0 + (logs - logs[0]) / (logs[-1] - logs[0]) * (len(values) - 1)
    return [float(place) for place in scaled]


def _sparse_ticks(places: Sequence[float], labels: Sequence[str], room: float) -> Ticks:
    """Leave out labels that would touch the one before."""
    kept: list[tuple[float, str]] = []
    end = -math.inf
    for place, label in zip(places, labels, strict=True):
        half = text_width(label, SMALL) / 2
        if place * room - half >= end + 6:
            kept.append((place, label))
            end = place * room + half
    return Ticks(tuple(p for p, _ in kept), tuple(label for _, label in kept))


def _dose_marks(axes: Axes, x: float, dose: Dose, factor: float, *, is_best: bool) -> None:
    low, high = axes.get_ylim()
    folds = [v * factor for v in dose.folds if v is not None]
    inside = [v for v in folds if low <= v <= high]
    axes.plot(
        [x] * len(inside), inside, marker="o", markersize=4, linestyle="none",
        color=colour("edge"), alpha=0.55, markeredgewidth=0,
    )  # fmt: skip
    for outside, marker, edge in (
        ([v for v in folds if v < low], "v", low),
        ([v for v in folds if v > high], "^", high),
    ):
        if outside:
            axes.plot(
                [x],
                [edge],
                marker=marker,
                linestyle="none",
                markersize=6,
                color=colour("edge"),
                clip_on=False,
            )
    if dose.effect.mean is None:
        return
    role = "training"
    if dose.effect.low is not None and dose.effect.high is not None:
        ends = [min(max(end * factor, low), high) for end in (dose.effect.low, dose.effect.high)]
        axes.plot([x + 0.16] * 2, ends, color=colour(role), linewidth=2.2)
    if low <= dose.effect.mean * factor <= high:
        axes.plot(
            [x + 0.16],
            [dose.effect.mean * factor],
            marker="D" if is_best else "o",
            linestyle="none",
            markersize=8,
            color=colour(role),
            zorder=3,
        )
