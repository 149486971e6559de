"""What the engine must show, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suite.children import Record
from suite.race import COLD
from suite.works import PEERS, WORKS

__all__ = ["Goal", "Judged", "judge"]

#: From so many lanes on, twice the lanes may cost so many times the time.
LINEAR_FROM, LINEAR = 64, 2.1


@dataclass(frozen=True)
class Goal:
    """A ratio that must be reached.

    Attributes
    ----------
    part : str
        Of the record, such as ``"table"``, that the ratio is taken from.
    what, against : str
    bound : float
    at_most : bool
        Whether the ratio must stay below the bound instead of above.
    """

    part: str
    what: str
    against: str
    bound: float
    at_most: bool = False


@dataclass(frozen=True)
class Judged:
    """A goal with what was measured.

    Attributes
    ----------
    goal : Goal
    ratio : float, optional
        None where it was not measured.
    why : str
        Why it was not, or why it does not count.
    """

    goal: Goal
    ratio: float | None
    why: str = ""

    @property
    def status(self) -> str:
        """``met``, ``not met`` or ``not measured``."""
        if self.ratio is None:
            return "not measured"
        reached = (
            self.ratio <= self.goal.bound if self.goal.at_most else self.ratio >= self.goal.bound
        )
        return "met" if reached and not self.why else "not met"


_PEER_GOALS = (
    ("table", "keras-tensorflow", 200),
    ("table", "keras-jax", 60),
    ("table", "pytorch", 30),
    ("table", "sklearn", 12),
    ("table200", "keras-tensorflow", 60),
    ("mnist32", "keras-tensorflow", 8),
    ("mnist32", "keras-jax", 3),
    ("mnist32", "pytorch", 2.5),
    ("cnn", "keras-tensorflow", 2),
    ("lstm", "keras-jax", 2),
)


def judge(record: Record) -> list[Judged]:
    """Hold a record to the goals."""
    return [*_peers(record), *_of_the_engine(record)]


def _peers(record: Record) -> Iterator[Judged]:
    for work, name, bound in _PEER_GOALS:
        title = PEERS[name].title
        race = record["works"].get(work)
        goal = Goal(work, race["title"] if race else WORKS[work].title, title, bound)
        if race is None:
            yield Judged(goal, None, "this work was not run")
        elif title in race["absent"]:
            yield Judged(goal, None, race["absent"][title])
        else:
            rows = {row["name"]: row for row in race["rows"]}
            apart = [row["name"] for row in (rows[title], rows[COLD]) if not row["learned"]]
            why = f"did not learn what the others did: {', '.join(apart)}" if apart else ""
            yield Judged(goal, rows[title]["ratio"], why)


def _of_the_engine(record: Record) -> Iterator[Judged]:
    shares = record["limits"]["works"] if record.get("limits") else {}
    goal = Goal("limits", "MNIST 784-128-10, batch 128, steady state", "the physical limit", 0.6)
    yield Judged(goal, *_or_absent(shares.get("mnist128"), "share"))

    goal = Goal("stopping", "early stopping", "the same trials without continuous batching", 1.5)
    yield Judged(goal, *_or_absent(record.get("stopping"), "ratio"))

    growth = record.get("growth", {})
    doubled = [
        point["time_ratio"]
        for point in growth.get("runs", {"points": []})["points"]
        if point["size"] > LINEAR_FROM and point["time_ratio"] is not None
    ]
    goal = Goal("growth", "twice the lanes, from 64 on", "the time of half as many", LINEAR, True)
    yield Judged(goal, *((max(doubled), "") if doubled else (None, "no series of runs")))

    peaks = [point["memory_ratio"] for series in growth.values() for point in series["points"]]
    goal = Goal("growth", "peak memory of the process", "what the plan said", 1.3, True)
    yield Judged(goal, *((max(peaks), "") if peaks else (None, "no growth was measured")))


def _or_absent(part: Record | None, name: str) -> tuple[float | None, str]:
    return (None, "not run") if part is None else (part[name], "")
