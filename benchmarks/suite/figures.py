"""The record in pictures, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from suite.children import Record
from suite.race import COLD, WARM

__all__ = ["FIGURES", "Drawn", "draw"]

#: Okabe and Ito's colors, which people with any color vision tell apart.
OURS, THEIRS, BOUND = "#0072B2", "#999999", "#D55E00"


@dataclass(frozen=True)
class Drawn:
    """A figure of the page.

    Attributes
    ----------
    part : str
        Of the page, and of the record.
    file : str
    alternative : str
        What it shows, in words.
    make : callable
        ``(record) -> Figure``, or None where its part was not measured.
    """

    part: str
    file: str
    alternative: str
    make: Callable[[Record], Figure | None]


def draw(record: Record, folder: Path) -> list[str]:
    """Draw what was measured; return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    # Without a salt and a date the same record gives the same file.
    with mpl.rc_context({"svg.hashsalt": "gengap", "svg.fonttype": "none"}):
        for figure in FIGURES:
            made = figure.make(record)
            if made is not None:
                made.savefig(folder / figure.file, format="svg", metadata={"Date": None})
                drawn.append(figure.file)
    return drawn


def _works(record: Record) -> Figure | None:
    works = list(record["works"].values())
    if not works:
        return None
    heights = [len(race["rows"]) for race in works]
    figure = Figure((8, 0.6 + 0.26 * sum(heights) + 0.55 * len(works)), layout="constrained")
    axes = figure.subplots(len(works), squeeze=False, height_ratios=heights)[:, 0]
    for ax, race in zip(axes, works, strict=True):
        rows = race["rows"][::-1]
        colors = [OURS if row["name"] in (COLD, WARM) else THEIRS for row in rows]
        bars = ax.barh(
            [row["name"] for row in rows], [row["seconds"] for row in rows], color=colors
        )
        ax.bar_label(bars, [f" {row['seconds']:.3g}" for row in rows], fontsize=8)
        ax.set_xscale("log")
        ax.set_xlim(right=ax.get_xlim()[1] * 3)
        ax.set_title(race["title"], loc="left", fontsize=9)
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("seconds a trial (logarithmic)")
    return figure


def _limits(record: Record) -> Figure | None:
    if not record.get("limits"):
        return None
    works = list(record["limits"]["works"].values())[::-1]
    figure = Figure((8, 1 + 0.4 * len(works)), layout="constrained")
    ax = figure.subplots()
    shares = [100 * found["share"] for found in works]
    bars = ax.barh([found["title"] for found in works], shares, color=OURS)
    ax.bar_label(bars, [f" {share:.0f} %" for share in shares], fontsize=8)
    ax.axvline(100, color=BOUND)
    ax.set_xlim(0, max(115, *(1.1 * share for share in shares)))
    ax.set_xlabel("share of what the machine could do at best, in percent")
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def _growth(record: Record) -> Figure | None:
    growth = record.get("growth")
    if not growth:
        return None
    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots(2, len(growth), squeeze=False, sharex="col")
    for (time, memory), (series, found) in zip(axes.T, growth.items(), strict=True):
        points = found["points"]
        sizes = [point["size"] for point in points]
        time.plot(
            sizes, [point["training"] for point in points], "o-", color=OURS, label="training"
        )
        time.plot(
            sizes, [point["call"] for point in points], "s--", color=THEIRS, label="whole call"
        )
        memory.plot(
            sizes, [point["bytes"] / 2**20 for point in points], "o-", color=OURS, label="measured"
        )
        memory.plot(
            sizes,
            [point["planned_bytes"] / 2**20 for point in points],
            "s--",
            color=BOUND,
            label="planned",
        )
        for ax in (time, memory):
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.tick_params(labelsize=8)
            ax.legend(fontsize=8)
            ax.spines[["top", "right"]].set_visible(False)
        memory.set_xlabel(series)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("MiB of the process")
    return figure


FIGURES = (
    Drawn(
        "works",
        "engine-works.svg",
        "Bars: seconds a trial of gengap, cold and warm, and of the peers, for every work",
        _works,
    ),
    Drawn(
        "limits",
        "engine-limits.svg",
        "Bars: the share of the physical limit that the lanes reach, for every work",
        _limits,
    ),
    Drawn(
        "growth",
        "engine-growth.svg",
        "Lines: seconds and memory against the number of runs, techniques and rows",
        _growth,
    ),
)
