"""Early stopping at spread-out epochs, against the same trials without continuous batching.

Two studies train the same recipes on the same folds; in one their patience ends them, in the other
no patience ends. From the second follows what an epoch of a lane costs; from the first, at which
epoch every run ended. Without continuous batching the lanes are filled with runs, and filled again
when the last of them has ended, so that every lane costs the epochs of the longest run beside it.
That sum is the figure that the first study is held to; so it is measured epochs at a measured
price, and no run of an engine that gengap does not have.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import replace
from pathlib import Path

from suite.children import Record
from suite.studies import asked_of_gengap, of_gengap
from suite.works import Work

__all__ = ["filled_and_emptied", "stopping"]

#: Epochs after which a run of the second study would stop: more than it has.
ENDLESS = 10_000

PATIENCES = (2, 5, 10, 20)


def stopping(table: Work, data: Path, *, rounds: int, cache: Path, quick: bool) -> Record:
    """Measure; the table is the work whose rows and network are used."""
    epochs, folds = (6, 2) if quick else (200, 5)
    strengths = [1e-4] if quick else [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    rates = [0.1] if quick else [0.05, 0.1, 0.2, 0.35]
    runs = [f"l2={strength:g} + dropout={rate:g}" for strength in strengths for rate in rates]
    # One patience a run: what stops later would keep the run going.
    stops = [
        f"{run} + early_stopping={patience}"
        for run, patience in zip(runs, itertools.cycle(PATIENCES), strict=False)
    ]
    never = [f"{run} + early_stopping={ENDLESS}" for run in runs]
    work = replace(table, epochs=epochs, folds=folds)
    found: dict[str, list[float]] = {"stops": [], "never": []}
    asked = asked_of_gengap(work, data, [{"techniques": stops}, {"techniques": never}])
    for number in range(0 if quick else -1, rounds):
        studies = of_gengap(asked, cache)["studies"]
        if number >= 0:  # the one before fills the cache of compiled programs
            for name, study in zip(found, studies, strict=True):
                found[name].append(study["training"])
    first, second = studies
    if first["runs"] != second["runs"]:
        raise SystemExit(f"expected as many runs in both studies: {first} {second}")
    whole = statistics.median(found["never"])
    price = whole / (second["runs"] * epochs)
    filled = filled_and_emptied(first["epochs"], first["lanes"]) * price
    measured = statistics.median(found["stops"])
    return {
        "rounds": rounds,
        "runs": first["runs"],
        "epochs": epochs,
        "lanes": first["lanes"],
        "stopped_after": sorted(first["epochs"]),
        "seconds": measured,
        "seconds_to_the_last_epoch": whole,
        "seconds_without": filled,
        "ratio": filled / measured,
        "ideal_ratio": filled / (sum(first["epochs"]) * price),
        "all": found,
    }


def filled_and_emptied(epochs: list[int], lanes: int) -> int:
    """Return the epochs of all lanes where they are filled, and filled again when all ended.

    Examples
    --------
    >>> filled_and_emptied([10, 1, 1, 1, 3], lanes=2)
    28
    """
    return sum(lanes * max(epochs[start : start + lanes]) for start in range(0, len(epochs), lanes))
