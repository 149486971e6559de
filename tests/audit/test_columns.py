"""What a column looks like: constant, an id, continuous."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audit.examples import EXAMPLES, clean_table, subject_of
from gengap.audit import audit
from gengap.audit.checks.id_like import is_id_like
from gengap.audit.columns import is_constant, is_continuous, words_among_numbers

RNG = np.random.default_rng(2)
N = 200
KILOGRAMS = [f"{k} kg" for k in range(5)]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("a", np.arange(N) + 5.0, "numeric"),
        ("a", np.arange(N)[::-1] * 3.0, "numeric"),
        ("a", RNG.permutation(N) + 1000.0, "numeric"),
        ("a", np.where(np.arange(N) % 7, np.arange(N), np.nan), "numeric"),
        ("a", [f"Smith, {k}" for k in range(N)], "categorical"),
        ("a", [f"Smith, {max(k, 5)}" for k in range(N)], "categorical"),
        ("customerID", RNG.integers(0, 10**6, N) + 0.0, "numeric"),
        ("subject_id", np.repeat(np.arange(40.0), 5)[RNG.permutation(N)], "numeric"),
        ("Unnamed: 0", RNG.permutation(N) * 2.0, "numeric"),
        ("a", [*map(str, range(N - 1)), "none yet"], "categorical"),
        ("isbn", [f"{k * 7919 % 10**6}{'X' * (k % 11 == 0)}" for k in range(N)], "categorical"),
    ],
)
def test_ids(name: str, values: object, kind: str) -> None:
    assert is_id_like(name, pd.Series(values), kind)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("width", RNG.normal(size=N), "numeric"),
        ("length", np.sort(RNG.normal(size=N)), "numeric"),
        ("price", RNG.integers(0, 10**6, N) + 0.0, "numeric"),
        ("humid", RNG.integers(0, 10**6, N) + 0.0, "numeric"),
        ("centroid-row", RNG.integers(0, 10**6, N) + 0.0, "numeric"),
        ("body mass index", RNG.integers(0, 10**6, N) + 0.0, "numeric"),
        ("id_ratio", RNG.random(N), "numeric"),
        ("store_id", RNG.integers(0, 8, N) + 0.0, "numeric"),
        ("town", [f"t{k % 50}" for k in range(N)], "categorical"),
        ("few", np.arange(12.0), "numeric"),
        ("day", np.arange(N) + 19000.0, "date"),
        ("weight", [*map(str, RNG.normal(size=N - 1)), "heavy"], "categorical"),
        ("long", [*map(str, range(N - 2)), "inf", "none yet"], "categorical"),
        ("few", [*map(str, range(15)), *"abcababab"], "categorical"),
    ],
)
def test_no_ids(name: str, values: object, kind: str) -> None:
    assert not is_id_like(name, pd.Series(values), kind)


@pytest.mark.parametrize(
    ("values", "kind", "continuous"),
    [
        (RNG.normal(size=N), "numeric", True),
        (RNG.integers(0, 10**6, N), "numeric", True),
        (np.arange(N), "date", True),
        (RNG.integers(0, 20, N) / 2, "numeric", False),
        (RNG.integers(0, 40, N), "numeric", False),
        (RNG.integers(0, 2, N), "boolean", False),
        ([f"t{k}" for k in range(N)], "categorical", False),
        # What the many first rows do not show, the others may.
        (np.r_[np.zeros(20_000), np.arange(21) / 2], "numeric", True),
        (np.r_[np.zeros(20_000), np.arange(20) / 2], "numeric", False),
        (np.r_[np.zeros(20_000), np.arange(1001)], "numeric", True),
        (np.r_[np.zeros(20_000), np.arange(1000)], "numeric", False),
    ],
)
def test_continuous(values: object, kind: str, continuous: bool) -> None:
    assert is_continuous(pd.Series(values).where(np.arange(len(values)) != 3), kind) == continuous


@pytest.mark.parametrize(
    ("values", "kind", "constant"),
    [
        ([1.0, 1.0, 1.0], "numeric", True),
        ([1.0, np.nan, 1.0], "numeric", True),  # the median fills the gap
        ([np.nan, np.nan], "numeric", False),
        (["a", "a"], "categorical", True),
        (["a", None], "categorical", False),  # missing is a level of its own
        ([0.0, 1.0], "boolean", False),
        ([0.0, -0.0], "numeric", True),
        ([np.nan, 1.0, 2.0], "numeric", False),
        ([None, None], "categorical", False),
        ([], "numeric", False),
    ],
)
def test_constant(values: list[object], kind: str, constant: bool) -> None:
    series = pd.Series(values, dtype=object if kind == "categorical" else float)
    assert is_constant(series, kind) == constant


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1", "2.5", "3e4", "x", None], ["x"]),
        (["1", "2", "x", "x"], ["x", "x"]),
        (["1", "x", "x"], []),  # mostly words
        (["1", "2", None], []),  # numbers that someone calls categories
        (["x", "y"], []),
        # Codes of which some end in a letter.
        ([str(10_000 + 7 * k) for k in range(95)] + [f"{k}X" for k in range(5)], []),
        ([*(str(k / 7) for k in range(95)), *KILOGRAMS], KILOGRAMS),
        ([None, None], []),
        ([], []),
    ],
)
def test_words_among_numbers(values: list[object], words: list[str]) -> None:
    series = pd.Series(values, dtype=object, index=range(7, 7 + len(values)))
    for levels in (None, sorted(series.dropna().unique())):
        found = words_among_numbers(series, "categorical", levels)
        assert found.tolist() == words
        assert series[found.index].tolist() == words


def test_a_dirty_column_is_neither_an_id_nor_a_category_of_many_levels() -> None:
    (found,) = audit(EXAMPLES["words-among-numbers"]())
    assert found.code == "words-among-numbers"
    assert found.severity == "warn"
    assert found.message == (
        "1 column holds numbers but for some values, and is taken for categories: "
        "'weight' (2 of 400, such as 'unknown')."
    )


def test_a_row_number_with_a_word_in_it_is_an_id_and_nothing_else() -> None:
    table = clean_table().assign(row=[*map(str, range(399)), "none yet"])
    assert [found.code for found in audit(subject_of(table))] == ["id-like-columns"]


def test_at_most_five_columns_are_named() -> None:
    table = clean_table().assign(**{f"empty {k}": np.nan for k in range(17)})
    message = audit(subject_of(table))[0].message
    assert message == (
        "17 columns have no value in any row: 'empty 0', 'empty 1', 'empty 2', 'empty 3', "
        "'empty 4' and 12 more."
    )


def test_accuracy_is_named_where_it_decides_over_unequal_classes() -> None:
    table = clean_table(2000).assign(y=["rare", *["common"] * 9] * 200)
    plain, asked = (audit(subject_of(table, metric=m))[0] for m in (None, "accuracy"))
    assert plain.code == asked.code == "imbalance"
    assert plain.message == "Class 'common' has 90.0 % of the rows."
    assert "accuracy, as asked" in asked.message


def test_conflicts_bound_what_can_be_right() -> None:
    table = pd.DataFrame({"x": ["a"] * 60 + ["b"] * 40, "y": ["no"] * 90 + ["yes"] * 10})
    found = {f.code: f.message for f in audit(subject_of(table))}
    assert found["conflicting-labels"] == (
        "40 of 100 rows have the same features as a row of another class; a model that sees only "
        "these features can get at most 90.0 % of the rows right."
    )
