"""What a study's trials say so far: what is ahead, and a table at each quarter of the folds."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence

from gengap.analysis import analyse_study, complete_folds
from gengap.analysis.folds import Folds, tabulate
from gengap.analysis.selection import choose
from gengap.assemble import assemble_results
from gengap.design import Design
from gengap.progress import Progress, SilentProgress
from gengap.report.numbers import scale_of
from gengap.report.terminal import render_results
from gengap.trials import Trial

__all__ = ["Interim", "ahead_so_far"]

#: Seconds between two tables, so that a short study is not drowned in them.
PAUSE = 60.0

#: Seconds that a study must still take for a table to be worth showing.
LONG = 60.0

#: Seconds between two looks at what is ahead.
GLANCE = 1.0


def ahead_so_far(design: Design, complete: Sequence[Trial]) -> str | None:
    """Say which candidate is ahead on validation rows, where the study chooses.

    That is no verdict: it says nothing of test rows, and a lead may pass.

    Parameters
    ----------
    design : Design
    complete : sequence of Trial
        Of complete folds.

    Returns
    -------
    str, optional
        None where there is no complete fold, or no score.
    """
    if not complete:
        return None
    folds = Folds(design.metric, 0.0, 0.0, *tabulate(complete, design.plan.candidates))
    sign = 1 if design.metric.greater_is_better else -1
    scored = [
        (sign * choice.refit_validation, choice)
        for choice in (choose(folds, candidate) for candidate in design.plan.candidates)
        if choice.refit_validation is not None
    ]
    if not scored:
        return None
    _, leader = max(scored, key=lambda pair: pair[0])
    scale = scale_of(design.metric.name)
    score = scale.value(leader.refit_validation)
    return f"ahead on validation so far: {leader.candidate.name} ({score})"


class Interim:
    """Says what is ahead so far, and shows a table when another quarter of the folds is complete.

    The table has no verdicts, and is left out where the study ends within about a minute.

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
        self._started = self._shown_at = clock()
        self._glanced_at = -math.inf
        self._quarters = 0

    def __call__(self, trials: Sequence[Trial]) -> None:
        """Look at the trials so far."""
        if isinstance(self._progress, SilentProgress):
            return
        now = self._clock()
        ended = len(trials) == self._design.plan.trials
        if now - self._glanced_at < GLANCE and not ended:
            return
        self._glanced_at = now
        complete = complete_folds(trials, self._design.plan.candidates)
        leader = ahead_so_far(self._design, complete)
        if leader is not None:
            self._progress.lead(leader)
        if now - self._shown_at < PAUSE:
            return
        folds = len({(trial.repeat, trial.fold) for trial in complete})
        quarters = 4 * folds // len(self._design.splits)
        if folds < 2 or not self._quarters < quarters < 4:
            return
        # Trials that were stored before make the rest seem shorter: a table less, not one more.
        if (now - self._started) * (self._design.plan.trials / len(trials) - 1) < LONG:
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
            epochs_needed=0,
        )
        self._progress.interim(*render_results(results, verdicts=False))
