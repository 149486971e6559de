"""What a study's trials say so far: a provisional table at each quarter of the folds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from gengap.analysis import Analysis, analyse, complete_folds
from gengap.assemble import assemble_results
from gengap.design import Design
from gengap.progress import Progress, SilentProgress
from gengap.report.terminal import render_results
from gengap.trials import Trial

__all__ = ["Interim", "analyse_study"]

#: Seconds between two tables, so that a short study is not drowned in them.
PAUSE = 30.0


def analyse_study(design: Design, trials: Sequence[Trial], rope: float | None) -> Analysis:
    """Analyse trials under the protocol of a design; the folds are those of the trials.

    Parameters
    ----------
    design : Design
    trials : sequence of Trial
        Of complete folds.
    rope : float, optional
        Half-width of the region of practical equivalence; the metric's own where it is None.
    """
    tested = {(split.repeat, split.fold): len(split.test) for split in design.splits}
    folds = sorted({(trial.repeat, trial.fold) for trial in trials})
    return analyse(
        trials,
        design.plan.candidates,
        metric=design.metric.name,
        target=design.dataset.rows.target,
        task=design.dataset.task,
        rows=len(design.dataset.rows),
        rows_tested=[tested[fold] for fold in folds],
        epochs=design.settings.epochs,
        rope=rope,
    )


class Interim:
    """Shows a table, without verdicts, when another quarter of the folds is complete.

    Parameters
    ----------
    design : Design
    rope : float, optional
    progress : Progress
        Where it is shown.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        design: Design,
        rope: float | None,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._design = design
        self._rope = rope
        self._progress = progress
        self._clock = clock
        self._shown_at = clock()
        self._quarters = 0

    def __call__(self, trials: Sequence[Trial]) -> None:
        """Look at the trials so far."""
        if isinstance(self._progress, SilentProgress):
            return
        if self._clock() - self._shown_at < PAUSE:
            return
        complete = complete_folds(trials, self._design.plan.candidates)
        folds = len({(trial.repeat, trial.fold) for trial in complete})
        quarters = 4 * folds // len(self._design.splits)
        if folds < 2 or not self._quarters < quarters < 4:
            return
        self._quarters, self._shown_at = quarters, self._clock()
        so_far = dataclasses.replace(self._design, folds=folds, repeats=1)
        results = assemble_results(
            so_far,
            analyse_study(self._design, complete, self._rope),
            (),
            allowed=(),
            holdout=None,
            folder=None,
            command="",
            seconds=0.0,
        )
        self._progress.interim(*render_results(results, verdicts=False))
