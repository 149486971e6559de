"""What the text of a cell means."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from gengap.data.cells import (
    distinct_words,
    missing_spellings,
    to_booleans,
    to_dates,
    to_numbers,
)
from gengap.errors import UserError

MISSING = ["", "NA", "na", "NaN", "nan", "null", "NULL", "None", "none", "?", "<null>", "<NULL>"]
MISSING += ["N/A", "n/a", "#N/A", "<NA>", "<na>"]


@pytest.mark.parametrize("word", MISSING)
def test_every_word_for_no_value_is_missing_in_any_case_and_between_blanks(word):
    found = distinct_words("a", pd.Series(["x", f"  {word} ", word.swapcase()]))
    assert found.words == ("x",)
    assert found.codes.tolist() == [0, -1, -1]
    assert word in missing_spellings()


@pytest.mark.parametrize("value", [None, np.nan, pd.NA, pd.NaT])
def test_every_object_for_no_value_is_missing(value):
    found = distinct_words("a", pd.Series(["x", value], dtype=object))
    assert found.codes.tolist() == [0, -1]


def test_words_are_stripped_joined_and_sorted():
    found = distinct_words("a", pd.Series(["b ", "a", " b", "a"]))
    assert found.words == ("a", "b")
    assert found.spread(found.words, None, object).tolist() == ["b", "a", "b", "a"]


def test_numbers_among_objects_are_named_as_one_would_write_them():
    cells = pd.Series([3.0, 4, 2.5, Decimal("1.25"), True, "x"], dtype=object)
    assert set(distinct_words("a", cells).words) == {"3", "4", "2.5", "1.25", "True", "x"}


def test_an_empty_column_has_no_words():
    found = distinct_words("a", pd.Series([], dtype=object))
    assert found.words == ()
    assert found.codes.size == 0


@pytest.mark.parametrize("cell", [[1], {"a": 1}, np.ones(2), {1}, b"x", (1, 2), 1j])
def test_a_cell_that_holds_more_than_a_value_is_refused(cell):
    cells = pd.Series([cell, cell], dtype=object)
    with pytest.raises(
        UserError, match=f"'a' holds a value of type {type(cell).__name__}"
    ) as caught:
        distinct_words("a", cells)
    assert caught.value.code == "nested-cells"


def test_a_cell_with_a_nul_character_is_refused():
    with pytest.raises(UserError) as caught:
        distinct_words("a", pd.Series(["x\0y"]))
    assert caught.value.code == "binary-cells"


@pytest.mark.parametrize(
    ("word", "value"), [("1", 1), ("-2.5", -2.5), ("1e-3", 1e-3), ("+5", 5), (".5", 0.5), ("7.", 7)]
)
def test_numbers_are_read(word, value):
    assert to_numbers([word]).tolist() == [value]


@pytest.mark.parametrize("word", ["1,000", "0x1F", "1_000", "one", "½", "2024-01-01", "True"])
def test_words_that_are_no_numbers(word):
    assert to_numbers([word]) is None


def test_whole_numbers_of_any_length_are_numbers():
    assert to_numbers(["1" + "0" * 25, "2"]).tolist() == [1e25, 2.0]


@pytest.mark.parametrize(
    "words",
    [["false", "true"], ["YES", "No"], ["T", "f"], ["y", "n"], ["on", "OFF"], ["True", "FALSE"]],
)
def test_pairs_of_words_are_booleans(words):
    values = to_booleans(words)
    truths = {"true", "yes", "t", "y", "on"}
    assert values.tolist() == [float(word.casefold() in truths) for word in words]


@pytest.mark.parametrize(
    "words", [["yes"], ["0", "1"], ["yes", "false"], ["a", "b"], [], ["yes", "no", "t"]]
)
def test_other_words_are_no_booleans(words):
    assert to_booleans(words) is None


@pytest.mark.parametrize(
    ("word", "day"),
    [
        ("1970-01-01", 0),
        ("1970/01/02", 1),
        ("1969-12-31", -1),
        ("2024-2-29", (datetime.date(2024, 2, 29) - datetime.date(1970, 1, 1)).days),
        ("1970-01-01 06:00", 0.25),
        ("1970-01-01T00:00:00.500Z", 0.5 / 86400),
        ("1970-01-01T02:00+02:00", 0),
        ("0001-01-01", -719162),
    ],
)
def test_dates_are_days_since_1970(word, day):
    assert to_dates([word]) == pytest.approx([day])


@pytest.mark.parametrize(
    "word", ["2024-02-30", "2024-13-01", "31.12.2024", "20240101", "2024", "12:00"]
)
def test_what_is_no_date(word):
    assert to_dates([word]) is None
