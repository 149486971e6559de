"""The given test part: the refitted best and the refitted baseline, scored once."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from gengap.results import Holdout
from gengap.statistics.bootstrap import bootstrap_effect, bootstrap_score
from gengap.statistics.metrics import Metric

__all__ = ["score_holdout"]


def score_holdout(
    metric: Metric,
    target: NDArray[Any],
    best: NDArray[Any],
    baseline: NDArray[Any],
    *,
    seed: int,
) -> Holdout:
    """Score two refitted models on the test part, with intervals over its rows.

    Parameters
    ----------
    metric : Metric
        The one that decides.
    target : ndarray (n,)
    best, baseline : ndarray (n, K) or (n,)
        Probabilities, or predictions in the target's unit.
    seed : int
        Of the bootstrap.
    """
    return Holdout(
        rows=len(target),
        metric=metric.name,
        best=bootstrap_score(metric, target, best, seed=seed),
        baseline=bootstrap_score(metric, target, baseline, seed=seed),
        delta=bootstrap_effect(metric, target, best, baseline, seed=seed),
    )
