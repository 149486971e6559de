"""Trials in, the records of the result out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gengap.analysis.best import find_best
from gengap.analysis.curves import curve_bands, undertrained
from gengap.analysis.diagnosis import Diagnosis, diagnose
from gengap.analysis.doses import find_doses
from gengap.analysis.folds import FoldKey, Folds, mean_or_none, tabulate
from gengap.analysis.rows import candidate_results
from gengap.analysis.selection import choose
from gengap.candidates import BASELINE, Candidate
from gengap.results import Best, CandidateResult, CurveBand, Dose, Finding
from gengap.statistics.intervals import fold_ratio
from gengap.statistics.metrics import Task, find_metric
from gengap.trials import Trial

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """What the trials say; the pieces of `gengap.results.Results` that come from them.

    Attributes
    ----------
    metric : str
    direction : {"maximize", "minimize"}
    rope : float
        Half-width r of the region of practical equivalence, in the metric's unit.
    folds : tuple of (int, int)
        (repeat, fold): the order of everything that is "one a fold".
    recipes : tuple of CandidateResult
        The baseline first, without words.
    best : Best
        `reason` holds a code (see `gengap.analysis.best.find_best`).
    doses : tuple of Dose
    curves : tuple of CurveBand
        Of the baseline and, where it is another, of the best.
    diagnosis : str
        A code (see `gengap.analysis.diagnosis.diagnose`).
    findings : tuple of Finding
        ``undertrained``, or nothing.
    """

    metric: str
    direction: str
    rope: float
    folds: tuple[FoldKey, ...]
    recipes: tuple[CandidateResult, ...]
    best: Best
    doses: tuple[Dose, ...]
    curves: tuple[CurveBand, ...]
    diagnosis: Diagnosis
    findings: tuple[Finding, ...]


def analyse(
    trials: Sequence[Trial],
    candidates: Sequence[Candidate],
    *,
    metric: str,
    target: NDArray[np.generic],
    task: Task,
    rows: int,
    rows_tested: int | Sequence[int],
    epochs: int,
    rope: float | None = None,
) -> Analysis:
    """Choose on validation, compare on test, and say what that means.

    Parameters
    ----------
    trials : sequence of Trial
        One of every recipe of every candidate in every fold; others are ignored.
    candidates : sequence of Candidate
        The baseline first.
    metric : str
        The one that decides.
    target : ndarray (n,)
        Class codes or values of the rows that the folds are made of.
    task : {"classification", "regression"}
    rows : int
        How many rows the folds are made of.
    rows_tested : int or sequence of int
        Rows of a test part, one number for all or one a fold.
    epochs : int
        The most epochs that a run could take.
    rope : float, optional
        Half-width of the region of practical equivalence in the metric's unit; the metric's own
        where it is None.

    Raises
    ------
    UserError
        Where the metric is unknown or not defined for the task.
    ValueError
        Where the baseline does not come first, or a trial is missing.
    """
    deciding = find_metric(metric, task)
    if not candidates or candidates[0].name != BASELINE or candidates[0].open:
        raise ValueError(f"expected {BASELINE!r} with a single recipe as the first candidate")
    keys, table = tabulate(trials, candidates)
    ratio = fold_ratio(rows, rows_tested)
    plain = Folds(deciding, ratio, 0.0, keys, table)
    width = _rope(plain, table[candidates[0].grid[0]], target, task) if rope is None else rope
    steps = deciding.steps(target, np.broadcast_to(rows_tested, len(keys)))
    folds = Folds(deciding, ratio, width, keys, table, steps)

    choices = [choose(folds, candidate) for candidate in candidates]
    recipes = candidate_results(folds, choices, rows=rows)
    best = find_best(folds, choices, recipes)
    names, findings = undertrained(folds, choices, epochs=epochs)
    shown = dict.fromkeys((BASELINE, best.recipe))
    return Analysis(
        metric=deciding.name,
        direction=deciding.direction,
        rope=width,
        folds=keys,
        recipes=recipes,
        best=best,
        doses=find_doses(folds, candidates),
        curves=tuple(
            band
            for choice in choices
            if choice.candidate.name in shown
            for band in curve_bands(folds, choice)
        ),
        diagnosis=diagnose(
            folds, recipes, target=target, task=task, undertrained=BASELINE in names
        ),
        findings=findings,
    )


def _rope(
    folds: Folds, baseline: Sequence[Trial], target: NDArray[np.generic], task: Task
) -> float:
    """Return the metric's own r; 0 where it is a share of a score that the baseline lacks."""
    mean = mean_or_none(folds.scores(baseline, "test"))
    deviation = float(np.std(np.asarray(target, dtype=np.float64))) if task == "regression" else 0.0
    # A baseline without a score in some fold has no mean, and no candidate is settled against it.
    width = folds.metric.rope(math.nan if mean is None else mean, deviation)
    return width if math.isfinite(width) else 0.0
