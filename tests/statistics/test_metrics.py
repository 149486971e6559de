"""Each metric equals scikit-learn's, one trial at a time or many at once."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gengap.errors import UserError
from gengap.statistics.metrics import (
    METRICS,
    constant_prediction,
    default_metric,
    effect,
    evaluate,
    find_metric,
    gap,
)


def roc_auc(target, outputs):
    if outputs.shape[1] == 2:
        return sklearn.metrics.roc_auc_score(target, outputs[:, 1])
    return sklearn.metrics.roc_auc_score(target, outputs, multi_class="ovr")


def labels_of(outputs):
    return list(range(outputs.shape[1]))


def ece(target, outputs):
    """The textbook's loop over bins."""
    confidence, total = outputs.max(1), 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            right = (outputs.argmax(1) == target)[inside].mean()
            total += inside.mean() * abs(right - confidence[inside].mean())
    return total


REFERENCE = {
    "accuracy": lambda y, p: sklearn.metrics.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p: sklearn.metrics.recall_score(
        y, p.argmax(1), labels=np.unique(y), average="macro"
    ),
    "roc_auc": roc_auc,
    "log_loss": lambda y, p: sklearn.metrics.log_loss(y, p, labels=labels_of(p)),
    "brier": lambda y, p: sklearn.metrics.brier_score_loss(y, p, labels=labels_of(p)),
    "ece": ece,
    "r2": sklearn.metrics.r2_score,
    "rmse": sklearn.metrics.root_mean_squared_error,
    "mae": sklearn.metrics.mean_absolute_error,
}
CLASSIFICATION = [name for name, m in METRICS.items() if "classification" in m.tasks]
REGRESSION = [name for name, m in METRICS.items() if "regression" in m.tasks]


def test_every_metric_has_a_reference():
    assert set(REFERENCE) == set(METRICS)


@st.composite
def classified(draw):
    """Return (target, probabilities): every class there, many ties, rows that sum to 1."""
    classes = draw(st.integers(2, 5))
    n = draw(st.integers(classes, 40))
    target = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    target[:classes] = np.arange(classes)
    trials = draw(st.integers(1, 3))
    # Few levels: ties within and between rows.
    levels = draw(hnp.arrays(np.int64, (trials, n, classes), elements=st.integers(1, 4)))
    # Thirds of a bin, so that no confidence lies on an edge, where rounding would decide.
    return target, levels / levels.sum(-1, keepdims=True)


@pytest.mark.parametrize("name", CLASSIFICATION)
@given(classified())
def test_classification_equals_the_reference(name, case):
    target, outputs = case
    confidence = outputs.max(-1) * 15
    if name == "ece" and (np.abs(confidence - np.round(confidence)) < 1e-9).any():
        outputs = 0.999 * outputs + 0.001 / outputs.shape[-1]
    scores = METRICS[name].function(target, outputs)
    expected = [REFERENCE[name](target, trial) for trial in outputs]
    np.testing.assert_allclose(scores, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", REGRESSION)
@given(
    hnp.arrays(np.float64, 7, elements=st.floats(-1e6, 1e6), unique=True),
    hnp.arrays(np.float64, (2, 7), elements=st.floats(-1e6, 1e6)),
)
def test_regression_equals_the_reference(name, target, outputs):
    if np.ptp(target) < 1e-3:
        target = target + np.arange(7)
    scores = METRICS[name].function(target, outputs)
    expected = [REFERENCE[name](target, trial) for trial in outputs]
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 13])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_realistic_part_equals_the_reference(classes, dtype):
    rng = np.random.default_rng(classes)
    logits = rng.normal(size=(4, 300, classes)) * 8
    outputs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    outputs = outputs.astype(dtype)
    target = np.concatenate([np.arange(classes), rng.integers(0, classes, 300 - classes)])
    for name, scores in evaluate("classification", target, outputs).items():
        expected = [REFERENCE[name](target, trial) for trial in outputs]
        np.testing.assert_allclose(scores, expected, rtol=2e-5 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_of_a_certain_mistake_is_held_off_infinity_as_in_scikit_learn(dtype):
    target, outputs = np.array([0, 1]), np.array([[0, 1], [0, 1]], dtype=dtype)
    expected = sklearn.metrics.log_loss(target, outputs)
    assert METRICS["log_loss"].function(target, outputs) == pytest.approx(expected, rel=1e-6)


def test_leading_axes_are_kept_and_a_single_trial_is_a_number():
    rng = np.random.default_rng(0)
    target = np.array([0, 1, 2, 1, 0, 2])
    outputs = rng.dirichlet(np.ones(3), size=(2, 5, 6))
    for name, scores in evaluate("classification", target, outputs).items():
        assert scores.shape == (2, 5)
        alone = METRICS[name].function(target, outputs[1, 3])
        assert alone.shape == ()
        np.testing.assert_allclose(alone, scores[1, 3], rtol=1e-12)
    for scores in evaluate("regression", target, rng.normal(size=(2, 5, 6))).values():
        assert scores.shape == (2, 5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", METRICS)
def test_an_output_that_is_not_finite_costs_its_own_trial_only(name, bad):
    target = np.array([0, 1, 0, 1])
    outputs = np.full((3, 4, 2), 0.5) if name in CLASSIFICATION else np.ones((3, 4))
    broken = outputs.copy()
    broken[(1, 2, 0) if name in CLASSIFICATION else (1, 2)] = bad
    scores, expected = (
        METRICS[name].function(target, broken),
        METRICS[name].function(target, outputs),
    )
    assert np.isnan(scores[1])
    np.testing.assert_array_equal(scores[[0, 2]], expected[[0, 2]])


def test_enormous_predictions_are_undefined_and_no_warning():
    scores = evaluate("regression", np.array([0.0, 1.0]), np.array([[1e200, 0.0], [0.0, 1.0]]))
    assert np.isnan(scores["rmse"][0])
    assert scores["rmse"][1] == 0


def test_undefined_metrics_are_nan():
    one_class = np.zeros(4, dtype=int)
    outputs = np.full((2, 4, 2), 0.5)
    assert np.isnan(METRICS["roc_auc"].function(one_class, outputs)).all()
    # A class that this part lacks, though the network knows it.
    outputs = np.full((1, 4, 3), 1 / 3)
    assert np.isnan(METRICS["roc_auc"].function(np.array([0, 1, 0, 1]), outputs)).all()
    assert np.isnan(METRICS["r2"].function(np.ones(4), np.ones((2, 4)))).all()
    assert np.isnan(METRICS["accuracy"].function(np.zeros(0, dtype=int), np.ones((2, 0, 2)))).all()


def test_balanced_accuracy_is_over_the_classes_that_occur():
    target = np.array([0, 0, 0, 1])
    outputs = np.eye(3)[[0, 0, 2, 1]]
    assert METRICS["balanced_accuracy"].function(target, outputs) == pytest.approx((2 / 3 + 1) / 2)


def test_brier_of_two_classes_is_that_of_the_positive_class():
    target, positive = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.8, 0.3])
    outputs = np.stack([1 - positive, positive], axis=1)
    assert METRICS["brier"].function(target, outputs) == pytest.approx(0.0375)


def test_ece_by_hand():
    # Bin (8/15, 9/15] holds 0.55 and 0.6 (its right edge), bin (14/15, 1] the certain ones.
    outputs = np.array([[0.55, 0.45], [0.6, 0.4], [1.0, 0.0], [0.0, 1.0]])
    target = np.array([0, 1, 0, 0])
    expected = (abs(1 - (0.55 + 0.6)) + abs(1 - 2)) / 4
    assert METRICS["ece"].function(target, outputs) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(4,), (2, 5, 2), (5, 2)])
def test_outputs_of_another_length_are_refused(shape):
    with pytest.raises(ValueError, match="n = 4"):
        METRICS["accuracy"].function(np.zeros(4, dtype=int), np.zeros(shape))


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_prediction_has_the_perfect_score(name):
    target = np.array([0, 1, 1, 0, 1])
    outputs = np.eye(2)[target] if name in CLASSIFICATION else target.astype(float)
    assert METRICS[name].function(target, outputs) == pytest.approx(
        METRICS[name].perfect, abs=1e-12
    )


@pytest.mark.parametrize(
    ("name", "r"),
    [
        ("accuracy", 0.01),
        ("balanced_accuracy", 0.01),
        ("roc_auc", 0.01),
        ("r2", 0.01),
        ("log_loss", 0.02 * 0.7),
        ("brier", 0.005),
        ("ece", 0.01),
        ("rmse", 0.01 * 30),
        ("mae", 0.01 * 30),
    ],
)
def test_ropes(name, r):
    assert METRICS[name].rope(0.7, 30.0) == pytest.approx(r)


def test_the_default_metric():
    assert default_metric("regression", np.arange(5.0)) == "rmse"
    assert default_metric("classification", np.array([0] * 80 + [1] * 20)) == "accuracy"
    assert default_metric("classification", np.array([0] * 81 + [1] * 19)) == "balanced_accuracy"


def test_an_unknown_metric_is_refused_with_a_suggestion():
    with pytest.raises(UserError, match="no metric 'acuracy'") as caught:
        find_metric("acuracy", "classification")
    assert caught.value.code == "unknown-metric"
    assert "did you mean 'accuracy'?" in caught.value.hint
    with pytest.raises(UserError, match="not defined for regression") as caught:
        find_metric("accuracy", "regression")
    assert caught.value.code == "metric-not-for-task"
    assert caught.value.hint == "for regression: r2, rmse, mae"
    assert find_metric("mae", "regression") is METRICS["mae"]


def test_effects_and_gaps_are_oriented():
    assert effect(METRICS["accuracy"], 0.9, 0.8) == pytest.approx(0.1)
    assert effect(METRICS["rmse"], 2.0, 3.0) == pytest.approx(1.0)
    assert gap(METRICS["accuracy"], 0.9, 0.8) == pytest.approx(0.1)
    assert gap(METRICS["log_loss"], 0.2, 0.5) == pytest.approx(0.3)


def test_what_rounding_alone_makes_is_no_effect():
    assert gap(METRICS["accuracy"], 0.1 + 0.2, 0.3) == 0
    assert effect(METRICS["rmse"], 1e9, 1e9 + 1e-6) == 0
    assert effect(METRICS["rmse"], 1e-9, 2e-9) == pytest.approx(1e-9)
    assert np.isnan(effect(METRICS["rmse"], [1.0, np.nan], [np.nan, 1.0])).all()


def test_a_model_that_ignores_its_inputs():
    target = np.array([0, 0, 0, 1])
    outputs = constant_prediction("classification", target)
    assert METRICS["accuracy"].function(target, outputs) == 0.75
    assert METRICS["roc_auc"].function(target, outputs) == 0.5
    values = np.array([1.0, 2.0, 6.0])
    assert METRICS["r2"].function(values, constant_prediction("regression", values)) == 0
