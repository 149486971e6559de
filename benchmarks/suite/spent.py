"""Where the seconds of a study go, and what a goal would leave for them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from suite.children import Record, run
from suite.goals import Judged
from suite.limit import step_products
from suite.studies import asked_of_gengap
from suite.works import WORKS, Work

__all__ = ["KINDS", "PHASES", "SPENT", "left_by_goals", "spent"]

#: Works that are looked into: those with goals against peers.
SPENT = ("table", "mnist32", "cnn", "lstm")

#: Of a study, and of the operations of its epochs, as `where_time_goes` names them.
PHASES = (
    "tracing",
    "waiting for the compiler",
    "epochs",
    "reading out",
    "scoring",
    "refit",
    "the rest",
)
KINDS = ("products", "the optimizer", "fetching rows", "moving", "the rest")

#: Epochs of the study whose operations are traced: as many as an early look takes.
TRACED_EPOCHS = 2


def spent(work: Work, data: Path, cache: Path) -> Record:
    """Measure one cold study's phases, and the operations of its first epochs.

    Parameters
    ----------
    work : Work
    data : Path
    cache : Path
        An empty folder for compiled programs.
    """
    asked = asked_of_gengap(work, data, [{}, {"epochs": min(TRACED_EPOCHS, work.epochs)}])
    found = run(Path(sys.executable), "where_time_goes", asked, {"GENGAP_CACHE_DIR": str(cache)})
    return {"title": work.title, "trials": work.trials} | found


def left_by_goals(record: Record, judged: list[Judged]) -> Iterator[tuple[Judged, float, float]]:
    """Return what the goals that are not met would leave for a study.

    Yields
    ------
    judged : Judged
    seconds : float
        Of the whole call, at which the goal would just be met.
    bound : float
        Seconds of the matrix products of the training steps alone, at the best rate of any product
        on this machine.
    """
    rate = record["limits"]["rates"]["products"]
    for one in judged:
        race = record["works"].get(one.goal.part)
        if race is None or one.status != "not met":
            continue
        seconds = {row["name"]: row["seconds"] for row in race["rows"]}
        work = WORKS[one.goal.part]
        steps = math.ceil(race["study"]["rows_trained"] / work.batch_size)
        operations = sum(product.operations for product in step_products(work))
        runs = race["study"]["runs"]
        yield (
            one,
            seconds[one.goal.against] * work.trials / one.goal.bound,
            operations * steps * work.epochs * runs / rate,
        )
