"""A plain diagnosis of the baseline: whether there is a gap, and whether anything closes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gengap.analysis.folds import Folds
from gengap.results import CandidateResult
from gengap.statistics.metrics import Task, constant_prediction, effect

__all__ = ["Diagnosis", "diagnose"]

Diagnosis = Literal["overfits", "underfits", "neither", "limited_by_data", "unknown"]


def diagnose(
    folds: Folds,
    results: Sequence[CandidateResult],
    *,
    target: NDArray[np.generic],
    task: Task,
    undertrained: bool,
) -> Diagnosis:
    """Diagnose the baseline.

    With a gap (its mean is above r and the low end of its 95 % interval above 0):

    - ``"overfits"`` where some candidate (probably) helps;
    - ``"limited_by_data"`` where none does: the gap is there, and of what was tried nothing turns
      it into a better test score. More rows would.

    Without one:

    - ``"underfits"`` where training itself went badly: the baseline's curves still improve at the
      last epoch, or its *training* score is not better than that of a model that ignores its inputs
      by more than r;
    - ``"neither"`` otherwise.

    ``"unknown"`` where a fold of the baseline has no score, or there is one fold only.

    Parameters
    ----------
    folds : Folds
    results : sequence of CandidateResult
        The baseline's first.
    target : ndarray (n,)
    task : {"classification", "regression"}
    undertrained : bool
        Whether the baseline's curves still improve at the last epoch.
    """
    baseline = results[0]
    if baseline.gap.mean is None or baseline.gap.low is None or baseline.train.mean is None:
        return "unknown"
    if baseline.gap.mean > folds.rope and baseline.gap.low > 0:
        helped = any(result.verdict in ("helps", "probably_helps") for result in results)
        return "overfits" if helped else "limited_by_data"
    trivial = float(folds.metric.function(target, constant_prediction(task, target)))
    # Some metrics reward a model that says nothing (calibration): there it proves nothing.
    telling = abs(trivial - folds.metric.perfect) > folds.rope
    gained = float(effect(folds.metric, baseline.train.mean, trivial))
    if undertrained or (telling and gained <= folds.rope):
        return "underfits"
    return "neither"
