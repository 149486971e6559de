"""A plain diagnosis of the baseline: whether there is a gap, and whether anything closes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gengap.analysis.folds import Folds
from gengap.results import CandidateResult
from gengap.statistics.metrics import Task, constant_prediction, effect
from gengap.statistics.records import Verdict

__all__ = ["Diagnosis", "diagnose"]

Diagnosis = Literal["overfits", "underfits", "neither", "limited_by_data", "unknown"]

NO_HELP: tuple[Verdict, ...] = ("equivalent", "probably_equivalent", "hurts", "probably_hurts")


def diagnose(
    folds: Folds,
    results: Sequence[CandidateResult],
    *,
    target: NDArray[np.generic],
    task: Task,
    undertrained: bool,
) -> Diagnosis:
    """Diagnose the baseline, by its gap and the interval of that.

    The whole interval above r, there is a gap:

    - ``"limited_by_data"`` where every candidate (probably) makes no practical difference or
      (probably) hurts: of what was tried nothing turns the gap into a better test score, more rows
      are likelier to;
    - ``"overfits"`` otherwise.

    The whole interval at or below r, there is none:

    - ``"underfits"`` where training itself went badly: the baseline's curves still improve at the
      last epoch, or its *training* score is not better than that of a model that ignores its inputs
      by more than r;
    - ``"neither"`` otherwise.

    Else, and where a fold has no score or there is one fold only, ``"unknown"``.

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
    gap = baseline.gap
    if gap.low is None or gap.high is None or baseline.train.mean is None:
        return "unknown"
    if gap.low > folds.rope:
        stuck = len(results) > 1 and all(result.verdict in NO_HELP for result in results[1:])
        return "limited_by_data" if stuck else "overfits"
    if gap.high > folds.rope:
        return "unknown"
    trivial = float(folds.metric.function(target, constant_prediction(task, target)))
    # Some metrics reward a model that says nothing (calibration): there it proves nothing.
    telling = abs(trivial - folds.metric.perfect) > folds.rope
    gained = float(effect(folds.metric, baseline.train.mean, trivial))
    if undertrained or (telling and gained <= folds.rope):
        return "underfits"
    return "neither"
