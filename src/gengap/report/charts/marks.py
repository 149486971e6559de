"""What several charts share: interval marks, strips of grid, axes of effects, legends."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gengap.report.canvas import SMALL, Chart, Ticks, colour, nice_ticks, text_width
from gengap.report.names import called
from gengap.report.numbers import SUPERSCRIPTS, Scale
from gengap.results import CandidateResult
from gengap.statistics.records import Verdict

__all__ = [
    "NAMES",
    "SIDE_BY_SIDE",
    "effect_ticks",
    "in_powers",
    "interval_marks",
    "legend",
    "limits",
    "padded",
    "row_label",
    "strip",
    "unit_note",
    "verdict_role",
]

NAMES = 214.0  # px: the column of names where there is one
SIDE_BY_SIDE = 560  # px: narrower charts put their columns below each other
_ROLES: dict[Verdict, str] = {
    "helps": "better",
    "probably_helps": "better",
    "hurts": "worse",
    "probably_hurts": "worse",
}


def verdict_role(verdict: Verdict) -> str:
    """Return the colour of a verdict, which its symbol and its words always accompany."""
    return _ROLES.get(verdict, "neutral")


def in_powers(scale: Scale, values: Iterable[float | None]) -> tuple[Scale, int]:
    """Return a scale in which huge or tiny values are short, and the power of ten it leaves out."""
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    power = math.floor(math.log10(largest * scale.factor)) if largest else 0
    if -4 < power < 6:
        return scale, 0
    return dataclasses.replace(scale, factor=scale.factor / 10.0**power), power


def unit_note(power: int, unit: str) -> str:
    """Write what the numbers of a chart are counted in (``" (points)"``)."""
    times = f"× 10{str(power).translate(SUPERSCRIPTS)}" if power else ""
    inside = " ".join(part for part in (times, unit.strip()) if part)
    return f" ({inside})" if inside else ""


def padded(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that shows all of `values`, with some room around them."""
    low, high = (min(values), max(values)) if len(values) else (0.0, 1.0)
    pad = 0.06 * (high - low or abs(high) or 1.0)
    return low - pad, high + pad


def limits(values: Sequence[float], include: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis that shows `values`; far-off ones are cut, so that the others can be read."""
    inside = [v for v in include if math.isfinite(v)]
    finite = [v for v in values if math.isfinite(v)]
    sizes = np.abs(finite) if finite else np.zeros(1)
    usual = max(float(np.percentile(sizes, 60)), *(abs(v) for v in inside), 1e-12)
    reach = 4 * usual if sizes.max() > 6 * usual else math.inf
    kept = [min(max(v, -reach), reach) for v in finite] + inside
    low, high = min(kept), max(kept)
    return padded([low, high])


def interval_marks(
    axes: Axes, y: float, interval: Any, factor: float, role: str, *, filled: bool, gid: str
) -> None:
    """Draw a dot with its thick 50 % and thin 95 % bar; an arrow where an end is cut."""
    low_end, high_end = axes.get_xlim()
    paint: dict[str, Any] = {"color": colour(role), "solid_capstyle": "butt", "gid": gid}
    for low, high, width in (
        (interval.low, interval.high, 1.8),
        (interval.low50, interval.high50, 6.0),
    ):
        if low is None or high is None:
            continue
        ends = [min(max(end * factor, low_end), high_end) for end in (low, high)]
        alpha = 0.45 if width > 2 else 1.0
        axes.plot(ends, [y, y], linewidth=width, alpha=alpha, **paint)
        for end, limit, marker in ((low, low_end, "<"), (high, high_end, ">")):
            if width < 2 and (end * factor < low_end if marker == "<" else end * factor > high_end):
                axes.plot(
                    [limit],
                    [y],
                    marker=marker,
                    linestyle="none",
                    markersize=6,
                    clip_on=False,
                    **paint,
                )
    x = interval.mean * factor
    if low_end <= x <= high_end:
        axes.plot(
            [x],
            [y],
            marker="o",
            linestyle="none",
            markersize=8,
            markeredgewidth=1.8,
            markerfacecolor=colour(role if filled else "paper"),
            markeredgecolor=colour(role),
            gid=gid,
            zorder=3,
        )


def row_label(row: CandidateResult) -> str:
    """Name a candidate in a chart; its strengths are in the table behind it."""
    return called(row.recipe)


def strip(axes: Axes, top: float, bottom: float, rope: float | None = None) -> None:
    """Draw grid lines, and the band that is too small to matter, over part of the height only.

    Below each other, names stand between the strips and no line runs through them.
    """
    span: dict[str, Any] = {"ymin": top, "ymax": bottom}
    low, high = axes.get_xlim()
    places = [x for x in axes.get_xticks() if low <= x <= high]
    if rope is not None:
        axes.fill_betweenx([top, bottom], -rope, rope, color=colour("band"), linewidth=0, zorder=0)
        axes.vlines([0], **span, color=colour("ink"), linewidth=1, zorder=1)
        places = [x for x in places if x != 0]
    axes.vlines(places, **span, color=colour("line"), linewidth=1, zorder=0.5)


def effect_ticks(scale: Scale, low: float, high: float, count: int) -> Ticks:
    """Choose ticks for an axis of effects: better lies up or right, the metric keeps its sign."""
    if scale.maximize:
        return nice_ticks(low, high, count, signed=True)
    mirrored = nice_ticks(-high, -low, count, signed=True)
    return Ticks(tuple(-v for v in mirrored.values), mirrored.labels)


def legend(
    chart: Chart,
    x: float,
    y: float,
    entries: Sequence[tuple[str, str, str]],
    *,
    columns: bool,
) -> None:
    """Write what the marks mean, above a chart: in a row, or below each other."""
    axes = chart.sheet()
    for marker, role, text in entries:
        face = colour("paper") if marker == "s" else colour(role)
        axes.plot(
            [x + 6],
            [y],
            marker=marker,
            linestyle="none",
            markersize=8,
            markeredgewidth=1.8,
            markeredgecolor=colour(role),
            markerfacecolor=face,
        )
        chart.write(x + 18, y, text, size=SMALL, role="muted")
        if columns:
            x += 18 + text_width(text, SMALL) + 22
        else:
            y += 17
