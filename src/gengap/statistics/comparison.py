"""A candidate against the baseline over the same folds.

Notation
--------
d       effect in a fold, oriented so that positive is better
n       folds times repeats
r       half-width of the region of practical equivalence
ratio   rows tested / rows that are not tested

The paired test is the corrected resampled t of Nadeau and Bengio (2003): t = mean(d) / se with
se^2 = s^2 (1/n + ratio) and n - 1 degrees of freedom. A naive paired t takes the folds for
independent and rejects about three times as often as it claims on 10 folds, nine times on 5 x 5.
The posterior is that of the Bayesian correlated t-test with a flat prior: a t distribution around
mean(d) with the same se and degrees of freedom.

What they cannot handle: they assume that d is about normal over folds and that every pair of folds
is equally correlated. Very small test parts (steps of a whole row) and folds that differ in kind
break that; neither knows about another draw of the whole data set.

Sources: Nadeau and Bengio (2003); Corani and Benavoli, A Bayesian approach for comparing
cross-validated algorithms on multiple data sets, Machine Learning 100 (2015); Benavoli, Corani,
Demsar and Zaffalon, Time for a change, JMLR 18 (2017); Holm, A simple sequentially rejective
multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from gengap.statistics.intervals import interval, mean_with_bounds, spread, standard_error
from gengap.statistics.records import Comparison

__all__ = ["compare", "compare_all", "effect_spread", "holm", "holm_factors"]


# Below this the squares of effects underflow; no score is that fine.
NOTHING = 1e-100

# Standard deviation of rounding to whole numbers.
_ROUNDED = 1 / math.sqrt(12)


def effect_spread(effects: NDArray[np.float64], steps: NDArray[np.float64] | None = None) -> float:
    """Return the standard deviation of effects over folds, never 0 for an effect that is not 0.

    The same effect d in every fold means that the metric moves in steps, not that nothing varies:
    in three folds of 30 rows it happens by chance. Steps are at most |d| wide, hence the standard
    deviation of rounding to them, |d| / sqrt(12), is the least that stands in.

    Effects are the same, too, where they are as many steps of their folds: one row more of 50, of
    50 and of 51. They count as that where their number of steps varies less than rounding to a
    whole one does, 1 / sqrt(12).

    Parameters
    ----------
    effects : ndarray (n,)
    steps : ndarray (n,), optional
        What one row is worth to the metric in each fold (`gengap.statistics.metrics.Metric.steps`);
        None for a metric that does not count rows.

    Examples
    --------
    >>> sizes = np.array([50, 50, 51])
    >>> round(effect_spread(1 / sizes, 1 / sizes), 4), round(effect_spread(1 / sizes), 4)
    (0.0057, 0.0002)
    """
    deviation = spread(effects)
    same = deviation == 0 or (steps is not None and spread(effects / steps) < _ROUNDED)
    if same:
        return max(deviation, float(np.abs(effects.mean())) * _ROUNDED)
    return deviation


def compare(
    effects: ArrayLike, *, ratio: float, rope: float, steps: NDArray[np.float64] | None = None
) -> Comparison:
    """Compare a candidate with the baseline over the same folds.

    Parameters
    ----------
    effects : array_like (n,)
        Paired effects, positive is better; NaN where a side has no score.
    ratio : float
        Rows tested / rows not tested (see `gengap.statistics.intervals.fold_ratio`).
    rope : float
        Half-width r of the region of practical equivalence, 0 or more.
    steps : ndarray (n,), optional
        Of the metric, see `effect_spread`.

    Returns
    -------
    Comparison
        `p_holm` is None (see `compare_all`). Where a fold is missing everything but the count is
        None; a single fold has a mean and nothing else; identical scores in every fold are
        equivalent with certainty.

    Examples
    --------
    >>> result = compare([0.02, 0.03, 0.04, 0.03], ratio=1 / 3, rope=0.01)
    >>> round(result.p, 4), round(result.p_better, 4)
    (0.0171, 0.9755)
    """
    if not rope >= 0:
        raise ValueError(f"expected a region of equivalence of 0 or more, received {rope}")
    values = np.asarray(effects, dtype=np.float64)
    bounds = interval(values, ratio=ratio)
    if bounds.mean is None or values.size == 1:
        return Comparison(bounds.mean, *(None,) * 7, missing=bounds.missing)
    if np.abs(values).max() < NOTHING:
        return Comparison(0.0, 0.0, 0.0, 1.0, None, 0.0, 1.0, 0.0, 0.0, 0.0)
    mean, degrees = bounds.mean, values.size - 1
    error = standard_error(effect_spread(values, steps), values.size, ratio)
    bounds = mean_with_bounds(mean, error, values.size)
    better = float(stdtr(degrees, (mean - rope) / error))
    worse = float(stdtr(degrees, (-rope - mean) / error))
    return Comparison(
        mean=mean,
        low=bounds.low,
        high=bounds.high,
        p=float(2 * stdtr(degrees, -abs(mean) / error)),
        p_holm=None,
        p_better=better,
        p_equivalent=max(0.0, 1 - better - worse),
        p_worse=worse,
        low50=bounds.low50,
        high50=bounds.high50,
    )


def compare_all(
    effects: Sequence[ArrayLike],
    *,
    ratio: float,
    rope: float,
    steps: NDArray[np.float64] | None = None,
) -> tuple[Comparison, ...]:
    """Compare every candidate with the baseline and correct p over all of them (Holm).

    Parameters
    ----------
    effects : sequence of array_like (n,)
        One a candidate (see `compare`).
    ratio, rope : float
    steps : ndarray (n,), optional
        See `compare`.
    """
    raw = [compare(values, ratio=ratio, rope=rope, steps=steps) for values in effects]
    adjusted = holm([result.p for result in raw])
    return tuple(replace(result, p_holm=p) for result, p in zip(raw, adjusted, strict=True))


def holm_factors(p_values: Sequence[float | None]) -> tuple[int, ...]:
    """Return what Holm multiplies each p with: m for the smallest of m, m - 1 for the next, ...

    Candidates without a p count as tests and come last.
    """
    order = sorted(
        range(len(p_values)), key=lambda i: math.inf if (p := p_values[i]) is None else p
    )
    factors = [0] * len(p_values)
    for rank, index in enumerate(order):
        factors[index] = len(p_values) - rank
    return tuple(factors)


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Correct p values so that the chance of any false rejection stays at the level claimed.

    Holm's step-down: the i-th smallest of m is multiplied by m - i + 1, is at least the one before
    it and at most 1. It holds under any dependence between the tests.

    Parameters
    ----------
    p_values : sequence of float or None
        None (no test was possible) stays None and still counts in m.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    adjusted: list[float | None] = [None] * len(p_values)
    floor = 0.0
    ranked = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    for rank, (p, index) in enumerate(ranked):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p))
        adjusted[index] = floor
    return tuple(adjusted)
