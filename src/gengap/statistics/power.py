"""How much more would settle it.

Notation
--------
d, s    mean and standard deviation of the effect over the folds at hand
n       folds times repeats
se_n    s * sqrt(1/n + ratio), the corrected standard error
r       half-width of the region of practical equivalence

Assumption: the effect at hand is the true one. A study of n folds would then see a mean from
N(d, se_n^2) and the same spread s, and give the verdict that the rules give for it. With more rows
s shrinks as 1/sqrt(rows), everything else the same.

What that cannot handle: d is itself an estimate, so the numbers are rough, the more so the wider
its interval; the effect of a regularizer usually shrinks as rows are added, which this ignores;
folds of a new repeat are drawn from the same rows. They are orders of magnitude, and the report
says "about".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, stdtr, stdtrit

from gengap.statistics.comparison import effect_spread
from gengap.statistics.intervals import standard_error, usable
from gengap.statistics.records import Verdict
from gengap.statistics.verdict import ALPHA, SETTLED, SETTLED_VERDICTS

__all__ = ["Settle", "SettleReason", "settle", "settled_probability"]

POWER = 0.8
MOST_REPEATS = 20
# Beyond a hundred times the rows the assumption that the effect stays as it is says nothing.
MOST_ROWS = 100.0

SettleReason = Literal["settled", "folds", "rows", "edge", "unknown"]


@dataclass(frozen=True)
class Settle:
    """What would settle a verdict.

    Attributes
    ----------
    folds : int or None
        Folds times repeats in all (not in addition); set where `reason` is ``"folds"``.
    rows : int or None
        Rows in all, rounded up to two digits; set where `reason` is ``"rows"``.
    reason : {"settled", "folds", "rows", "edge", "unknown"}
        ``"settled"``: nothing more is needed. ``"folds"``: so many folds would do. ``"rows"``: no
        number of repeats up to 20 would, because folds share rows; so many rows would. ``"edge"``:
        the effect sits on the edge of r (a hundred times the rows would not do). ``"unknown"``: one
        fold only, or folds without a score.
    """

    folds: int | None
    rows: int | None
    reason: SettleReason


def settled_probability(
    mean: float, error: float, *, degrees: int, rope: float, tests: int = 1
) -> float:
    """Return the chance that a study of a given precision ends with helps, equivalent or hurts.

    Parameters
    ----------
    mean : float
        The true effect.
    error : float
        Corrected standard error of the study's mean.
    degrees : int
        Degrees of freedom, n - 1.
    rope : float
        Half-width r of the region of equivalence.
    tests : int
        What Holm multiplies p with.

    Examples
    --------
    >>> round(settled_probability(0.05, 0.01, degrees=9, rope=0.01), 3)
    0.985
    """
    # The smallest mean that is called "helps" (by symmetry, minus the largest that "hurts"), ...
    posterior = rope + error * float(stdtrit(degrees, SETTLED))
    rejected = error * float(stdtrit(degrees, 1 - ALPHA / (2 * tests)))
    different = max(posterior, rejected)
    # ... and the largest that is called "equivalent".
    same = _largest_equivalent(error, degrees, rope)
    chance = ndtr((mean - different) / error) + ndtr((-mean - different) / error)
    if same is not None:
        chance += ndtr((same - mean) / error) - ndtr((-same - mean) / error)
    return float(chance)


def _largest_equivalent(error: float, degrees: int, rope: float) -> float | None:
    def surplus(mean: float) -> float:
        inside = stdtr(degrees, (rope - mean) / error) - stdtr(degrees, (-rope - mean) / error)
        return float(inside) - SETTLED

    if surplus(0.0) < 0:
        return None
    return float(brentq(surplus, 0.0, rope))


def settle(
    effects: ArrayLike,
    verdict: Verdict,
    *,
    ratio: float,
    rope: float,
    folds: int,
    rows: int,
    tests: int = 1,
    steps: NDArray[np.float64] | None = None,
) -> Settle:
    """Say how many folds, or else how many rows, would settle a verdict with probability 0.8.

    The smallest number of repeats times folds, up to 20 repeats, at which the same mean and spread
    would give a settled verdict (helps, equivalent, hurts). The standard error has a floor,
    s * sqrt(ratio), so often none does; then the number of rows, with the folds and repeats at
    hand.

    Parameters
    ----------
    effects : array_like (n,)
        Paired effects over folds, positive is better; NaN where there is none.
    verdict : str
        What was decided on them.
    ratio, rope : float
        See `gengap.statistics.comparison.compare`.
    folds : int
        Folds of one repeat.
    rows : int
        Rows at hand.
    tests : int
        What Holm multiplies the candidate's p with (see `holm_factors`).
    steps : ndarray (n,), optional
        Of the metric (see `gengap.statistics.comparison.effect_spread`).

    Examples
    --------
    >>> effects = [0.04, -0.01, 0.05, 0.0, 0.03, 0.04, -0.01, 0.05, 0.02, 0.03]
    >>> settle(effects, "inconclusive", ratio=1 / 9, rope=0.0, folds=10, rows=500)
    Settle(folds=50, rows=None, reason='folds')
    """
    values = np.asarray(effects, dtype=np.float64)
    if verdict in SETTLED_VERDICTS:
        return Settle(None, None, "settled")
    if values.size < 2 or not usable(values).all():
        return Settle(None, None, "unknown")
    mean, deviation = float(np.mean(values)), effect_spread(values, steps)

    def chance(n: int, times_rows: float = 1.0) -> float:
        error = standard_error(deviation / math.sqrt(times_rows), n, ratio)
        return settled_probability(mean, error, degrees=n - 1, rope=rope, tests=tests)

    for more in range(values.size // folds + 1, MOST_REPEATS + 1):
        if chance(folds * more) >= POWER:
            return Settle(folds * more, None, "folds")
    if chance(values.size, MOST_ROWS) < POWER:
        return Settle(None, None, "edge")
    if chance(values.size) >= POWER:
        return Settle(None, rows, "rows")
    times = brentq(lambda x: chance(values.size, math.exp(x)) - POWER, 0.0, math.log(MOST_ROWS))
    return Settle(None, _two_digits_up(rows * math.exp(times)), "rows")


def _two_digits_up(value: float) -> int:
    unit = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit
