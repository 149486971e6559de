"""The best recipe: honest score, refit, and the reasons to refit the baseline."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats


def jitter(fold, by=0.004):
    return by * (fold % 3 - 1)


def test_the_winner_of_each_fold_is_scored_where_it_was_not_chosen(run, candidate):
    analysis = run(
        {
            "baseline": {"validation": 0.80, "test": 0.80},
            "l2=1": lambda f: {"validation": 0.9 if f < 4 else 0.7, "test": 0.70},
            "dropout=0.5": lambda f: {"validation": 0.85, "test": 0.84 + jitter(f)},
        },
        (candidate("baseline"), candidate("l2=1"), candidate("dropout=0.5")),
    )
    best = analysis.best
    assert best.chosen_by_fold == ("l2=1",) * 4 + ("dropout=0.5",) * 6
    assert best.chosen_in == {"l2=1": 4, "dropout=0.5": 6}
    honest = np.mean([0.70] * 4 + [0.84 + jitter(f) for f in range(4, 10)])
    assert best.test.mean == pytest.approx(honest)
    assert best.validation.mean == pytest.approx((4 * 0.9 + 6 * 0.85) / 10)
    assert best.delta.mean == pytest.approx(honest - 0.8)
    assert best.delta.p_holm is None
    # Mean validation: l2 0.78, dropout 0.85.
    assert (best.recipe, best.reason, best.strengths) == ("dropout=0.5", "best", {"dropout": 0.5})


def test_an_equal_validation_score_and_loss_goes_to_the_baseline(run, candidate):
    analysis = run({"baseline": {}, "l2=1": {}}, (candidate("baseline"), candidate("l2=1")))
    assert analysis.best.chosen_in == {"baseline": 10}
    assert analysis.recipes[1].verdict == "equivalent"


@pytest.mark.parametrize(
    ("validation", "test", "recipe", "reason"),
    [
        (0.8101, 0.80, "baseline", "none_beats_baseline"),  # by r = 0.0101, see below
        (0.8203, 0.80, "l2=1", "best"),
        (0.85, 0.70, "baseline", "verdict_hurts"),
        (0.85, 0.79, "l2=1", "best"),
        (0.5, 0.9, "baseline", "none_beats_baseline"),
    ],
)
def test_what_is_refitted(run, candidate, validation, test, recipe, reason):
    analysis = run(
        {
            "baseline": {},
            "l2=1": lambda f: {"validation": validation, "test": test + jitter(f, 0.05)},
        },
        (candidate("baseline"), candidate("l2=1")),
        rope=0.0101,
    )
    assert (analysis.best.recipe, analysis.best.reason) == (recipe, reason)
    assert analysis.best.refit_recipe == recipe


def test_a_candidate_that_probably_hurts_is_not_refitted(run, candidate):
    analysis = run(
        {
            "baseline": {},
            "l2=1": lambda f: {"validation": 0.85, "test": 0.76 + jitter(f, 0.08)},
        },
        (candidate("baseline"), candidate("l2=1")),
    )
    assert analysis.recipes[1].verdict == "probably_hurts"
    assert (analysis.best.recipe, analysis.best.reason) == ("baseline", "verdict_hurts")


def test_smaller_errors_win(run, candidate):
    analysis = run(
        {
            "baseline": {"validation": 5.0, "test": 5.0, "train": 3.0},
            "l2=1": lambda f: {"validation": 4.0, "test": 4.0 + jitter(f), "train": 3.5},
        },
        (candidate("baseline"), candidate("l2=1")),
        metric="rmse",
        task="regression",
        target=np.linspace(0, 10, 200),
    )
    assert analysis.direction == "minimize"
    assert analysis.rope == pytest.approx(0.01 * np.linspace(0, 10, 200).std())
    row = analysis.recipes[1]
    assert row.verdict == "helps"
    assert row.delta.mean == pytest.approx(1.0, abs=0.01)
    assert row.gap.mean == pytest.approx(0.5, abs=0.01)
    assert analysis.best.recipe == "l2=1"


def test_the_baseline_diverged(run, candidate):
    analysis = run(
        {
            "baseline": lambda f: {"status": "diverged" if f == 0 else "finished"},
            "l2=1": {"validation": 0.7},
        },
        (candidate("baseline"), candidate("l2=1")),
    )
    assert (analysis.best.recipe, analysis.best.reason) == ("l2=1", "no_baseline")
    assert analysis.recipes[1].verdict == "inconclusive"
    assert analysis.diagnosis == "unknown"


def test_everything_diverged(run, candidate):
    gone = {"status": "diverged"}
    analysis = run({"baseline": gone, "l2=1": gone}, (candidate("baseline"), candidate("l2=1")))
    assert (analysis.best.recipe, analysis.best.reason) == ("baseline", "all_diverged")
    assert analysis.best.test.missing == 10


@pytest.mark.parametrize(("epochs", "expected"), [([3, 5, 9, 50], 7), ([3, 4], 4), ([7, 7, 1], 7)])
def test_the_refit_takes_the_median_of_the_best_epochs(run, candidate, epochs, expected):
    analysis = run(
        {"baseline": lambda f: {"best_epoch": epochs[f]}},
        (candidate("baseline"),),
        folds=len(epochs),
    )
    assert analysis.best.epochs == expected


def test_diverged_runs_have_no_say_in_the_epochs(run, candidate):
    analysis = run(
        {
            "baseline": lambda f: (
                {"best_epoch": 5} if f < 4 else {"best_epoch": 1, "status": "diverged"}
            )
        },
        (candidate("baseline"),),
    )
    assert analysis.best.epochs == 5


def test_choosing_among_equals_is_scored_honestly(run, candidate):
    """Eight candidates that do nothing: the score when chosen is optimistic, the test score not."""
    rng = np.random.default_rng(0)
    names = [f"l2={k}" for k in range(8)]
    candidates = (candidate("baseline"), *(candidate(name) for name in names))
    optimism, honest = [], []
    for _ in range(40):
        noise = 0.8 + 0.03 * rng.normal(size=(9, 10, 2))
        scores = {
            name: lambda f, own=own: {"validation": own[f, 0], "test": own[f, 1]}
            for name, own in zip(["baseline", *names], noise, strict=True)
        }
        best = run(scores, candidates).best
        optimism.append(best.validation.mean - 0.8)
        honest.append(best.test.mean - 0.8)
    assert np.mean(optimism) > 0.03
    assert stats.ttest_1samp(honest, 0).pvalue > 0.01
