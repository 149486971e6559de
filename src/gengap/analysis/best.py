"""The best recipe: the honest score of choosing it, and what is refitted on all rows.

Two things are kept apart. In each fold the candidate with the best validation score wins, and the
test scores of the winners are what the whole procedure is worth (`Best.test`): nothing that was
chosen on a row is scored on that row. What is refitted is chosen once over all folds; it has no
score of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from gengap.analysis.folds import Folds
from gengap.analysis.selection import Choice, best_of
from gengap.results import Best, CandidateResult
from gengap.statistics.comparison import compare
from gengap.statistics.intervals import interval
from gengap.statistics.metrics import effect

__all__ = ["Reason", "find_best"]

Reason = Literal["best", "none_beats_baseline", "verdict_hurts", "no_baseline", "all_diverged"]


def find_best(folds: Folds, choices: Sequence[Choice], results: Sequence[CandidateResult]) -> Best:
    """Return the best recipe; `files` is left empty.

    Refitted is the candidate with the best mean validation score at its best grid point. It is the
    baseline where nothing beats the baseline by more than r there, or where the verdict on that
    candidate is (probably) hurts. `reason` is one of

    - ``"best"``: it beats the baseline on validation by more than r;
    - ``"none_beats_baseline"``, ``"verdict_hurts"``: the baseline, for that reason;
    - ``"no_baseline"``: the baseline has no score to be beaten in some fold (it diverged);
    - ``"all_diverged"``: no candidate has a score in every fold; the baseline stands in.

    Parameters
    ----------
    folds : Folds
    choices : sequence of Choice
        The baseline's first.
    results : sequence of CandidateResult
        In the same order.
    """
    winners = [
        best_of(folds.metric, in_fold)
        for in_fold in zip(*(choice.trials for choice in choices), strict=True)
    ]
    won = [choices[place].trials[fold] for fold, place in enumerate(winners)]
    names = tuple(choices[place].candidate.name for place in winners)
    test = folds.scores(won, "test")
    delta = effect(folds.metric, test, folds.scores(choices[0].trials, "test"))
    place, reason = _refitted(folds, choices, results)
    refit = choices[place]
    return Best(
        recipe=refit.candidate.name,
        refit_recipe=refit.refit,
        strengths=dict(refit.candidate.strengths[refit.refit]),
        epochs=_epochs(folds, refit.refit),
        test=interval(test, ratio=folds.ratio),
        delta=compare(delta, ratio=folds.ratio, rope=folds.rope, steps=folds.steps),
        chosen_in=dict(Counter(names)),
        chosen_by_fold=names,
        files={},
        reason=reason,
        validation=interval(folds.scores(won, "validation"), ratio=folds.ratio),
        refit_validation=refit.refit_validation,
    )


def _refitted(
    folds: Folds, choices: Sequence[Choice], results: Sequence[CandidateResult]
) -> tuple[int, Reason]:
    sign = 1 if folds.metric.greater_is_better else -1
    means = [
        -math.inf if choice.refit_validation is None else sign * choice.refit_validation
        for choice in choices
    ]
    place = int(np.argmax(means))
    if means[place] == -math.inf:
        return 0, "all_diverged"
    if results[place].verdict in ("hurts", "probably_hurts"):
        return 0, "verdict_hurts"
    if means[0] == -math.inf:
        return place, "no_baseline"
    if means[place] - means[0] > folds.rope:
        return place, "best"
    return 0, "none_beats_baseline"


def _epochs(folds: Folds, recipe: str) -> int:
    """Return the median of the folds' best epochs, halves up; diverged trials do not count."""
    trials = folds.trials[recipe]
    finished = [trial.best_epoch for trial in trials if trial.status != "diverged"]
    epochs = finished or [trial.best_epoch for trial in trials]
    return max(1, math.floor(float(np.median(epochs)) + 0.5))
