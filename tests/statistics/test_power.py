"""What would settle a verdict, against simulated studies under the stated assumption."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gengap.statistics.comparison import compare
from gengap.statistics.power import Settle, settle, settled_probability
from gengap.statistics.verdict import SETTLED_VERDICTS, decide

TEN_FOLDS = 1 / 9


def pattern(n, mean, spread):
    """Return n effects with exactly this mean and standard deviation."""
    raw = np.linspace(-1, 1, n)
    return mean + spread * (raw - raw.mean()) / raw.std(ddof=1)


@pytest.mark.parametrize(
    ("mean", "spread", "n", "rope", "tests"),
    [
        (0.03, 0.03, 10, 0.01, 1),
        (0.03, 0.02, 20, 0.01, 8),
        (-0.03, 0.02, 20, 0.01, 8),
        (0.0, 0.012, 50, 0.01, 1),
        (0.004, 0.005, 10, 0.01, 3),
        (0.012, 0.01, 30, 0.01, 1),
        (0.02, 0.02, 10, 0.0, 2),
    ],
)
def test_the_chance_of_a_settled_verdict_equals_simulation(mean, spread, n, rope, tests):
    rng = np.random.default_rng(0)
    error = spread * math.sqrt(1 / n + TEN_FOLDS)
    chance = settled_probability(mean, error, degrees=n - 1, rope=rope, tests=tests)
    studies, settled = 2000, 0
    for drawn in rng.normal(mean, error, studies):
        result = compare(pattern(n, drawn, spread), ratio=TEN_FOLDS, rope=rope)
        corrected = type(result)(**{**vars(result), "p_holm": min(1.0, tests * result.p)})
        settled += decide(corrected) in SETTLED_VERDICTS
    assert stats.binomtest(settled, studies, chance).pvalue > 0.01


def ask(mean, spread, *, rope=0.01, verdict="inconclusive", rows=1000, n=10, folds=10, tests=1):
    return settle(
        pattern(n, mean, spread),
        verdict,
        ratio=1 / (folds - 1),
        rope=rope,
        folds=folds,
        rows=rows,
        tests=tests,
    )


def test_nothing_more_is_needed_for_a_settled_verdict():
    for verdict in SETTLED_VERDICTS:
        assert ask(0.05, 0.01, verdict=verdict) == Settle(None, None, "settled")


def test_more_folds():
    answer = ask(0.02, 0.01, verdict="probably_helps", tests=12)
    assert answer.reason == "folds"
    assert answer.folds % 10 == 0
    assert 10 < answer.folds <= 200
    # It is the smallest such number.
    chances = [
        settled_probability(
            0.02, 0.01 * math.sqrt(1 / n + TEN_FOLDS), degrees=n - 1, rope=0.01, tests=12
        )
        for n in (answer.folds - 10, answer.folds)
    ]
    assert chances[0] < 0.8 <= chances[1]


def test_repeats_at_hand_count():
    one, two = (ask(0.02, 0.01, verdict="probably_helps", n=n, tests=12) for n in (10, 20))
    assert one.reason == two.reason == "folds"
    assert two.folds > 20


def test_beyond_the_floor_only_rows_help():
    # s * sqrt(1/9) = 0.02: no number of repeats gets the standard error below that.
    answer = ask(0.03, 0.06)
    assert (answer.folds, answer.reason) == (None, "rows")
    assert answer.rows > 1000
    assert answer.rows == int(float(f"{answer.rows:.1e}"))
    times = answer.rows / 1000
    error = 0.06 / math.sqrt(times) * math.sqrt(1 / 10 + TEN_FOLDS)
    chance = settled_probability(0.03, error, degrees=9, rope=0.01)
    assert 0.8 <= chance < 0.85


def test_few_rows_need_proportionally_few():
    many, few = ask(0.03, 0.06, rows=10000), ask(0.03, 0.06, rows=100)
    assert few.rows == pytest.approx(many.rows / 100, rel=0.1)


@pytest.mark.parametrize("mean", [0.01, -0.01, 0.0102])
def test_on_the_edge_nothing_will(mean):
    assert ask(mean, 0.06) == Settle(None, None, "edge")


def test_no_effect_needs_folds_to_be_called_equivalent():
    answer = ask(0.0, 0.0085, verdict="probably_equivalent")
    assert answer.reason == "folds"
    # With a region of no width nothing can be called equivalent.
    assert ask(0.0, 0.012, rope=0.0).reason == "edge"


def test_one_fold_or_a_missing_one_says_nothing():
    for effects in ([0.03], [0.03, math.nan, 0.02]):
        answer = settle(effects, "inconclusive", ratio=0.5, rope=0.01, folds=3, rows=50)
        assert answer == Settle(None, None, "unknown")


def test_twenty_repeats_are_the_most():
    assert ask(0.03, 0.03, n=200).reason == "rows"
