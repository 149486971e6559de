from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.report.numbers import MINUS, number, scale_of, seconds, share
from gengap.statistics.records import Comparison, Interval
from gengap.wording import plural


@pytest.mark.parametrize(
    ("x", "decimals", "text"),
    [
        (0.25, 2, "0.25"),
        (-0.5, 1, f"{MINUS}0.5"),
        (-0.04, 1, "0.0"),
        (48321.7, -2, "48,300"),
        (1.234e12, None, "1.23 × 10¹²"),
        (-1.234e-9, None, f"{MINUS}1.23 × 10⁻⁹"),
        (9.999e-9, None, "1.00 × 10⁻⁸"),
        (1e-9, 2, "0.00"),
        (0.0, None, "0"),
        (None, None, "n/a"),
        (math.nan, None, "n/a"),
        (math.inf, 2, "n/a"),
    ],
)
def test_numbers_are_written_as_people_write_them(x, decimals, text):
    assert number(x, decimals) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_has_no_hyphen_and_no_negative_zero(x):
    for text in (number(x), number(x, 1), number(x, signed=True)):
        assert "-" not in text
        assert text.lstrip(f"+{MINUS}")[0].isdigit()
        if not any(digit in text for digit in "123456789"):
            assert text[0] not in f"+{MINUS}"


@given(st.floats(1e-4, 1e6), st.sampled_from([1, -1]))
def test_three_digits_are_within_half_a_percent(x, sign):
    text = number(sign * x).replace(",", "").replace(MINUS, "-")
    assert float(text) == pytest.approx(sign * x, rel=0.0051)


def test_shares_never_round_to_a_false_certainty():
    assert [share(x) for x in (0.0, 0.001, 0.5, 0.999, 1.0, None)] == [
        "0 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "100 %",
        "n/a",
    ]


def test_durations():
    assert [seconds(x) for x in (0.1234, 1.5, 59.4, 120, 7300, math.nan)] == [
        "0.12 s",
        "1.5 s",
        "59 s",
        "2 min",
        "2 h 2 min",
        "n/a",
    ]


def test_counts():
    assert plural(1, "row") == "1 row"
    assert plural(0, "row") == "0 rows"
    assert plural(20640, "row") == "20,640 rows"


def test_accuracy_is_written_in_percent_and_points():
    accuracy = scale_of("accuracy")
    assert accuracy.value(0.742, 0.01) == "74.2 %"
    assert accuracy.change(0.019, 0.01) == "+1.9 points"
    assert accuracy.change(-0.019, 0.01) == f"{MINUS}1.9 points"
    assert accuracy.value(0.99931, 0.00012) == "99.93 %"


def test_a_metric_that_is_minimized_keeps_its_sign():
    rmse = scale_of("rmse")
    better = Comparison(0.21, 0.10, 0.32, None, None, None, None, None)
    assert rmse.change(better.mean, 0.11) == f"{MINUS}0.21"
    assert rmse.ends(better, effect=True) == f"{MINUS}0.32 to {MINUS}0.10"
    assert scale_of("accuracy").ends(better, effect=True) == "10.0 to 32.0"


def test_the_protocol_knows_a_metrics_direction_better_than_its_name():
    assert scale_of("my_score", {"my_score": "minimize"}).maximize is False
    assert scale_of("my_score").label == "my score"


def test_no_ends_without_an_interval():
    assert scale_of("accuracy").ends(Interval(0.5, None, None)) is None
