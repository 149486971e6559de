"""The kinds of columns."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gengap.data.columns import read_as, read_table_as, type_columns
from gengap.data.dataset import Column
from gengap.errors import UserError


def typed(values):
    (column,), features, notes = type_columns(pd.DataFrame({"a": values}))
    return column, features["a"], notes


KINDS = {
    "integers": (pd.Series([1, 2]), "numeric", [1.0, 2.0]),
    "codes 0 and 1": (pd.Series([0, 1]), "numeric", [0.0, 1.0]),
    "numbers as text": (pd.Series(["1", " 2.5 "]), "numeric", [1.0, 2.5]),
    "nullable integers": (pd.Series([1, None], dtype="Int64"), "numeric", [1.0, np.nan]),
    "arrow numbers": (
        pd.Series([1, None], dtype=pd.ArrowDtype(pa.int64())),
        "numeric",
        [1.0, np.nan],
    ),
    "objects": (pd.Series([1, None, 2.5], dtype=object), "numeric", [1.0, np.nan, 2.5]),
    "sparse": (pd.Series(pd.arrays.SparseArray([0.0, 1.0])), "numeric", [0.0, 1.0]),
    "durations": (pd.to_timedelta(pd.Series(["1 day", "12 hours"])), "numeric", [1.0, 0.5]),
    "nothing": (pd.Series([None, None], dtype=object), "numeric", [np.nan, np.nan]),
    "booleans": (pd.Series([True, False]), "boolean", [1.0, 0.0]),
    "nullable booleans": (pd.Series([True, None], dtype="boolean"), "boolean", [1.0, np.nan]),
    "boolean objects": (
        pd.Series([True, None, False], dtype=object),
        "boolean",
        [1.0, np.nan, 0.0],
    ),
    "yes and no": (pd.Series(["yes", "No", "?"]), "boolean", [1.0, 0.0, np.nan]),
    "dates": (pd.to_datetime(pd.Series(["1970-01-02", None])), "date", [1.0, np.nan]),
    "zoned": (pd.to_datetime(pd.Series(["1970-01-01T02:00+02:00"])), "date", [0.0]),
    "arrow dates": (
        pd.Series([datetime.date(1970, 1, 3)], dtype=pd.ArrowDtype(pa.date32())),
        "date",
        [2.0],
    ),
    "arrow times": (
        pd.Series(
            [datetime.datetime(1970, 1, 3, tzinfo=datetime.UTC), None],
            dtype=pd.ArrowDtype(pa.timestamp("s", tz="Europe/Berlin")),
        ),
        "date",
        [2.0, np.nan],
    ),
    "arrow words": (
        pd.Series(["b", None], dtype=pd.ArrowDtype(pa.string())),
        "categorical",
        ["b", None],
    ),
    "arrow categories": (
        pd.Series(["b", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
        "categorical",
        ["b", None],
    ),
    "arrow durations": (
        pd.Series([datetime.timedelta(2), None], dtype=pd.ArrowDtype(pa.duration("s"))),
        "numeric",
        [2.0, np.nan],
    ),
    "date objects": (
        pd.Series([datetime.date(1970, 1, 3), None], dtype=object),
        "date",
        [2.0, np.nan],
    ),
    "periods": (pd.Series(pd.period_range("1970-02", periods=1, freq="M")), "date", [31.0]),
    "dates as text": (pd.Series(["1970-01-02", "NA"]), "date", [1.0, np.nan]),
    "words": (pd.Series(["b", None, "a"]), "categorical", ["b", None, "a"]),
    "mixed": (pd.Series([1, "a", 2.0], dtype=object), "categorical", ["1", "a", "2"]),
    "categories": (pd.Series([3, 1, None], dtype="category"), "categorical", ["3", "1", None]),
    "one answer": (pd.Series(["yes", "none"]), "categorical", ["yes", None]),
    "only wrong dates": (pd.Series(["2024-02-30"]), "categorical", ["2024-02-30"]),
}


@pytest.mark.parametrize("case", KINDS)
def test_the_kind_is_found(case):
    series, kind, values = KINDS[case]
    column, found, _ = typed(series)
    assert column.kind == kind
    assert column.missing == sum(value is None or value != value for value in values)
    if kind == "categorical":
        assert found.dtype == object
        assert found.tolist() == values
        assert column.levels == tuple(sorted({value for value in values if value is not None}))
    else:
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, values)


def test_the_index_of_the_table_plays_no_role():
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}, index=[7, 3])
    features = type_columns(table)[1]
    assert features.index.tolist() == [0, 1]
    assert features["a"].tolist() == [1.0, 2.0]
    assert features["b"].tolist() == ["x", "y"]


def test_the_input_is_left_as_it_was():
    table = pd.DataFrame({"a": ["1", "?"], "b": [1.0, 2.0]})
    before = table.copy(deep=True)
    features = type_columns(table)[1]
    features["b"] += 1
    pd.testing.assert_frame_equal(table, before)


def test_a_few_words_make_a_column_of_numbers_categorical():
    column, _, notes = typed(["1", "2", "3", "unknown"])
    assert column.kind == "categorical"
    assert notes == ()  # the audit speaks of it


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_infinite_values_are_refused_with_their_row(value):
    with pytest.raises(
        UserError, match="column 'a' has 1 infinite value, the first in row 2"
    ) as caught:
        typed([1.0, value])
    assert caught.value.code == "infinite-values"


def test_lists_from_arrow_are_refused():
    with pytest.raises(UserError) as caught:
        typed(pd.Series([[1]], dtype=pd.ArrowDtype(pa.list_(pa.int8()))))
    assert caught.value.code == "nested-cells"


def test_complex_numbers_are_refused():
    with pytest.raises(UserError) as caught:
        typed([1j, 2j])
    assert caught.value.code == "unsupported-type"


NUMERIC, BOOLEAN, DATE = Column("a", "numeric"), Column("a", "boolean"), Column("a", "date")
WORDS = Column("a", "categorical", ("1", "x"))


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (NUMERIC, ["1", "?"], [1.0, np.nan]),
        (NUMERIC, [1, 2], [1.0, 2.0]),
        (NUMERIC, [True, False], [1.0, 0.0]),
        (NUMERIC, pd.Series([1, 2], dtype="category"), [1.0, 2.0]),
        (NUMERIC, [None, None], [np.nan, np.nan]),
        (BOOLEAN, ["yes", "NA"], [1.0, np.nan]),
        (BOOLEAN, ["1", "0"], [1.0, 0.0]),
        (BOOLEAN, [0, 1], [0.0, 1.0]),
        (BOOLEAN, [True, False], [1.0, 0.0]),
        (DATE, ["1970-01-02"], [1.0]),
        (DATE, [np.nan, np.nan], [np.nan, np.nan]),
        (DATE, pd.to_datetime(pd.Series(["1970-01-02"])), [1.0]),
    ],
)
def test_values_are_read_as_the_kind_that_training_had(column, values, expected):
    np.testing.assert_array_equal(read_as(column, pd.Series(values)), expected)


def test_words_are_read_as_they_are():
    assert read_as(WORDS, pd.Series([1, 2])).tolist() == ["1", "2"]
    assert read_as(WORDS, pd.Series([1.0, None])).tolist() == ["1", None]
    assert read_as(WORDS, pd.Series([" x", "?"])).tolist() == ["x", None]


@pytest.mark.parametrize(
    ("column", "values", "received"),
    [
        (NUMERIC, ["1", "two"], "'two' in row 2"),
        (NUMERIC, pd.to_datetime(pd.Series(["2024-01-01"])), "date values"),
        (BOOLEAN, ["maybe"], "'maybe' in row 1"),
        (BOOLEAN, [2], "numeric values"),
        (DATE, ["2024-01-01", "tomorrow"], "'tomorrow'|'2024-01-01'"),
        (DATE, [5], "numeric values"),
    ],
)
def test_values_of_another_kind_are_refused(column, values, received):
    with pytest.raises(UserError, match=received) as caught:
        read_as(column, pd.Series(values))
    assert caught.value.code == "ill-typed-column"
    assert caught.value.hint


def test_words_that_training_lacks_are_kept_and_noted():
    features, notes = read_table_as((WORDS,), pd.DataFrame({"b": [0, 0], "a": ["x", "new"]}))
    assert features.columns.tolist() == ["a"]
    assert features["a"].tolist() == ["x", "new"]
    assert len(notes) == 1
    assert "'new'" in notes[0]


def test_a_missing_word_is_no_word_that_training_lacks():
    features, notes = read_table_as((WORDS,), pd.DataFrame({"a": ["x", None, "?"]}))
    assert features["a"].tolist() == ["x", None, None]
    assert notes == ()
