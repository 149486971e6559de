"""Means over folds with intervals that know that the folds share training rows.

Notation
--------
n       folds times repeats
ratio   rows tested / rows that are not tested, the mean over folds
s       standard deviation over folds (n - 1 in the denominator)
se      standard error of the mean: se^2 = s^2 (1/n + ratio)

The training sets of two folds overlap, hence their scores are correlated and s^2/n is far too small
an estimate of the variance of the mean. Nadeau and Bengio add `ratio`, a correlation of
test/(test + rest) between any two folds. The correction is a heuristic: no unbiased estimate of
that variance exists (Bengio and Grandvalet, 2004); it is close for learners that are stable under a
small change of their training rows, and cannot see that a whole data set is unusual. `ratio` does
not shrink with more repeats, so se never falls below s * sqrt(ratio).

Source: Nadeau and Bengio, Inference for the generalization error, Machine Learning 52 (2003).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from gengap.statistics.records import Interval

__all__ = [
    "finite_or_none",
    "fold_ratio",
    "interval",
    "mean_with_bounds",
    "spread",
    "standard_error",
    "usable",
]

LARGEST = 1e100


def finite_or_none(value: Any) -> float | None:
    """Return a float, or None where it is missing or not finite.

    Examples
    --------
    >>> finite_or_none(np.float64(2)), finite_or_none(np.nan), finite_or_none(None)
    (2.0, None, None)
    """
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def usable(scores: ArrayLike) -> NDArray[np.bool_]:
    """Return which scores can be averaged: finite, and below 1e100, so that squares are too."""
    return np.asarray(np.abs(scores) < LARGEST)


def fold_ratio(rows: int, rows_tested: int | Sequence[int]) -> float:
    """Return the mean over folds of rows tested / rows not tested.

    "Not tested" counts training and validation rows: both shape what is scored.

    Parameters
    ----------
    rows : int
        All rows that take part in the folds.
    rows_tested : int or sequence of int
        Test rows, one number for all folds or one a fold.

    Examples
    --------
    >>> fold_ratio(100, 10) == 10 / 90
    True
    """
    tested = np.atleast_1d(np.asarray(rows_tested, dtype=np.float64))
    if tested.size == 0 or (tested <= 0).any() or (tested >= rows).any():
        raise ValueError(f"expected test parts of 1 to {rows - 1} rows, received {rows_tested}")
    return float(np.mean(tested / (rows - tested)))


def spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation over folds (0 for identical values, without rounding noise)."""
    largest = float(np.max(np.abs(values)))
    if float(np.ptp(values)) <= 1e-12 * largest:
        return 0.0
    return float(np.std(values, ddof=1))


def standard_error(deviation: float, n: int, ratio: float) -> float:
    """Return the corrected standard error of a mean over n folds, s * sqrt(1/n + ratio).

    Examples
    --------
    >>> round(standard_error(1.0, 10, 1 / 9), 4)
    0.4595
    """
    return deviation * math.sqrt(1 / n + ratio)


def mean_with_bounds(mean: float, error: float, n: int) -> Interval:
    """Return the 95 % and 50 % t intervals (n - 1 degrees of freedom) around a mean."""
    wide, narrow = (float(stdtrit(n - 1, quantile)) * error for quantile in (0.975, 0.75))
    return Interval(mean, mean - wide, mean + wide, mean - narrow, mean + narrow)


def interval(values: ArrayLike, *, ratio: float) -> Interval:
    """Return the mean over folds with its corrected 95 % and 50 % intervals.

    Parameters
    ----------
    values : array_like (n,)
        One score a fold; NaN where there is none.
    ratio : float
        Rows tested / rows not tested (see `fold_ratio`).

    Returns
    -------
    Interval
        Without a mean where a fold has no score; without bounds for a single fold.

    Examples
    --------
    >>> interval([0.25, 0.5, 0.75], ratio=0.5).mean
    0.5
    >>> interval([0.7, float("nan")], ratio=0.5)
    Interval(mean=None, low=None, high=None, low50=None, high50=None, missing=1)
    """
    scores = np.asarray(values, dtype=np.float64)
    missing = int(np.count_nonzero(~usable(scores)))
    if missing or scores.size == 0:
        return Interval(None, None, None, missing=missing)
    mean = float(np.mean(scores))
    if scores.size == 1:
        return Interval(mean, None, None)
    return mean_with_bounds(mean, standard_error(spread(scores), scores.size, ratio), scores.size)
