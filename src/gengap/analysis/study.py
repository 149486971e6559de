"""The trials of a study, or of its folds so far, under the protocol that they were made by."""

from __future__ import annotations

from collections.abc import Sequence

from gengap.analysis.analyse import Analysis, analyse
from gengap.candidates import Candidate
from gengap.data.dataset import Dataset
from gengap.splits import Split
from gengap.statistics.metrics import Metric
from gengap.trials import Trial

__all__ = ["analyse_study"]


def analyse_study(
    trials: Sequence[Trial],
    candidates: Sequence[Candidate],
    *,
    dataset: Dataset,
    splits: Sequence[Split],
    metric: Metric,
    epochs: int,
    rope: float | None,
) -> Analysis:
    """Analyse the trials of complete folds; the folds are those of the trials.

    Parameters
    ----------
    trials : sequence of Trial
    candidates : sequence of Candidate
        The baseline first.
    dataset : Dataset
        As it was split.
    splits : sequence of Split
        Those of the trials, and maybe more.
    metric : Metric
        The one that decides.
    epochs : int
        The most that a run could take.
    rope : float, optional
        Half-width of the region of practical equivalence; the metric's own where it is None.
    """
    tested = {(split.repeat, split.fold): len(split.test) for split in splits}
    folds = sorted({(trial.repeat, trial.fold) for trial in trials})
    return analyse(
        trials,
        candidates,
        metric=metric.name,
        target=dataset.rows.target,
        task=dataset.task,
        rows=len(dataset.rows),
        rows_tested=[tested[fold] for fold in folds],
        epochs=epochs,
        rope=rope,
    )
