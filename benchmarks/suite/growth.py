"""How seconds and memory grow with runs, techniques and rows.

Every point is a study in a process of its own, round after round; the first round fills the cache
of compiled programs and is not counted.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from suite.children import Record
from suite.data import write_rows
from suite.studies import asked_of_gengap, of_gengap
from suite.works import Work

__all__ = ["SERIES", "Point", "grow", "points"]

SERIES = ("runs", "techniques", "rows")

#: Candidates with their strengths open, in the order in which they join.
TECHNIQUES = (
    "l2",
    "dropout",
    "early_stopping",
    "weight_decay",
    "l1",
    "batch_norm",
    "label_smoothing",
    "elastic_net",
    "gaussian_noise",
    "input_dropout",
    "l2+dropout",
    "l2+dropout+early_stopping",
)


@dataclass(frozen=True)
class Point:
    """One study of a series."""

    size: int
    work: Work


def points(series: str, table: Work, *, quick: bool) -> list[Point]:
    """Return the studies of a series; the table is the work whose network is used.

    A study has at least two folds, hence two runs.
    """
    if series == "runs":
        sizes = [2, 4] if quick else [2**power for power in range(1, 11)]
        work = replace(table, folds=2, epochs=2 if quick else 20)
        return [Point(size, replace(work, techniques=_strengths(size // 2 - 1))) for size in sizes]
    if series == "techniques":
        sizes = [1] if quick else [1, 2, 4, 8, 12]
        work = table if quick else replace(table, folds=5, epochs=20)
        return [Point(size, replace(work, techniques=TECHNIQUES[:size])) for size in sizes]
    sizes = [table.rows] if quick else [1_000, 10_000, 100_000, 1_000_000]
    work = table if quick else replace(table, folds=2, epochs=3, batch_size=256)
    work = replace(work, techniques=_strengths(3))
    return [Point(size, replace(work, rows=size)) for size in sizes]


def _strengths(count: int) -> tuple[str, ...]:
    return tuple(f"l2={1e-6 * 1.01**number:.5g}" for number in range(count))


def grow(
    series: str, table: Work, folder: Path, *, rounds: int, cache: Path, quick: bool
) -> Record:
    """Measure a series."""
    found: dict[int, list[Record]] = defaultdict(list)
    studied = points(series, table, quick=quick)
    for point in studied:
        write_rows(point.work, _rows_of(point, folder), None)
    for number in range(0 if quick else -1, rounds):
        for point in studied:
            record = of_gengap(asked_of_gengap(point.work, _rows_of(point, folder), [{}]), cache)
            if number >= 0:
                found[point.size].append(record["studies"][0] | {"process": record["process"]})
            print(
                f"  round {number + 1}: {point.size} {series}: {record['process']:.1f} s",
                file=sys.stderr,
            )
    for point in studied:
        _rows_of(point, folder).unlink(missing_ok=True)
    return {"rounds": rounds, "points": _ratios([_point(*pair) for pair in found.items()])}


def _rows_of(point: Point, folder: Path) -> Path:
    return folder / f"growth-{point.work.rows}.npz"


def _point(size: int, records: list[Record]) -> Record:
    def median(name: str) -> float:
        return statistics.median(record[name] for record in records)

    peak = max(record["bytes"] for record in records)
    planned = records[0]["planned_bytes"]
    return {
        "size": size,
        "runs": records[0]["runs"],
        "trials": records[0]["trials"],
        "programs": records[0]["programs"],
        "lanes": records[0]["lanes"],
        "training": median("training"),
        "call": median("call"),
        "process": median("process"),
        "bytes": peak,
        "bytes_before": records[0]["bytes_before"],
        "planned_bytes": planned,
        "memory_ratio": peak / planned,
    }


def _ratios(found: list[Record]) -> list[Record]:
    """Add how much more each point takes than the one before: 2 for twice the size is linear."""
    for before, point in zip([None, *found], found, strict=False):
        point["time_ratio"] = None if before is None else point["training"] / before["training"]
        point["size_ratio"] = None if before is None else point["size"] / before["size"]
    return found
