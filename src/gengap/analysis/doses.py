"""Dose and response: what each strength did, on the validation parts, where it was chosen."""

from __future__ import annotations

from collections.abc import Sequence

from gengap.analysis.folds import Folds
from gengap.candidates import Candidate
from gengap.results import Dose
from gengap.statistics.intervals import finite_or_none, interval
from gengap.statistics.metrics import effect

__all__ = ["find_doses"]


def find_doses(folds: Folds, candidates: Sequence[Candidate]) -> tuple[Dose, ...]:
    """Return the effect of each grid point of each candidate with exactly one open strength.

    The effect is the validation score against the baseline's in the same fold, positive is better.
    The intervals have the correction of the test parts; validation parts of different folds
    overlap, so they are rather too narrow, and they are shown, not tested.

    Parameters
    ----------
    folds : Folds
    candidates : sequence of Candidate
        The baseline first.
    """
    baseline = folds.scores(folds.trials[candidates[0].grid[0]], "validation")
    doses = []
    for candidate in candidates:
        if candidate.single is None:
            continue
        technique, strength = candidate.single
        for recipe in candidate.grid:
            value = candidate.strengths[recipe][technique]
            scores = folds.scores(folds.trials[recipe], "validation")
            effects = effect(folds.metric, scores, baseline)
            doses.append(
                Dose(
                    candidate=candidate.name,
                    technique=technique,
                    strength=strength,
                    value=value if isinstance(value, (int, float)) else value[strength],
                    folds=tuple(finite_or_none(d) for d in effects),
                    effect=interval(effects, ratio=folds.ratio),
                )
            )
    return tuple(doses)
