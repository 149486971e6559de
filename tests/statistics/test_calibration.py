"""Error rates by simulation: learners that are equally good, trained on folds that overlap.

Each learner is a least-squares fit on 20 columns of noise of its own, so that no learner is better
than another, and with 36 training rows what it learns depends on which rows they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from gengap.statistics.comparison import compare, compare_all
from gengap.statistics.verdict import decide

ROWS, COLUMNS = 40, 20


def null_effects(rng, studies, candidates, *, folds, repeats=1):
    """Return squared errors, baseline minus candidate: (studies, candidates, folds * repeats)."""
    learners = candidates + 1
    x = rng.normal(size=(studies, learners, ROWS, COLUMNS))
    y = rng.normal(size=(studies, ROWS))
    effects = []
    for _ in range(repeats):
        order = np.argsort(rng.random((studies, ROWS)), axis=1)
        rows = np.take_along_axis(x, order[:, None, :, None], axis=2)
        values = np.take_along_axis(y, order, axis=1)[:, None, :]
        for fold in range(folds):
            test = np.arange(ROWS) * folds // ROWS == fold
            train, target = rows[:, :, ~test], values[:, :, ~test]
            normal = train.swapaxes(-1, -2) @ train
            weights = np.linalg.solve(normal, train.swapaxes(-1, -2) @ target[..., None])
            errors = (rows[:, :, test] @ weights)[..., 0] - values[:, :, test]
            error = np.square(errors).mean(-1)
            effects.append(error[:, :1] - error[:, 1:])
    return np.stack(effects, axis=-1)


@pytest.mark.parametrize(("folds", "repeats"), [(10, 1), (5, 5)])
def test_the_corrected_t_keeps_its_word_where_the_naive_one_does_not(folds, repeats):
    studies = 1000
    effects = null_effects(np.random.default_rng(0), studies, 1, folds=folds, repeats=repeats)[:, 0]
    ratio = 1 / (folds - 1)
    results = [compare(row, ratio=ratio, rope=0.0) for row in effects]
    rejected = sum(result.p <= 0.05 for result in results)
    missed = sum(not result.low <= 0 <= result.high for result in results)
    naive = int(np.count_nonzero(stats.ttest_1samp(effects, 0, axis=1).pvalue <= 0.05))
    # The claim is "at most 5 %"; a test that refutes it at 1 % fails.
    assert stats.binomtest(rejected, studies, 0.05, alternative="greater").pvalue > 0.01
    assert stats.binomtest(missed, studies, 0.05, alternative="greater").pvalue > 0.01
    assert stats.binomtest(naive, studies, 0.05, alternative="greater").pvalue < 1e-6
    assert naive > 3 * rejected


def test_twelve_techniques_that_do_nothing():
    studies, rope = 200, 0.01
    false, without_holm = 0, 0
    for effects in null_effects(np.random.default_rng(1), studies, 12, folds=10):
        comparisons = compare_all(list(effects), ratio=1 / 9, rope=rope)
        claims = {"helps", "hurts"}
        false += any(decide(c) in claims for c in comparisons)
        without_holm += any(decide(replace(c, p_holm=c.p)) in claims for c in comparisons)
    assert stats.binomtest(false, studies, 0.05, alternative="greater").pvalue > 0.01
    assert without_holm > false


def test_an_effect_that_is_there_is_found():
    effects = null_effects(np.random.default_rng(2), 100, 1, folds=10)[:, 0] + 5.0
    found = [decide(compare_all([row], ratio=1 / 9, rope=0.01)[0]) for row in effects]
    assert found.count("helps") >= 90


def test_the_interval_of_a_mean_covers_it():
    """Independent, normal scores: with a ratio of 0 the coverage is exact."""
    rng = np.random.default_rng(3)
    scores = rng.normal(0.5, 0.1, size=(1000, 8))
    results = [compare(row - 0.5, ratio=0.0, rope=0.0) for row in scores]
    wide = sum(result.low <= 0 <= result.high for result in results)
    narrow = sum(result.low50 <= 0 <= result.high50 for result in results)
    assert stats.binomtest(wide, 1000, 0.95).pvalue > 0.01
    assert stats.binomtest(narrow, 1000, 0.50).pvalue > 0.01
