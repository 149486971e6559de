"""Archives of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from gengap.data.load import load
from gengap.errors import UserError

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])
IMAGES = np.arange(6 * 4 * 4 * 3, dtype=np.uint8).reshape(6, 4, 4, 3)


def saved(folder, **arrays):
    path = folder / "set.npz"
    np.savez(path, **arrays)
    return path


def test_a_table_gets_names(tmp_path):
    dataset = load(saved(tmp_path, x=X, y=Y))
    assert [column.name for column in dataset.columns] == ["x0", "x1"]
    assert dataset.rows.target.tolist() == Y.tolist()
    assert dataset.test is None
    assert dataset.name == "set"


def test_keys_are_read_in_any_case_and_others_are_noted(tmp_path):
    path = saved(tmp_path, X_Train=X, Y_TRAIN=Y, x_test=X[:2], y_Test=Y[:2], extra=X)
    dataset = load(path)
    assert len(dataset.rows) == 6
    assert len(dataset.test) == 2
    assert dataset.notes[0] == "arrays that were ignored: extra"


@pytest.mark.parametrize(
    ("x", "y"),
    [("images", "labels"), ("Train_Images", "train_labels"), ("x_train", "LABELS_TRAIN")],
)
def test_images_and_labels_are_other_words_for_x_and_y(tmp_path, x, y):
    tests = {"test_images": IMAGES[:2], "labels_test": Y[:2]}
    dataset = load(saved(tmp_path, **{x: IMAGES, y: Y}, **tests))
    assert dataset.modality == "image"
    np.testing.assert_array_equal(dataset.rows.features, IMAGES)
    assert len(dataset.test) == 2


def test_a_tensor_is_kept_as_it_is(tmp_path):
    dataset = load(saved(tmp_path, x_train=IMAGES, y_train=Y, x_test=IMAGES[:3], y_test=Y[:3]))
    assert dataset.columns == ()
    assert dataset.rows.features.dtype == np.uint8
    np.testing.assert_array_equal(dataset.rows.features, IMAGES)
    np.testing.assert_array_equal(dataset.test.features, IMAGES[:3])


def test_class_names_go_with_codes_in_their_order(tmp_path):
    names = np.array(["zebra", "unseen", "ant"])
    dataset = load(saved(tmp_path, x=X, y=np.array([[0], [2]] * 3), classes=names))
    assert dataset.classes == ("zebra", "ant")
    assert dataset.rows.target.tolist() == [0, 1] * 3
    assert dataset.notes == ()
    words = load(saved(tmp_path, x=X, y=np.array(["ant", "zebra"] * 3), classes=names))
    assert words.rows.target.tolist() == [1, 0] * 3


def test_class_names_go_with_one_hot_codes(tmp_path):
    names = np.array(["no", "yes"])
    dataset = load(saved(tmp_path, x=X, y=np.eye(2)[Y], classes=names))
    assert dataset.classes == ("no", "yes")
    assert dataset.rows.target.tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("target", "code"), [(np.array(1), "length-mismatch"), (np.ones((6, 2)), "several-targets")]
)
def test_what_is_no_target_is_refused_with_class_names_too(target, code, tmp_path):
    for more in ({}, {"classes": np.array(["no", "yes"])}):
        with pytest.raises(UserError) as caught:
            load(saved(tmp_path, x=X, y=target, **more))
        assert caught.value.code == code


def test_a_class_may_be_called_none(tmp_path):
    dataset = load(saved(tmp_path, x=X, y=Y, classes=np.array(["none", "some"])))
    assert dataset.classes == ("none", "some")
    assert len(dataset.rows) == 6


def test_groups_are_read(tmp_path):
    dataset = load(saved(tmp_path, x=X, y=Y, groups=np.array(["b", "b", "a", "a", "c", "c"])))
    assert dataset.rows.groups.tolist() == [0, 0, 1, 1, 2, 2]


def test_one_hot_targets_are_classes(tmp_path):
    dataset = load(saved(tmp_path, x=X, y=np.eye(2)[Y]))
    assert dataset.rows.target.tolist() == Y.tolist()
    assert "one-hot" in dataset.notes[0]


def test_numbers_are_a_regression_target_although_classes_are_there(tmp_path):
    dataset = load(saved(tmp_path, x=X, y=Y, classes=np.array(["a", "b"])), task="regression")
    assert dataset.rows.target.dtype == np.float64


NAN = np.zeros((6, 2, 2))
NAN[0, 0, 0] = np.nan
BAD = {
    "no y": ({"x": X}, "missing-array", "no array y"),
    "no x_train": ({"y_train": Y}, "missing-array", "no array x_train"),
    "nothing known": ({"z": X}, "missing-array", "it has z"),
    "half a test part": ({"x": X, "y": Y, "x_test": X}, "missing-array", "no array y_test"),
    "x and x_train": ({"x": X, "y": Y, "x_train": X}, "ambiguous-arrays", "both"),
    "x and X": ({"x": X, "y": Y, "X": X}, "ambiguous-arrays", "but for their spelling"),
    "objects": ({"x": np.array([[1, None]] * 6), "y": Y}, "pickled-data", "never unpickles"),
    "lengths": ({"x": X, "y": Y[:3]}, "length-mismatch", "6 rows and y has 3"),
    "no rows": ({"x": X[:0], "y": Y[:0]}, "no-rows", "no rows"),
    "no columns": ({"x": X[:, :0], "y": Y}, "no-columns", "nothing in a row"),
    "one axis": ({"x": X[:, 0], "y": Y}, "one-dimensional-inputs", r"\(6,\)"),
    "complex": ({"x": X * 1j, "y": Y}, "unsupported-type", "complex"),
    "records": ({"x": np.zeros(6, dtype=[("a", int)]), "y": Y}, "unsupported-type", "type"),
    "infinite": ({"x": np.where(X == 2, np.inf, X), "y": Y}, "infinite-values", "column 'x0'"),
    "missing in a tensor": ({"x": NAN, "y": Y}, "missing-in-tensor", r"first at \(0, 0, 0\)"),
    "infinite in a tensor": (
        {"x": np.full((6, 2, 2), np.inf), "y": Y},
        "infinite-values",
        "x has 24",
    ),
    "words in a tensor": ({"x": NAN.astype(str), "y": Y}, "unsupported-type", "tensor of type"),
    "several targets": ({"x": X, "y": X}, "several-targets", r"\(6, 2\)"),
    "code": ({"x": X, "y": Y + 1, "classes": ["a", "b"]}, "class-code-out-of-range", "2 in row 2"),
    "names": ({"x": X, "y": Y, "classes": ["a", "a"]}, "duplicate-classes", "twice"),
    "shapes": (
        {"x": IMAGES, "y": Y, "x_test": IMAGES[:, :2], "y_test": Y},
        "shape-mismatch",
        r"\(2, 4, 3\)",
    ),
    "new class": ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "unknown-class", "'2'"),
    "groups": ({"x": X, "y": Y, "groups": Y[:2]}, "length-mismatch", "groups has 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_one_clear_error_with_a_hint(tmp_path, case):
    arrays, code, message = BAD[case]
    with pytest.raises(UserError, match=message) as caught:
        load(saved(tmp_path, **arrays))
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("option", ["target", "test", "groups", "weight"])
def test_options_that_name_columns_are_refused(tmp_path, option):
    with pytest.raises(UserError, match=f"no columns for {option}") as caught:
        load(saved(tmp_path, x=X, y=Y), **{option: "a"})
    assert caught.value.code == "npz-brings-its-own"


def test_a_damaged_archive_leaves_no_open_file(tmp_path):
    path = saved(tmp_path, x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[150:170] = b"\xff" * 20
    path.write_bytes(bytes(content))
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.value.code in {"damaged-file", "pickled-data"}
