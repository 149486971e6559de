"""The record in words: tables for the results folder and for the guide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keeping import table

from suite.children import Record
from suite.figures import FIGURES
from suite.goals import Judged
from suite.race import COLD, WARM
from suite.spent import KINDS, PHASES, left_by_goals

__all__ = ["parts", "write_into"]

#: What stands between these lines of a page is written anew; the rest is written by hand.
BEGIN, END = "<!-- measured: {} -->", "<!-- end of measured -->"


def parts(record: Record, judged: list[Judged]) -> dict[str, str]:
    """Return the generated parts of the page by name, in their order."""
    return {
        "goals": _goals(judged),
        "works": "\n\n".join(_works(record["works"])) or _nothing("works"),
        "limits": _limits(record["limits"]) if record.get("limits") else _nothing("limits"),
        "spent": _spent(record, judged) if record.get("spent") else _nothing("spent"),
        "stopping": _stopping(record["stopping"])
        if record.get("stopping")
        else _nothing("stopping"),
        "growth": "\n\n".join(_growth(record["growth"])) or _nothing("runs techniques rows"),
    }


def write_into(page: Path, written: dict[str, str], figures: Iterable[str]) -> None:
    """Put the parts and their figures between the page's marks.

    Raises
    ------
    SystemExit
        Where a mark is missing.
    """
    text = page.read_text(encoding="utf-8")
    drawn = set(figures)
    for name, part in written.items():
        begin = BEGIN.format(name)
        if text.count(begin) != 1 or END not in text.partition(begin)[2]:
            raise SystemExit(f"{page}: expected the line {begin!r} once, and {END!r} after it")
        before, _, rest = text.partition(begin)
        after = rest.partition(END)[2]
        shown = [
            f"![{figure.alternative}](figures/{figure.file})"
            for figure in FIGURES
            if figure.part == name and figure.file in drawn
        ]
        text = "\n\n".join([before + begin, *shown, part, END]) + after
    page.write_text(text, encoding="utf-8")


def _nothing(parts: str) -> str:
    return f"Not measured yet: `python benchmarks/engine.py --only {parts}`."


def _goals(judged: list[Judged]) -> str:
    return table(
        ("work", "against", "goal", "measured", "status"),
        [
            (
                one.goal.what,
                one.goal.against,
                ("at most " if one.goal.at_most else "at least ") + _ratio(one.goal.bound),
                "" if one.ratio is None else _ratio(one.ratio),
                one.status + (f": {one.why}" if one.why else ""),
            )
            for one in judged
        ],
    )


def _works(works: Record) -> Iterator[str]:
    for race in works.values():
        settings = race["settings"]
        text = (
            f"### {race['title']}\n\n"
            f"{settings['trials']} trials, {settings['rows_trained']:,} training rows each, batch "
            f"{settings['batch_size']}, {settings['epochs']} epochs, {settings['optimizer'][0]}. "
            f"{settings['note']}".strip()
        )
        rows = [
            (
                row["name"],
                _seconds(row["seconds"]),
                f"{_seconds(row['least'])} to {_seconds(row['most'])}",
                row["measured"],
                _ratio(row["ratio"]),
                _ratio(row["ratio_to_process"]),
                f"{row['held']:.3f}" + ("" if row["learned"] else " (not what the others learned)"),
            )
            for row in race["rows"]
        ]
        rows += [(name, why, *[""] * 5) for name, why in race["absent"].items()]
        columns = (
            "what",
            "seconds a trial (median)",
            "least to most",
            "measured",
            "times the cold call",
            "times the cold process",
            "accuracy on unseen rows",
        )
        named = {row["name"]: row for row in race["rows"]}
        whole = [
            f"{_seconds(named[name][of])} {words}"
            for name, of, words in (
                (COLD, "process", "the whole process, cold"),
                (WARM, "process", "warm"),
                (COLD, "training", "training alone, cold"),
                (WARM, "training", "warm"),
            )
        ]
        yield (
            f"{text}\n\n{table(columns, rows)}\n\nBesides, in seconds a trial: {', '.join(whole)}. "
            f"{_count(race['study']['programs'], 'program')}, {race['study']['lanes']} lanes; at "
            f"most {_mebibytes(named[COLD]['bytes'])} in the process, "
            f"{_mebibytes(named[COLD]['planned_bytes'])} planned. {_taken(race)}"
        )


def _limits(limits: Record) -> str:
    rates = limits["rates"]
    rows = [
        (
            found["title"],
            f"{1e6 * found['step_of_a_lane']:.1f}",
            *(f"{1e6 * found['bound_of_a_step'][part]:.1f}" for part in _BOUNDS),
            *(f"{100 * found[share]:.0f} %" for share in _SHARES),
        )
        for found in limits["works"].values()
    ]
    columns = (
        "work",
        "us a step of a lane",
        "bound: products",
        "weights",
        "rows",
        "share of the limit",
        "without the scores",
        "at the shapes' own rate",
    )
    return (
        f"{table(columns, rows)}\n\nThis machine's {rates['cores']} cores: "
        f"{rates['products'] / 1e9:.0f} billion operations a second in products of matrices, "
        f"{rates['memory'] / 1e9:.1f} GB/s of memory. {_taken(limits)}"
    )


_BOUNDS = ("products", "weights", "rows")
_SHARES = ("share", "share_of_training_alone", "share_at_the_shapes")


def _spent(record: Record, judged: list[Judged]) -> str:
    works = record["spent"]["works"].values()
    phases = table(
        ("work", *PHASES, "whole call"),
        [
            (
                found["title"],
                *(_seconds(found["phases"].get(phase, 0.0)) for phase in PHASES),
                _seconds(found["call"]),
            )
            for found in works
        ],
    )
    operations = table(
        ("work", *KINDS),
        [
            (
                found["title"],
                *(f"{100 * found['operations'].get(kind, 0.0):.0f} %" for kind in KINDS),
            )
            for found in works
        ],
    )
    text = (
        f"Seconds of a cold study:\n\n{phases}\n\nOf the operations of its epochs, on both cores:"
        f"\n\n{operations}\n\n{_taken(record['spent'])}"
    )
    if record.get("limits"):
        left = [
            (
                one.goal.what,
                one.goal.against,
                _seconds(call),
                _seconds(bound),
            )
            for one, call, bound in left_by_goals(record, judged)
        ]
        if left:
            columns = ("work", "against", "a call that meets the goal, s", "products alone, s")
            text += f"\n\nWhat the goals that are not met would leave:\n\n{table(columns, left)}"
    return text


def _stopping(found: Record) -> str:
    ended = found["stopped_after"]
    tenth, middle, ninetieth = (ended[int(share * (len(ended) - 1))] for share in (0.1, 0.5, 0.9))
    return (
        f"{found['runs']} runs of at most {found['epochs']} epochs, in {found['lanes']} lanes; "
        f"half of them ended by epoch {middle}, a tenth by {tenth}, nine tenths by {ninetieth}.\n\n"
        + table(
            ("what", "seconds"),
            [
                ("measured", _seconds(found["seconds"])),
                ("without continuous batching", _seconds(found["seconds_without"])),
                (
                    "all runs to the last epoch, measured",
                    _seconds(found["seconds_to_the_last_epoch"]),
                ),
            ],
        )
        + f"\n\n{_ratio(found['ratio'])} times; {_ratio(found['ideal_ratio'])} if no lane ever "
        f"waited. {_taken(found)}"
    )


def _growth(growth: Record) -> Iterator[str]:
    for series, found in growth.items():
        rows = [
            (
                f"{point['size']:,}",
                f"{point['runs']:,}",
                point["programs"],
                point["lanes"],
                _seconds(point["training"]),
                _seconds(point["call"]),
                "" if point["size_ratio"] is None else _ratio(point["size_ratio"]),
                "" if point["time_ratio"] is None else _ratio(point["time_ratio"]),
                _mebibytes(point["bytes"]),
                _mebibytes(point["planned_bytes"]),
                _ratio(point["memory_ratio"]),
            )
            for point in found["points"]
        ]
        columns = (
            series,
            "runs" if series != "runs" else "networks",
            "programs",
            "lanes",
            "training, s",
            "whole call, s",
            "times the size",
            "times the time",
            "peak memory",
            "planned",
            "peak / planned",
        )
        yield f"### With {series}\n\n{table(columns, rows)}\n\n{_taken(found)}"


def _taken(part: Record) -> str:
    about = part["machine"]
    load = about["load_at_start"]
    found = (
        f"{_count(part['rounds'], 'round')}, {about['processor']}, {about['cores']} cores, "
        f"{about['date']}"
    )
    return found + ("." if load is None else f", load at start {load}.")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}"


def _ratio(ratio: Any) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _mebibytes(count: float) -> str:
    return f"{count / 2**20:,.0f} MiB" if count >= 2**20 else f"{count / 2**10:,.0f} KiB"
