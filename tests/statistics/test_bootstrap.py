"""Intervals over the rows of a test part."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gengap.statistics.bootstrap import bootstrap_effect, bootstrap_score
from gengap.statistics.metrics import METRICS
from gengap.statistics.records import Interval


def certain(labels, classes=2):
    return np.eye(classes)[labels]


def test_the_accuracy_of_many_rows_has_the_normal_interval():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 1000)
    guess = np.where(rng.random(1000) < 0.8, target, 1 - target)
    found = bootstrap_score(METRICS["accuracy"], target, certain(guess), seed=1)
    share = float((guess == target).mean())
    half = 1.96 * np.sqrt(share * (1 - share) / 1000)
    assert found.mean == pytest.approx(share)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
    assert found.low < found.low50 < found.mean < found.high50 < found.high


def test_pairing_over_rows_narrows_the_difference():
    rng = np.random.default_rng(1)
    target = rng.normal(size=300)
    noise = rng.normal(size=300)
    metric = METRICS["rmse"]
    best, baseline = target + noise, target + 1.05 * noise
    difference = bootstrap_effect(metric, target, best, baseline, seed=2)
    alone = bootstrap_score(metric, target, best, seed=2)
    assert difference.mean > 0
    assert difference.low > 0
    assert difference.high - difference.low < (alone.high - alone.low) / 5


def test_the_interval_of_a_difference_covers_it():
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(150):
        right = rng.random((2, 60)) < 0.7
        target = np.zeros(60, dtype=int)
        outputs = certain(1 - right.astype(int))
        found = bootstrap_effect(
            METRICS["accuracy"], target, outputs[0], outputs[1], seed=3, resamples=300
        )
        covered += found.low <= 0 <= found.high
    assert stats.binomtest(covered, 150, 0.95).pvalue > 0.01


def test_the_same_seed_gives_the_same_interval():
    target, outputs = np.array([0, 1, 1, 0, 1]), certain([0, 1, 0, 0, 1])
    one, two = (bootstrap_score(METRICS["accuracy"], target, outputs, seed=5) for _ in range(2))
    assert one == two


def test_equal_models_differ_by_nothing():
    target, outputs = np.array([0, 1, 1, 0]), certain([0, 1, 0, 0])
    found = bootstrap_effect(METRICS["accuracy"], target, outputs, outputs, seed=0)
    assert found == Interval(0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_rare_class_is_drawn_as_often_as_it_is_there():
    rng = np.random.default_rng(6)
    target = np.repeat([0, 1], [97, 3])
    second = 1 / (1 + np.exp(-(rng.normal(size=100) + 2 * target)))
    outputs, worse = np.column_stack([1 - second, second]), np.full((100, 2), 0.5)
    metric = METRICS["roc_auc"]
    found = bootstrap_score(metric, target, outputs, seed=0)
    assert found.low < found.mean < found.high <= 1
    difference = bootstrap_effect(metric, target, outputs, worse, seed=0)
    assert (difference.low, difference.high) == pytest.approx((found.low - 0.5, found.high - 0.5))
    three = np.repeat([0, 1, 2], [60, 30, 2])
    spread = rng.dirichlet(np.ones(3), 92) * 0.5 + 0.5 * certain(three, 3)
    assert bootstrap_score(metric, three, spread, seed=0).low is not None


def test_what_is_undefined_has_no_bounds():
    target = np.array([0, 0, 0, 1])
    outputs = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    # The second class has one row, and nothing to draw from.
    found = bootstrap_score(METRICS["roc_auc"], target, outputs, seed=0)
    assert found == Interval(1.0, None, None, None, None)
    nothing = bootstrap_score(METRICS["roc_auc"], target[:3], outputs[:3], seed=0)
    assert nothing == Interval(None, None, None, missing=1)
    single = bootstrap_score(METRICS["accuracy"], target[:1], outputs[:1], seed=0)
    assert single == Interval(1.0, None, None)
