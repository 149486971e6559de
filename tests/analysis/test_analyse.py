"""The whole analysis: what must hold for any trials."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.analysis import analyse, score_holdout
from gengap.errors import UserError
from gengap.statistics.comparison import compare_all
from gengap.statistics.metrics import METRICS
from gengap.statistics.power import settle

numbers = st.sampled_from(
    [0.0, 0.5, 0.79, 0.8, 0.81, 1.0, None, float("nan"), float("inf"), -1e300]
)
trial_options = st.fixed_dictionaries(
    {
        "validation": numbers,
        "test": numbers,
        "train": numbers,
        "loss": numbers,
        "status": st.sampled_from(["finished", "finished", "diverged"]),
        "curve": st.lists(
            st.sampled_from([0.1, 1.0, float("nan"), 1e300]), min_size=1, max_size=6
        ).map(tuple),
        "zero_weights": st.sampled_from([0.0, 1.0, float("nan")]),
    }
)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
@given(data=st.data())
def test_nothing_that_is_not_a_number_leaves(run, candidate, metric, data):
    folds = data.draw(st.integers(1, 4))
    scores = {}
    for recipe in ("baseline", "l2=0.1", "l2=1", "bn"):
        options = data.draw(st.lists(trial_options, min_size=folds, max_size=folds))
        scores[recipe] = options.__getitem__
    analysis = run(
        scores,
        (candidate("baseline"), candidate("l2", "l2=0.1", "l2=1"), candidate("bn")),
        folds=folds,
        rows_tested=40,
        metric=metric,
        epochs=6,
    )
    json.dumps(dataclasses.asdict(analysis), allow_nan=False)
    assert len(analysis.recipes) == 3
    for row in analysis.recipes:
        assert len(row.fold_scores) == folds
        assert (row.test.mean is None) == (row.test.missing > 0)


def test_the_comparison_is_that_of_the_statistics(run, candidate):
    rng = np.random.default_rng(0)
    scores = {name: 0.8 + 0.03 * rng.normal(size=10) for name in ("baseline", "l2=1", "bn")}
    analysis = run(
        {name: lambda f, v=values: {"test": v[f]} for name, values in scores.items()},
        (candidate("baseline"), candidate("l2=1"), candidate("bn")),
    )
    effects = [scores[name] - scores["baseline"] for name in ("l2=1", "bn")]
    expected = compare_all(effects, ratio=20 / 180, rope=0.01)
    assert tuple(row.delta for row in analysis.recipes[1:]) == expected
    assert analysis.recipes[0].delta is None
    assert analysis.recipes[0].verdict == "baseline"
    assert analysis.recipes[0].settle_code == "settled"


def test_one_row_more_in_parts_of_unequal_size_is_no_certainty(run, candidate):
    sizes = (67, 67, 66)
    analysis = run(
        {
            "baseline": lambda fold: {"test": 50 / sizes[fold], "validation": 0.7},
            "l2=1": lambda fold: {"test": 52 / sizes[fold], "validation": 0.8},
            "bn": lambda fold: {"test": 50 / sizes[fold], "validation": 0.7},
        },
        (candidate("baseline"), candidate("l2=1"), candidate("bn")),
        folds=3,
        rows_tested=sizes,
    )
    _, more, same = analysis.recipes
    assert more.verdict == "probably_helps"
    assert more.delta.p > 0.05
    assert analysis.best.delta.p == more.delta.p
    assert same.verdict == "equivalent"


def test_what_would_settle_a_verdict_reckons_with_holm(run, candidate):
    effects = 0.02 + 0.018 * np.linspace(-1.5, 1.5, 10)
    names = [f"l2={k}" for k in range(12)]
    scores = {name: lambda f: {"test": 0.8 + effects[f]} for name in names}
    analysis = run(
        {"baseline": {}, **scores},
        (candidate("baseline"), *(candidate(name) for name in names)),
        rope=0.001,
    )
    first, last = analysis.recipes[1], analysis.recipes[-1]
    for row, tests in ((first, 12), (last, 1)):
        expected = settle(
            [score - 0.8 for score in row.fold_scores],
            row.verdict,
            ratio=20 / 180,
            rope=0.001,
            folds=10,
            rows=200,
            tests=tests,
        )
        found = (row.folds_to_settle, row.rows_to_settle, row.settle_code)
        assert found == (expected.folds, expected.rows, expected.reason)
    assert first.verdict == "probably_helps"
    assert (first.settle_code, last.settle_code) == ("rows", "folds")


def test_the_order_of_trials_does_not_matter(make, candidate):
    rng = np.random.default_rng(1)
    candidates = (candidate("baseline"), candidate("l2", "l2=0.1", "l2=1"))
    trials = [
        make(recipe, fold, repeat=repeat, validation=rng.random(), test=rng.random())
        for recipe in ("baseline", "l2=0.1", "l2=1")
        for fold in range(5)
        for repeat in range(2)
    ]
    settings = {
        "metric": "accuracy",
        "target": np.arange(50) % 2,
        "task": "classification",
        "rows": 50,
        "rows_tested": 10,
        "epochs": 20,
    }
    one = analyse(trials, candidates, **settings)
    other = analyse(trials[::-1], candidates, **settings)
    assert one == other
    assert one.folds[:2] == ((0, 0), (0, 1))
    assert len(one.folds) == 10


def test_other_metrics_and_robustness_are_there(run, candidate):
    def scores(fold):
        return {"test": 0.8 + 0.01 * fold}

    row = run({"baseline": scores}, (candidate("baseline"),)).recipes[0]
    assert row.robustness == row.test
    assert row.other_metrics == {}
    assert row.seconds_per_trial == 0.5
    assert row.epochs == 20


def test_every_other_metric_that_was_measured_has_its_interval(make, candidate):
    scores = {"accuracy": 0.8, "brier": 0.1, "roc_auc": None, "loss": 0.4}
    trials = [
        dataclasses.replace(make(fold=fold), scores=dict.fromkeys(("train", "test"), scores))
        for fold in range(3)
    ]
    analysis = analyse(
        trials,
        [candidate("baseline")],
        metric="accuracy",
        target=np.arange(30) % 2,
        task="classification",
        rows=30,
        rows_tested=[10, 10, 10],
        epochs=20,
    )
    row = analysis.recipes[0]
    assert list(row.other_metrics) == ["roc_auc", "brier"]
    assert row.other_metrics["brier"].mean == pytest.approx(0.1)
    assert row.other_metrics["roc_auc"].missing == 3
    # Nothing was measured under noise or on validation.
    assert (row.robustness.missing, row.validation.missing) == (3, 3)


def test_the_rope_of_log_loss_is_a_share_of_the_baseline(run, candidate):
    analysis = run({"baseline": {"test": 0.5}}, (candidate("baseline"),), metric="log_loss")
    assert analysis.rope == pytest.approx(0.01)
    own = run({"baseline": {"test": 0.5}}, (candidate("baseline"),), metric="log_loss", rope=0.2)
    assert own.rope == 0.2


def test_a_baseline_without_a_score_in_some_fold_has_no_share(run, candidate):
    gone = {"status": "diverged"}
    table = {"baseline": lambda fold: gone if fold == 2 else {"test": 0.5}, "l2=1": {"test": 0.4}}
    both = (candidate("baseline"), candidate("l2=1"))
    analysis = run(table, both, metric="log_loss")
    assert (analysis.rope, analysis.recipes[0].test.missing) == (0.0, 1)
    assert analysis.recipes[1].verdict == "inconclusive"
    assert analysis.best.reason == "no_baseline"
    assert run(table, both).rope == 0.01


def test_a_metric_of_another_task_is_refused(run, candidate):
    with pytest.raises(UserError, match="not defined"):
        run({"baseline": {}}, (candidate("baseline"),), metric="rmse")


@pytest.mark.parametrize("names", [(), ("l2=1",), ("l2=1", "baseline")])
def test_the_baseline_comes_first(run, candidate, names):
    with pytest.raises(ValueError, match="first candidate"):
        run({"baseline": {}, "l2=1": {}}, tuple(candidate(name) for name in names))


def test_the_holdout_is_paired_and_oriented():
    target = np.array([0.0, 1.0, 2.0, 3.0] * 10)
    noise = np.random.default_rng(0).normal(size=40)
    holdout = score_holdout(METRICS["rmse"], target, target + noise, target + 2 * noise, seed=0)
    assert (holdout.rows, holdout.metric) == (40, "rmse")
    assert holdout.delta.mean == pytest.approx(holdout.baseline.mean - holdout.best.mean)
    assert holdout.delta.low > 0
