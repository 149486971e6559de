"""The records that the statistics return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Comparison", "Interval", "Verdict"]

Verdict = Literal[
    "baseline",
    "helps",
    "probably_helps",
    "equivalent",
    "probably_equivalent",
    "probably_hurts",
    "hurts",
    "inconclusive",
]


@dataclass(frozen=True)
class Interval:
    """A mean over folds with its corrected 95 % interval; NaN-free: None where undefined.

    `low50` and `high50` bound the 50 % interval. `missing` counts folds without a value: where it
    is not zero, the mean is None.
    """

    mean: float | None
    low: float | None
    high: float | None
    low50: float | None = None
    high50: float | None = None
    missing: int = 0


@dataclass(frozen=True)
class Comparison:
    """A candidate against the baseline over the same folds; positive is better.

    Attributes
    ----------
    mean, low, high, low50, high50 : float or None
        The paired effect and its corrected intervals.
    p : float or None
        Two-sided, Nadeau-Bengio corrected resampled t.
    p_holm : float or None
        The same after Holm's correction over all candidates.
    p_better, p_equivalent, p_worse : float or None
        Posterior probabilities of an effect above r, within r, below -r (correlated t).
    missing : int
        Folds without a value on either side.
    """

    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    p_better: float | None
    p_equivalent: float | None
    p_worse: float | None
    low50: float | None = None
    high50: float | None = None
    missing: int = 0
