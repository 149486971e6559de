"""What a study's trials say so far: a provisional table at each quarter of the folds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from gengap.analysis import analyse_study, complete_folds
from gengap.assemble import assemble_results
from gengap.design import Design
from gengap.progress import Progress, SilentProgress
from gengap.report.terminal import render_results
from gengap.trials import Trial

__all__ = ["Interim"]

#: Seconds between two tables, so that a short study is not drowned in them.
PAUSE = 30.0


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
        design = self._design
        analysis = analyse_study(
            complete,
            design.plan.candidates,
            dataset=design.dataset,
            splits=design.splits,
            metric=design.metric,
            epochs=design.settings.epochs,
            rope=self._rope,
        )
        results = assemble_results(
            dataclasses.replace(design, folds=folds, repeats=1),
            analysis,
            (),
            allowed=(),
            holdout=None,
            folder=None,
            command="",
            seconds=0.0,
        )
        self._progress.interim(*render_results(results, verdicts=False))
