"""Choosing on validation: a grid point in each fold, and one grid point over all folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gengap.analysis.folds import Folds, score
from gengap.candidates import Candidate
from gengap.statistics.metrics import Metric
from gengap.trials import Trial

__all__ = ["Choice", "best_of", "choose"]

_DIGITS = 12  # significant ones, in which two means are compared


@dataclass(frozen=True)
class Choice:
    """What validation chose for a candidate.

    Attributes
    ----------
    candidate : Candidate
    trials : tuple of Trial
        The trial of the chosen grid point, one a fold.
    refit : str
        The grid point with the best mean validation score over folds.
    refit_validation : float or None
        That mean; None where a fold has no score.
    """

    candidate: Candidate
    trials: tuple[Trial, ...]
    refit: str
    refit_validation: float | None


def _oriented(metric: Metric, value: float) -> float:
    """Return a number that is smaller for a better score and largest for none."""
    if math.isnan(value):
        return math.inf
    return -value if metric.greater_is_better else value


def best_of(metric: Metric, trials: Sequence[Trial]) -> int:
    """Return the place of the trial with the best validation score.

    Ties go to the better validation loss, then to the earlier trial. A trial that diverged wins
    only where all did.

    Parameters
    ----------
    metric : Metric
    trials : sequence of Trial
        The trials of one fold, weak before strong.
    """

    def rank(place: int) -> tuple[bool, float, float, int]:
        trial = trials[place]
        loss = score(trial, "validation", "loss")
        return (
            trial.status == "diverged",
            _oriented(metric, score(trial, "validation", metric.name)),
            math.inf if math.isnan(loss) else loss,
            place,
        )

    return min(range(len(trials)), key=rank)


def _best_on_average(folds: Folds, grid: Sequence[str]) -> tuple[str, float | None]:
    """Return the grid point with the best mean validation score, and that mean.

    Ties go to the better mean validation loss, then to the weaker grid point. A grid point without
    a score in some fold has no mean; where that is so for all, the one with the fewest such folds
    is taken, the better mean of the rest deciding between equals.
    """

    def rank(place: int) -> tuple[int, float, float, int]:
        trials = folds.trials[grid[place]]
        scores, losses = (
            folds.scores(trials, "validation"),
            folds.scores(trials, "validation", "loss"),
        )
        there = np.isfinite(scores)
        mean = float(np.mean(scores[there])) if there.any() else math.nan
        loss = float(np.mean(losses)) if np.isfinite(losses).all() else math.inf
        # Equal scores in another order of the folds add up to another last digit: still a tie.
        mean = float(f"{mean:.{_DIGITS}g}")
        return int(np.count_nonzero(~there)), _oriented(folds.metric, mean), loss, place

    ranked = min(map(rank, range(len(grid))))
    recipe = grid[ranked[-1]]
    scores = folds.scores(folds.trials[recipe], "validation")
    return recipe, float(np.mean(scores)) if np.isfinite(scores).all() else None


def choose(folds: Folds, candidate: Candidate) -> Choice:
    """Choose a candidate's strengths on validation, in each fold and for the refit.

    Parameters
    ----------
    folds : Folds
    candidate : Candidate
    """
    rows = [folds.trials[recipe] for recipe in candidate.grid]
    trials = tuple(fold[best_of(folds.metric, fold)] for fold in zip(*rows, strict=True))
    return Choice(candidate, trials, *_best_on_average(folds, candidate.grid))
