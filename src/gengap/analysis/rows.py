"""The rows of the result: every candidate against the baseline, on the test parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gengap.analysis.folds import Folds, mean_or_none
from gengap.analysis.selection import Choice
from gengap.results import CandidateResult, StrengthChoice
from gengap.statistics.comparison import compare_all, holm_factors
from gengap.statistics.intervals import finite_or_none, interval
from gengap.statistics.metrics import METRICS, effect, gap
from gengap.statistics.power import settle
from gengap.statistics.records import Comparison, Verdict
from gengap.statistics.verdict import decide
from gengap.trials import Trial

__all__ = ["candidate_results", "effects"]


def effects(folds: Folds, choice: Choice, baseline: Choice) -> np.ndarray:
    """Return how much better a candidate is than the baseline on each test part."""
    return effect(
        folds.metric, folds.scores(choice.trials, "test"), folds.scores(baseline.trials, "test")
    )


def candidate_results(
    folds: Folds, choices: Sequence[Choice], *, rows: int
) -> tuple[CandidateResult, ...]:
    """Return the rows of the result, in the order of the candidates (the baseline first).

    Parameters
    ----------
    folds : Folds
    choices : sequence of Choice
        The baseline's first.
    rows : int
        Rows of the table, test part aside.
    """
    baseline, others = choices[0], choices[1:]
    differences = [effects(folds, choice, baseline) for choice in others]
    comparisons = compare_all(differences, ratio=folds.ratio, rope=folds.rope, steps=folds.steps)
    factors = holm_factors([comparison.p for comparison in comparisons])
    results = [_result(folds, baseline, None, "baseline", (None, None, "settled"))]
    for choice, difference, comparison, tests in zip(
        others, differences, comparisons, factors, strict=True
    ):
        verdict = decide(comparison)
        more = settle(
            difference,
            verdict,
            ratio=folds.ratio,
            rope=folds.rope,
            folds=folds.folds,
            rows=rows,
            tests=tests,
            steps=folds.steps,
        )
        results.append(
            _result(folds, choice, comparison, verdict, (more.folds, more.rows, more.reason))
        )
    return tuple(results)


def _result(
    folds: Folds,
    choice: Choice,
    delta: Comparison | None,
    verdict: Verdict,
    settled: tuple[int | None, int | None, str],
) -> CandidateResult:
    trials = choice.trials
    everything = [trial for recipe in choice.candidate.grid for trial in folds.trials[recipe]]
    train, test = folds.scores(trials, "train"), folds.scores(trials, "test")
    measured = {name for trial in trials for name in trial.scores.get("test", {})}
    return CandidateResult(
        recipe=choice.candidate.name,
        strengths=_strengths(choice),
        test=interval(test, ratio=folds.ratio),
        train=interval(train, ratio=folds.ratio),
        validation=interval(folds.scores(trials, "validation"), ratio=folds.ratio),
        gap=interval(gap(folds.metric, train, test), ratio=folds.ratio),
        delta=delta,
        verdict=verdict,
        zero_weights=_of_weights(trials, "zero_weights"),
        weight_norm=_of_weights(trials, "weight_norm"),
        robustness=interval(folds.scores(trials, "noisy"), ratio=folds.ratio),
        other_metrics={
            name: interval(folds.scores(trials, "test", name), ratio=folds.ratio)
            for name in METRICS
            if name in measured and name != folds.metric.name
        },
        epochs=float(np.mean([trial.epochs for trial in trials])),
        seconds_per_trial=float(np.mean([trial.seconds for trial in everything])),
        folds_to_settle=settled[0],
        rows_to_settle=settled[1],
        settle_code=settled[2],
        settle="",
        status=_status(choice),
        diverged=sum(trial.status == "diverged" for trial in everything),
        trials=len(everything),
        fold_scores=tuple(finite_or_none(value) for value in test),
    )


def _of_weights(trials: Sequence[Trial], name: str) -> float | None:
    """Return a mean over folds; None where a network diverged: its weights say nothing."""
    gone = any(trial.status == "diverged" for trial in trials)
    return None if gone else mean_or_none([getattr(trial, name) for trial in trials])


def _status(choice: Choice) -> str:
    """Say whether a fold was left with nothing but diverged trials."""
    lost = sum(trial.status == "diverged" for trial in choice.trials)
    if lost == 0:
        return "finished"
    return "diverged" if lost == len(choice.trials) else "partly_diverged"


def _strengths(choice: Choice) -> dict[str, StrengthChoice]:
    by_recipe = choice.candidate.strengths
    return {
        technique: StrengthChoice(
            chosen=tuple(by_recipe[trial.recipe][technique] for trial in choice.trials),
            refit=refit,
        )
        for technique, refit in by_recipe[choice.refit].items()
    }
