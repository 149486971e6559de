"""Intervals over the rows of a test part, for two models that were trained once.

They speak of these two trained models on new rows of the same kind. That another training would
have ended elsewhere is not in them, so they are no substitute for the intervals over folds.

Where a metric needs every class (`roc_auc`), rows are drawn within classes: as many of each as
there are. Drawn freely, a resample without a rare class has no score, and the interval no bounds.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile
method); drawn by `scipy.stats.bootstrap`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from gengap.statistics.intervals import finite_or_none
from gengap.statistics.metrics import Metric, effect
from gengap.statistics.records import Interval

__all__ = ["bootstrap_effect", "bootstrap_score"]

Array = NDArray[Any]
RESAMPLES = 2000


def bootstrap_score(
    metric: Metric, target: Array, outputs: Array, *, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """Return a model's score on a test part with its 95 % and 50 % intervals over rows.

    Parameters
    ----------
    metric : Metric
    target : ndarray (n,)
    outputs : ndarray (n, K) or (n,)
        Probabilities, or predictions.
    seed : int
    resamples : int
        How often n rows are drawn with replacement.

    Returns
    -------
    Interval
        Without bounds for a single row, for a class with a single row where the metric needs every
        class, and where the metric is undefined in some resample.
    """

    def score(rows: Array) -> Array:
        return metric.function(target[rows], outputs[rows])

    return _over_rows(score, _strata(score, metric, target), seed, resamples)


def bootstrap_effect(
    metric: Metric,
    target: Array,
    candidate: Array,
    baseline: Array,
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return how much better a model is than another on the same rows (positive is better).

    Parameters
    ----------
    metric : Metric
    target : ndarray (n,)
    candidate, baseline : ndarray (n, K) or (n,)
    seed, resamples : int
        See `bootstrap_score`; with the same seed both draw the same rows.
    """
    outputs = np.stack([candidate, baseline])

    def difference(rows: Array) -> Array:
        scores = metric.function(target[rows], outputs[:, rows])
        return effect(metric, scores[0], scores[1])

    return _over_rows(difference, _strata(difference, metric, target), seed, resamples)


def _strata(statistic: Callable[[Array], Array], metric: Metric, target: Array) -> list[Array]:
    """Return the rows that are drawn from together: all, or those of a class each."""
    everything = np.arange(len(target))
    if metric.tasks != ("classification",):
        return [everything]
    classes, counts = np.unique(target, return_counts=True)
    without = np.flatnonzero(target != classes[np.argmin(counts)])
    if not len(without) or finite_or_none(statistic(without)) is not None:
        return [everything]
    return [np.flatnonzero(target == code) for code in classes]


def _over_rows(
    statistic: Callable[[Array], Array], strata: list[Array], seed: int, resamples: int
) -> Interval:
    mean = finite_or_none(statistic(np.sort(np.concatenate(strata))))
    if mean is None:
        return Interval(None, None, None, missing=1)
    if min(map(len, strata)) < 2:
        return Interval(mean, None, None)
    # Rows are drawn as indices: paired by construction, and any shape of outputs will do.
    with warnings.catch_warnings():
        # A resample without a score leaves no bounds, which the record says.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        drawn = bootstrap(
            strata,
            lambda *drawn: float(statistic(np.concatenate(drawn))),
            n_resamples=resamples,
            vectorized=False,
            confidence_level=0.95,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    low50, high50 = np.quantile(drawn.bootstrap_distribution, [0.25, 0.75])
    bounds = (drawn.confidence_interval.low, drawn.confidence_interval.high, low50, high50)
    low, high, inner_low, inner_high = (finite_or_none(bound) for bound in bounds)
    return Interval(mean, low, high, inner_low, inner_high)
