"""The trials of a study as one table: recipe by fold, with the metric that decides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.candidates import Candidate
from gengap.statistics.intervals import usable
from gengap.statistics.metrics import Metric
from gengap.trials import Trial

__all__ = ["FoldKey", "Folds", "complete_folds", "mean_or_none", "score", "tabulate"]

Array = NDArray[np.float64]
FoldKey = tuple[int, int]


def score(trial: Trial, part: str, metric: str) -> float:
    """Return one score of a trial; NaN where it diverged, or the metric is undefined or absurd."""
    value = trial.scores.get(part, {}).get(metric)
    if trial.status == "diverged" or value is None or not usable(value):
        return math.nan
    return float(value)


@dataclass(frozen=True)
class Folds:
    """Trials by recipe and fold.

    Attributes
    ----------
    metric : Metric
        The one that decides.
    ratio : float
        Rows tested / rows not tested, the mean over folds.
    rope : float
        Half-width r of the region of practical equivalence, in the metric's unit.
    keys : tuple of (int, int)
        (repeat, fold), sorted: the order of everything that is "one a fold".
    trials : mapping
        Recipe -> its trials in the order of `keys`.
    steps : ndarray, optional
        What one row is worth to the metric in each fold (`gengap.statistics.metrics.Metric.steps`).
    """

    metric: Metric
    ratio: float
    rope: float
    keys: tuple[FoldKey, ...]
    trials: Mapping[str, tuple[Trial, ...]]
    steps: Array | None = None

    @property
    def folds(self) -> int:
        """How many folds a repeat has."""
        return len({fold for _, fold in self.keys})

    def scores(self, trials: Iterable[Trial], part: str, metric: str | None = None) -> Array:
        """Return a score a trial (the deciding metric's by default); NaN where there is none."""
        name = self.metric.name if metric is None else metric
        return np.array([score(trial, part, name) for trial in trials], dtype=np.float64)


def tabulate(
    trials: Iterable[Trial], candidates: Sequence[Candidate]
) -> tuple[tuple[FoldKey, ...], dict[str, tuple[Trial, ...]]]:
    """Sort trials by recipe and fold.

    Raises
    ------
    ValueError
        Where a recipe of a candidate lacks a trial in a fold, or has two: an analysis of what
        happens to be there would compare different folds.
    """
    found: dict[str, dict[FoldKey, Trial]] = {}
    for trial in trials:
        row = found.setdefault(trial.recipe, {})
        key = (trial.repeat, trial.fold)
        if row.setdefault(key, trial).key != trial.key:
            raise ValueError(f"two trials of {trial.recipe!r} in repeat and fold {key}")
    keys = tuple(sorted({key for row in found.values() for key in row}))
    if not keys:
        raise ValueError("expected at least one trial, received none")
    table = {}
    for recipe in dict.fromkeys(recipe for candidate in candidates for recipe in candidate.grid):
        row = found.get(recipe, {})
        absent = [key for key in keys if key not in row]
        if absent:
            raise ValueError(f"no trial of {recipe!r} in repeat and fold {absent[0]}")
        table[recipe] = tuple(row[key] for key in keys)
    return keys, table


def complete_folds(trials: Iterable[Trial], candidates: Sequence[Candidate]) -> tuple[Trial, ...]:
    """Keep the trials of those folds in which every recipe of every candidate has its trial.

    For an interim table, while the study still runs.
    """
    trials = tuple(trials)
    wanted = {recipe for candidate in candidates for recipe in candidate.grid}
    done: dict[FoldKey, set[str]] = {}
    for trial in trials:
        done.setdefault((trial.repeat, trial.fold), set()).add(trial.recipe)
    return tuple(t for t in trials if wanted <= done[t.repeat, t.fold])


def mean_or_none(values: Any) -> float | None:
    """Return the mean of values; None where one is not finite, or there is none."""
    array = np.asarray(values, dtype=np.float64)
    return float(np.mean(array)) if array.size and np.isfinite(array).all() else None
