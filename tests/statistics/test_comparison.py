"""Comparison and intervals against formulas worked by hand and against other libraries."""

from __future__ import annotations

import math

import baycomp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from statsmodels.stats.multitest import multipletests

from gengap.statistics.comparison import compare, compare_all, effect_spread, holm, holm_factors
from gengap.statistics.intervals import fold_ratio, interval, standard_error
from gengap.statistics.metrics import METRICS
from gengap.statistics.records import Comparison, Interval
from gengap.statistics.verdict import decide

TEN_FOLDS = 1 / 9
effects_in_folds = hnp.arrays(np.float64, st.integers(2, 30), elements=st.floats(-0.2, 0.2))


def test_the_corrected_t_by_hand():
    # Mean 0.03, variance 0.0002 / 3, se^2 = 0.0002 / 3 * (1/4 + 1/3) = 0.0007 / 18.
    result = compare([0.02, 0.03, 0.04, 0.03], ratio=1 / 3, rope=0.01)
    error = math.sqrt(0.0007 / 18)
    assert result.mean == pytest.approx(0.03)
    # 3.182446 is the tabled 97.5 % quantile of t with 3 degrees of freedom, 0.764892 the 75 % one.
    assert result.high - result.mean == pytest.approx(3.182446 * error, rel=1e-6)
    assert result.mean - result.low50 == pytest.approx(0.764892 * error, rel=1e-6)
    assert result.p == pytest.approx(2 * stats.t.sf(0.03 / error, 3))
    assert result.p_better == pytest.approx(stats.t.sf((0.01 - 0.03) / error, 3))


def test_the_floor_of_ten_folds():
    assert standard_error(1.0, 10, TEN_FOLDS) == pytest.approx(math.sqrt(0.1 + 1 / 9))
    assert standard_error(1.0, 10**9, TEN_FOLDS) == pytest.approx(1 / 3, abs=1e-6)


@given(effects_in_folds, st.floats(0.001, 0.05))
def test_the_posterior_equals_baycomp(effects, rope):
    if np.ptp(effects) < 1e-6:
        return
    folds = len(effects)
    result = compare(effects, ratio=1 / (folds - 1), rope=rope)
    scores = np.zeros(folds)
    worse, same, better = baycomp.two_on_single(scores, scores + effects, rope=rope)
    found = (result.p_worse, result.p_equivalent, result.p_better)
    np.testing.assert_allclose(found, (worse, same, better), atol=1e-9)


@given(effects_in_folds, st.floats(0.05, 1.0))
def test_p_and_the_interval_agree(effects, ratio):
    if np.ptp(effects) < 1e-6:
        return
    result = compare(effects, ratio=ratio, rope=0.0)
    assert (result.p < 0.05) == (result.low > 0 or result.high < 0)
    assert result.low <= result.low50 <= result.mean <= result.high50 <= result.high
    assert result.p_better + result.p_equivalent + result.p_worse == pytest.approx(1)
    # A flat prior and no region: one-sided p and posterior are the same number.
    assert result.p == pytest.approx(2 * min(result.p_better, result.p_worse))


@given(effects_in_folds, st.floats(0.0, 0.05))
def test_a_mirrored_effect_has_the_mirrored_comparison(effects, rope):
    one, other = (compare(s * effects, ratio=0.2, rope=rope) for s in (1, -1))
    assert one.p == other.p
    assert one.p_better == pytest.approx(other.p_worse, abs=1e-12)
    assert one.low == pytest.approx(-other.high, abs=1e-12)


def test_without_overlap_and_correction_it_is_the_paired_t():
    effects = np.array([0.3, -0.1, 0.5, 0.2, 0.4])
    result = compare(effects, ratio=0.0, rope=0.0)
    assert result.p == pytest.approx(stats.ttest_1samp(effects, 0).pvalue)


def test_identical_scores_in_every_fold_are_equivalent():
    result = compare(np.zeros(10), ratio=TEN_FOLDS, rope=0.01)
    expected = Comparison(0.0, 0.0, 0.0, 1.0, None, 0.0, 1.0, 0.0, 0.0, 0.0)
    assert result == expected
    assert decide(compare_all([np.zeros(10)], ratio=TEN_FOLDS, rope=0.0)[0]) == "equivalent"


def test_the_same_effect_in_every_fold_is_not_certainty():
    # Not exactly the same number: what subtracting scores leaves of 0.05.
    effects = np.array([0.85, 0.9, 0.75, 0.8]) - np.array([0.8, 0.85, 0.7, 0.75])
    assert effect_spread(effects) == pytest.approx(0.05 / math.sqrt(12))
    few = compare_all([effects[:2]], ratio=1.0, rope=0.01)[0]
    assert decide(few) == "probably_helps"
    many = compare_all([np.full(10, 0.05)], ratio=TEN_FOLDS, rope=0.01)[0]
    assert decide(many) == "helps"
    assert 0 < many.p < 1e-4
    assert decide(compare_all([np.full(10, -0.05)], ratio=TEN_FOLDS, rope=0.01)[0]) == "hurts"


def test_one_row_more_in_every_fold_is_the_same_effect_in_parts_of_any_size():
    sizes = np.array([50, 50, 51])
    target = np.arange(151) % 2
    steps = METRICS["accuracy"].steps(target, sizes)
    of_unequal = compare(1 / sizes, ratio=0.5, rope=0.01, steps=steps)
    of_equal = compare([1 / 50] * 3, ratio=0.5, rope=0.01)
    assert of_unequal.p == pytest.approx(of_equal.p, rel=0.01)
    assert of_unequal.p > 0.05
    assert compare(1 / sizes, ratio=0.5, rope=0.01).p < 1e-3  # what the sizes alone would say
    mirrored = compare(-1 / sizes, ratio=0.5, rope=0.01, steps=steps)
    assert mirrored.p == of_unequal.p


def test_another_row_in_one_fold_is_another_effect():
    sizes = np.array([50, 50, 51])
    counts = np.array([1, 1, 2])
    assert effect_spread(counts / sizes, 1 / sizes) == np.std(counts / sizes, ddof=1)


def test_one_row_more_of_a_class_is_the_same_effect_too():
    target = np.repeat([0, 1], [140, 11])
    steps = METRICS["balanced_accuracy"].steps(target, [50, 50, 51])
    assert steps == pytest.approx(
        [np.hypot(1 / (2 * n * 140 / 151), 1 / (2 * n * 11 / 151)) for n in (50, 50, 51)]
    )
    effects = np.array([1 / (2 * 4), 1 / (2 * 4), 1 / (2 * 3)])
    assert effect_spread(effects, steps) == pytest.approx(np.mean(effects) / math.sqrt(12))


def test_metrics_that_do_not_count_rows_have_no_steps():
    counting = {n for n, m in METRICS.items() if m.steps(np.array([0, 1]), [10]) is not None}
    assert counting == {"accuracy", "balanced_accuracy"}


def test_a_single_fold_has_a_mean_and_nothing_else():
    result = compare([0.3], ratio=0.25, rope=0.01)
    assert result == Comparison(0.3, None, None, None, None, None, None, None)
    assert interval([0.3], ratio=0.25) == Interval(0.3, None, None)
    assert decide(result) == "inconclusive"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_missing_fold_is_counted_and_never_averaged_over(bad):
    result = compare([0.1, bad, 0.2, bad], ratio=0.25, rope=0.01)
    assert result == Comparison(None, None, None, None, None, None, None, None, missing=2)
    assert interval([0.1, bad, 0.2], ratio=0.25) == Interval(None, None, None, missing=1)
    assert decide(result) == "inconclusive"


def test_no_folds_at_all():
    assert interval([], ratio=0.25) == Interval(None, None, None)


def test_equal_scores_have_an_interval_of_no_width():
    assert interval([0.7] * 10, ratio=TEN_FOLDS).low == pytest.approx(0.7)
    assert interval([0.1 + 0.2, 0.3, 0.3], ratio=0.5).high == pytest.approx(0.3)


def test_intervals_have_the_same_correction():
    values = [0.7, 0.8, 0.75, 0.9]
    result, other = interval(values, ratio=1 / 3), compare(values, ratio=1 / 3, rope=0.0)
    assert (result.low, result.high50) == (other.low, other.high50)


def test_the_ratio_of_test_to_rest():
    assert fold_ratio(100, 10) == pytest.approx(1 / 9)
    assert fold_ratio(7, [4, 3]) == pytest.approx((4 / 3 + 3 / 4) / 2)
    for tested in (0, 100, [], [10, 0]):
        with pytest.raises(ValueError, match="1 to 99 rows"):
            fold_ratio(100, tested)


def test_a_negative_region_is_refused():
    for rope in (-0.1, math.nan):
        with pytest.raises(ValueError, match="0 or more"):
            compare([0.1, 0.2], ratio=0.5, rope=rope)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(holm(p_values), expected, rtol=1e-9)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm_factors([0.01, 0.04, 0.03]) == (3, 1, 2)
    assert holm([]) == ()


def test_a_candidate_without_p_still_counts():
    assert holm([0.01, None, 0.04]) == pytest.approx((0.03, None, 0.08))
    assert holm_factors([0.01, None, 0.04]) == (3, 1, 2)


def test_holm_over_all_candidates_of_a_study():
    rng = np.random.default_rng(1)
    effects = rng.normal(0.01, 0.03, size=(5, 10))
    together = compare_all(list(effects), ratio=TEN_FOLDS, rope=0.01)
    alone = [compare(e, ratio=TEN_FOLDS, rope=0.01) for e in effects]
    assert [c.p for c in together] == [c.p for c in alone]
    assert [c.p_holm for c in together] == pytest.approx(
        multipletests([c.p for c in alone], method="holm")[1]
    )
