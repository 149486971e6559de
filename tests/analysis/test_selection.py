"""Choosing on validation."""

from __future__ import annotations

import pytest

from gengap.analysis.folds import complete_folds, tabulate
from gengap.analysis.selection import best_of
from gengap.candidates import Candidate
from gengap.statistics.metrics import METRICS

ACCURACY, RMSE = METRICS["accuracy"], METRICS["rmse"]


@pytest.mark.parametrize(
    ("scores", "place"),
    [
        ([{"validation": 0.8}, {"validation": 0.9}, {"validation": 0.7}], 1),
        # A tie: the better loss, then the weaker.
        ([{"validation": 0.9, "loss": 0.5}, {"validation": 0.9, "loss": 0.4}], 1),
        ([{"validation": 0.9, "loss": 0.4}, {"validation": 0.9, "loss": 0.4}], 0),
        ([{"validation": 0.9, "loss": None}, {"validation": 0.9, "loss": 0.4}], 1),
        # No score: the last resort; none anywhere: the loss decides.
        ([{"validation": None}, {"validation": 0.1}], 1),
        ([{"validation": float("nan")}, {"validation": 0.1}], 1),
        ([{"validation": None, "loss": 0.5}, {"validation": None, "loss": 0.4}], 1),
        # Diverged trials never win ...
        ([{"validation": 0.99, "status": "diverged"}, {"validation": 0.1}], 1),
        ([{"validation": 0.99, "status": "diverged"}, {"validation": None}], 1),
        ([{"status": "diverged"}, {"validation": None, "loss": None}], 1),
        # ... unless all did.
        ([{"status": "diverged", "loss": 0.1}, {"status": "diverged", "loss": 0.2}], 0),
    ],
)
def test_the_best_on_validation(make, scores, place):
    assert best_of(ACCURACY, [make(**options) for options in scores]) == place


def test_what_the_test_part_says_does_not_matter(make):
    trials = [make(validation=0.8, test=0.1), make(validation=0.7, test=0.99)]
    assert best_of(ACCURACY, trials) == 0


def test_smaller_is_better_where_it_is(make):
    trials = [make(validation=v, metric="rmse") for v in (3.0, 1.0, 2.0)]
    assert best_of(RMSE, trials) == 1


def test_strengths_are_chosen_fold_by_fold_and_once_for_the_refit(run, candidate):
    l2 = candidate("l2", "l2=0.1", "l2=1")
    analysis = run(
        {
            "baseline": {},
            "l2=0.1": lambda fold: {"validation": 0.85, "test": 0.81},
            "l2=1": lambda fold: {"validation": 0.95 if fold < 3 else 0.80, "test": 0.82},
        },
        (candidate("baseline"), l2),
    )
    row = analysis.recipes[1]
    assert row.strengths["l2"].chosen == (1.0,) * 3 + (0.1,) * 7
    assert row.strengths["l2"].refit == 0.1
    assert row.fold_scores == (0.82,) * 3 + (0.81,) * 7
    assert row.validation.mean == pytest.approx((3 * 0.95 + 7 * 0.85) / 10)
    assert (row.trials, row.diverged, row.status) == (20, 0, "finished")


def test_the_refit_avoids_a_strength_that_diverged_somewhere(run, candidate):
    l2 = candidate("l2", "l2=0.1", "l2=1")
    analysis = run(
        {
            "baseline": {},
            "l2=0.1": {"validation": 0.81},
            "l2=1": lambda fold: {
                "validation": 0.99,
                "status": "diverged" if fold == 4 else "finished",
            },
        },
        (candidate("baseline"), l2),
    )
    row = analysis.recipes[1]
    assert row.strengths["l2"].refit == 0.1
    assert row.strengths["l2"].chosen == (1.0,) * 4 + (0.1,) + (1.0,) * 5
    assert (row.diverged, row.status) == (1, "finished")
    assert row.test.missing == 0


def test_a_fold_in_which_everything_diverged_has_no_score(run, candidate):
    gone = {"status": "diverged", "validation": 0.99, "test": 0.99, "zero_weights": float("nan")}
    l2 = candidate("l2", "l2=0.1", "l2=1")
    analysis = run(
        {
            "baseline": {},
            "l2=0.1": lambda fold: gone if fold == 2 else {},
            "l2=1": lambda fold: gone if fold in (2, 3) else {"validation": 0.9},
        },
        (candidate("baseline"), l2),
    )
    row = analysis.recipes[1]
    assert row.status == "partly_diverged"
    assert (row.diverged, row.test.missing, row.test.mean) == (3, 1, None)
    assert row.fold_scores[2] is None
    assert row.delta.missing == 1
    assert row.verdict == "inconclusive"
    assert row.settle_code == "unknown"
    # No mean over the other folds in silence.
    assert (row.zero_weights, row.weight_norm) == (None, None)
    assert (analysis.recipes[0].zero_weights, analysis.recipes[0].weight_norm) == (0.25, 3.0)


def test_everything_diverged_everywhere(run, candidate):
    gone = {"status": "diverged", "zero_weights": float("nan"), "weight_norm": float("inf")}
    analysis = run({"baseline": {}, "l2=9": gone}, (candidate("baseline"), candidate("l2=9")))
    row = analysis.recipes[1]
    assert (row.status, row.zero_weights, row.weight_norm) == ("diverged", None, None)
    assert analysis.best.recipe == "baseline"


def test_a_missing_or_doubled_trial_is_a_fault(make, candidate):
    both = (candidate("baseline"), candidate("l2=1"))
    with pytest.raises(ValueError, match=r"no trial of 'l2=1' in repeat and fold \(0, 1\)"):
        tabulate([make(), make(fold=1), make("l2=1")], both)
    again = make(key="another")
    with pytest.raises(ValueError, match="two trials of 'baseline'"):
        tabulate([make(), again], both[:1])
    with pytest.raises(ValueError, match="at least one trial"):
        tabulate([], both)


def test_the_order_of_trials_does_not_matter_and_strangers_are_ignored(make, candidate):
    trials = [make(fold=f, repeat=r) for r in (1, 0) for f in (2, 0, 1)] + [make("other", 0)]
    keys, table = tabulate(trials, [candidate("baseline")])
    assert keys == ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))
    assert [(t.repeat, t.fold) for t in table["baseline"]] == list(keys)


def test_complete_folds(make, candidate):
    both = (candidate("baseline"), candidate("l2=1"))
    trials = [make(), make(fold=1), make("l2=1", 1), make("l2=1", 2)]
    assert [(t.recipe, t.fold) for t in complete_folds(trials, both)] == [
        ("baseline", 1),
        ("l2=1", 1),
    ]


@pytest.mark.parametrize(
    ("grid", "strengths"), [((), {}), (("a", "a"), {"a": {}}), (("a", "b"), {"a": {}})]
)
def test_a_candidate_that_makes_no_sense_is_refused(grid, strengths):
    with pytest.raises(ValueError, match="expected"):
        Candidate("a", grid, strengths)
