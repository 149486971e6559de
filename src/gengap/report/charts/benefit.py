"""What does it cost? Training time against benefit."""

from __future__ import annotations

import math

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
)
from gengap.report.charts.marks import (
    SIDE_BY_SIDE,
    effect_ticks,
    in_powers,
    limits,
    unit_note,
    verdict_role,
)
from gengap.results import Results

__all__ = ["cost"]


def cost(results: Results, *, width: float = WIDE) -> Chart:
    """Seconds a training against the change in score, a dot a candidate.

    Parameters
    ----------
    results : Results
    width : float
        In px.
    """
    points = [
        (i, row, row.seconds_per_trial, 0.0 if row.delta is None else row.delta.mean)
        for i, row in enumerate(results.recipes)
        if row.test.mean is not None and row.seconds_per_trial > 0
    ]
    drawn = [(i, row, s, effect) for i, row, s, effect in points if effect is not None]
    height = 340.0
    chart = Chart(width, height)
    left, right, top, bottom = 56.0, 16.0, 34.0, 48.0
    axes = chart.panel(left, top, width - left - right, height - top - bottom)
    scale, power = in_powers(
        words.protocol_scale(results.protocol), [effect for *_, effect in drawn]
    )
    factor = scale.factor
    rope = results.protocol.rope * factor
    low, high = limits([effect * factor for *_, effect in drawn], (-1.6 * rope, 1.6 * rope))
    low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    axes.set_ylim(low, high)
    set_ticks(axes.yaxis, effect_ticks(scale, low, high, 5))
    times = [s for _, _, s, _ in drawn] or [1.0]
    end = max(times) * 1.18
    axes.set_xlim(0, end)
    set_ticks(axes.xaxis, nice_ticks(0, end, 6 if width >= SIDE_BY_SIDE else 4))
    axes.grid(color=colour("line"), linewidth=1)
    axes.set_axisbelow(True)
    axes.axhspan(-rope, rope, color=colour("band"), linewidth=0)
    axes.tick_params(axis="x", pad=8)
    axes.axhline(0, color=colour("ink"), linewidth=1)
    title = f"↑ better · change in {scale.label}{unit_note(power, scale.change_unit)}"
    chart.write(4, 14, fitted(title, width - 8, SMALL), role="muted", size=SMALL)
    chart.write(
        left + (width - left - right) / 2,
        height - 12,
        "seconds a training",
        role="muted",
        size=SMALL,
        align="center",
    )
    frame = (left, top, width - left - right, height - top - bottom)
    zero = frame[1] + frame[3] * high / (high - low)
    placed = [(frame[0], zero - 1, frame[0] + frame[2], zero + 1)]
    in_px = []
    for index, row, s, effect in drawn:
        x = frame[0] + frame[2] * s / end
        y = frame[1] + frame[3] * (high - min(max(effect * factor, low), high)) / (high - low)
        in_px.append((index, row, x, y))
        placed.append((x - 6, y - 6, x + 6, y + 6))
        axes.plot(
            [s],
            [min(max(effect * factor, low), high)],
            marker="s" if index == 0 else "o",
            linestyle="none",
            markersize=12 if index == 0 else 8,
            markeredgewidth=1.8,
            markeredgecolor=colour("ink" if index == 0 else verdict_role(row.verdict)),
            markerfacecolor="none" if index == 0 else colour(verdict_role(row.verdict)),
            gid=f"row-{index}",
            clip_on=False,
            zorder=3,
        )
    in_px.sort(key=lambda p: (p[0] != 0, p[1].recipe != results.best.recipe, p[3]))
    for _, row, x, y in in_px:
        _place_label(chart, fitted(row.recipe, 210, SMALL), x, y, placed)
    return chart


def _place_label(
    chart: Chart,
    text: str,
    x: float,
    y: float,
    placed: list[tuple[float, float, float, float]],
) -> None:
    """Write a label beside its dot where there is room, or further off with a line to it.

    It is left out where there is no room at all.
    """
    length = text_width(text, SMALL)
    near: tuple[tuple[float, float, str], ...] = (
        (10, 0, "left"),
        (-10, 0, "right"),
        (0, -15, "center"),
        (0, 15, "center"),
        (10, -13, "left"),
        (10, 13, "left"),
        (-10, -13, "right"),
        (-10, 13, "right"),
    )
    far = tuple(
        (side * across, up * down, "left" if side > 0 else "right")
        for down in (28, 44, 60, 76, 92)
        for across in (16, 34, 60)
        for up in (-1, 1)
        for side in (1, -1)
    )
    for dx, dy, align in (*near, *far):
        start = x + dx - {"left": 0.0, "right": length, "center": length / 2}[align]
        box = (start, y + dy - 8, start + length, y + dy + 8)
        inside = box[0] >= 60 and box[2] <= chart.px[0] - 2 and 24 <= box[1] <= chart.px[1] - 60
        if inside and not any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in placed
        ):
            placed.append(box)
            if abs(dy) > 20:
                ends = ([x, x + dx * 0.9], [y + math.copysign(6, dy), y + dy * 0.9])
                chart.sheet().plot(*ends, color=colour("edge"), linewidth=1)
            chart.write(x + dx, y + dy, text, size=SMALL, align=align)
            return
