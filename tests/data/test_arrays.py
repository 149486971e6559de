"""Arrays, lists and frames in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from gengap.data.arrays import from_arrays
from gengap.errors import UserError

X = np.arange(12.0).reshape(6, 2)
Y = np.array(["b", "a"] * 3)


@pytest.mark.parametrize(
    "x",
    [
        X,
        X.tolist(),
        X.astype(np.float32),
        X.astype(int),
        X.astype(str),
        X.astype(object),
        sparse.csr_array(X),
        pd.DataFrame(X, columns=["x0", "x1"], index=list("pqrstu")),
    ],
    ids=["array", "lists", "single", "integers", "text", "objects", "sparse", "frame"],
)
def test_inputs_of_every_kind_are_the_same_dataset(x):
    dataset = from_arrays(x, Y)
    assert [(column.name, column.kind) for column in dataset.columns] == [
        ("x0", "numeric"),
        ("x1", "numeric"),
    ]
    assert dataset.rows.target.tolist() == [1, 0] * 3
    assert dataset.fingerprint == from_arrays(X, Y).fingerprint


@pytest.mark.parametrize(
    "y",
    [
        Y,
        Y.tolist(),
        Y.reshape(-1, 1),
        pd.Series(Y),
        pd.Series(Y, index=list("pqrstu")),
        pd.DataFrame({0: Y}),
    ],
)
def test_targets_of_every_kind_are_the_same(y):
    assert from_arrays(X, y).rows.target.tolist() == [1, 0] * 3


def test_the_name_of_a_series_is_the_name_of_the_target():
    assert from_arrays(X, pd.Series(Y, name="label")).target_name == "label"
    assert from_arrays(X, Y).target_name == "y"


def test_mixed_lists_keep_numbers_and_words_apart():
    dataset = from_arrays([[1, "p"], [2, "q"]], [0.5, 1.5])
    assert [column.kind for column in dataset.columns] == ["numeric", "categorical"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, bool])
def test_sequences_are_kept_as_they_are(dtype):
    x = np.ones((6, 3, 2), dtype=dtype)
    dataset = from_arrays(x, Y)
    assert dataset.modality == "sequence"
    assert dataset.rows.features.dtype == dtype
    assert dataset.columns == ()
    assert dataset.notes == ("taken as sequences of 3 steps with 2 channels",)


def test_groups_weights_and_a_test_part():
    dataset = from_arrays(
        X, Y, groups=list("aabbcc"), sample_weight=np.arange(6), test=(X[:2], Y[:2]), name="mine"
    )
    assert dataset.rows.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert dataset.rows.weights.tolist() == [0, 1, 2, 3, 4, 5]
    assert dataset.test.target.tolist() == [1, 0]
    assert dataset.name == "mine"
    assert dataset.source == "arrays"


def test_the_columns_of_a_test_frame_go_by_name():
    frame = pd.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]})
    dataset = from_arrays(frame, ["a", "b"], test=(frame[["q", "p"]], ["a", "b"]))
    assert dataset.test.features["p"].tolist() == [1.0, 2.0]
    with pytest.raises(UserError) as caught:
        from_arrays(frame, ["a", "b"], test=(frame[["q"]], ["a", "b"]))
    assert caught.value.code == "missing-columns"


def test_one_hot_columns_give_the_classes_their_names():
    y = pd.DataFrame({"zebra": [1, 0, 1, 0, 0, 1], "ant": [0, 1, 0, 1, 1, 0]})
    dataset = from_arrays(X, y)
    assert dataset.classes == ("zebra", "ant")
    assert dataset.rows.target.tolist() == [0, 1, 0, 1, 1, 0]
    assert "one-hot" in dataset.notes[0]


def test_the_arrays_are_left_as_they_were():
    x = np.array([[1.0, np.nan], [3.0, 4.0]])
    before = x.copy()
    dataset = from_arrays(x, ["a", "b"])
    dataset.rows.features.loc[0, "x0"] = 9.0
    np.testing.assert_array_equal(x, before)


MASKED = np.ma.masked_array(X, mask=X > 3)
FRAME = pd.DataFrame(X, columns=["a", "b"])
BAD = {
    "lengths": ((X, Y[:3]), {}, "length-mismatch", "x has 6 rows and y has 3"),
    "groups": ((X, Y), {"groups": [1]}, "length-mismatch", "groups has 1"),
    "weights": ((X, Y), {"sample_weight": [1]}, "length-mismatch", "weights has 1"),
    "no rows": ((X[:0], Y[:0]), {}, "no-rows", "no rows"),
    "one axis": ((X[:, 0], Y), {}, "one-dimensional-inputs", r"\(6,\)"),
    "several targets": ((X, X), {}, "several-targets", r"\(6, 2\)"),
    "two ones": ((X, np.ones((6, 2))), {}, "several-targets", "one target a row"),
    "one value": ((X, 3), {}, "length-mismatch", "single value"),
    "complex": ((X * 1j, Y), {}, "unsupported-type", "complex"),
    "complex targets": ((X, np.ones(6) * 1j), {}, "unsupported-type", "complex"),
    "masked": ((MASKED, Y), {}, "unsupported-type", "masked"),
    "ragged": (([[1, 2], [3]], ["a", "b"]), {}, "ragged-rows", "different lengths"),
    "nested": ((pd.DataFrame({"a": [[1], [2]]}), ["a", "b"]), {}, "nested-cells", "type list"),
    "an object": ((object(), Y), {}, "unsupported-type", "type object"),
    "nothing": ((None, Y), {}, "unsupported-type", "type NoneType"),
    "names": ((FRAME.set_axis(["a", "a"], axis=1), Y), {}, "duplicate-columns", "'a'"),
    "named 1 and '1'": ((FRAME.set_axis([1, "1"], axis=1), Y), {}, "duplicate-columns", "'1'"),
    "levels of names": (
        (FRAME.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]), axis=1), Y),
        {},
        "unsupported-type",
        "several levels",
    ),
    "no columns": ((FRAME[[]], Y), {}, "no-columns", "no columns"),
    "order": ((FRAME, pd.Series(Y)[::-1]), {}, "index-mismatch", "another order"),
    "test": ((X, Y), {"test": (X,)}, "not-a-test-part", "test="),
    "task": ((X, Y), {"task": "clustering"}, "unknown-task", "clustering"),
    "words": ((X, Y), {"task": "regression"}, "words-as-regression-target", "words"),
    "one-hot numbers": (
        (X, np.eye(6)),
        {"task": "regression"},
        "words-as-regression-target",
        "words",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_one_clear_error_with_a_hint(case):
    arrays, options, code, message = BAD[case]
    with pytest.raises(UserError, match=message) as caught:
        from_arrays(*arrays, **options)
    assert caught.value.code == code
    assert caught.value.hint
