"""Rows to predict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gengap.data.dataset import Column
from gengap.data.load import load
from gengap.data.prediction import parse_like
from gengap.data.row_form import RowForm
from gengap.errors import UserError

COLUMNS = (
    Column("size", "numeric"),
    Column("code", "categorical", ("01", "A"), missing=1),
    Column("sold", "boolean"),
    Column("day", "date"),
)
TEXT = "day,sold,extra,code,size\n1970-01-02,yes,7,01,1.5\n1970-01-03,no,8,A,?\n"


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text(TEXT)
    return path


def test_columns_are_found_by_name_and_read_as_in_training(csv):
    features, notes = parse_like(COLUMNS, csv)
    assert features.columns.tolist() == ["size", "code", "sold", "day"]
    assert features["code"].tolist() == ["01", "A"]
    assert features["sold"].tolist() == [1.0, 0.0]
    assert features["day"].tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(features["size"], [1.5, np.nan])
    assert notes == ("column ignored: extra",)


def test_a_frame_reads_like_a_file(csv):
    frame = pd.read_csv(csv, dtype=str)
    pd.testing.assert_frame_equal(parse_like(COLUMNS, frame)[0], parse_like(COLUMNS, csv)[0])


def test_the_training_table_itself_reads_back():
    dataset = load("sklearn:wine")
    features, notes = parse_like(dataset.columns, "sklearn:wine")
    pd.testing.assert_frame_equal(features, dataset.rows.features)
    assert notes == ("column ignored: cultivar",)


def test_the_columns_of_an_array_go_by_position():
    columns = (Column("p", "numeric"), Column("q", "numeric"))
    features, _ = parse_like(columns, [[1, 2], [3, 4]])
    assert features["q"].tolist() == [2.0, 4.0]
    with pytest.raises(UserError) as caught:
        parse_like(columns, np.ones((2, 3)))
    assert caught.value.code == "missing-columns"


def test_an_archive_brings_x_or_x_test(tmp_path):
    path = tmp_path / "new.npz"
    columns = (Column("x0", "numeric"),)
    np.savez(path, X=np.ones((2, 1)))
    assert len(parse_like(columns, path)[0]) == 2
    np.savez(path, x_train=np.ones((2, 1)), x_test=np.ones((3, 1)))
    features, notes = parse_like(columns, path)
    assert len(features) == 3
    assert notes == ("predicted is the array x_test",)
    np.savez(path, y=np.ones(3))
    with pytest.raises(UserError) as caught:
        parse_like(columns, path)
    assert caught.value.code == "missing-array"


SEQUENCES = RowForm("sequence", (4, 3))
GREY, COLOUR = RowForm("image", (4, 4, 1), "bytes", 255.0), RowForm("image", (4, 4, 3), "numbers")


def test_arrays_must_have_the_shape_of_training():
    x = np.ones((2, 4, 3), dtype=np.float32)
    assert parse_like((), x, form=SEQUENCES)[0] is x
    wider = RowForm("sequence", (4, 4))
    for source, form, columns in ((x, wider, ()), (x[0], SEQUENCES, ()), (x, None, COLUMNS)):
        with pytest.raises(UserError) as caught:
            parse_like(columns, source, form=form)
        assert caught.value.code == "shape-mismatch"


def test_grey_images_may_lack_the_channel_axis():
    x = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    for source in (x, x[..., None]):
        assert parse_like((), source, form=GREY)[0].shape == (2, 4, 4, 1)
    flat = RowForm("image", (4, 4), "bytes", 255.0)
    assert parse_like((), x, form=flat)[0].shape == (2, 4, 4, 1)


@pytest.mark.parametrize(
    ("form", "pixels"),
    [
        (GREY, np.full((2, 4, 4, 1), 0.5)),
        (GREY, np.ones((2, 4, 4, 1))),
        (GREY, np.full((2, 4, 4, 1), 300)),
        (COLOUR, np.zeros((2, 4, 4, 3), np.uint8)),
    ],
    ids=["fractions", "black and white", "too large", "bytes"],
)
def test_pixels_of_another_kind_than_in_training_are_refused(form, pixels):
    with pytest.raises(UserError) as caught:
        parse_like((), pixels, form=form)
    assert caught.value.code == "other-pixels"


def test_whole_numbers_are_the_bytes_that_they_were():
    x = np.arange(32).reshape(2, 4, 4, 1)
    for source in (x, x.astype(float)):
        found = parse_like((), source, form=GREY)[0]
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, x)


def test_a_missing_column_is_refused_with_a_suggestion(csv):
    with pytest.raises(
        UserError, match=r"new.csv lacks 1 of the training data's columns: 'sizes'"
    ) as caught:
        parse_like((Column("sizes", "numeric"),), csv)
    assert caught.value.code == "missing-columns"
    assert "did you mean 'size'" in caught.value.hint


def test_a_column_that_is_needed_itself_is_not_suggested_for_another():
    columns = (Column("A3", "numeric"), Column("A13", "numeric"))
    for spare, meant in (("B", False), ("a_3", True)):
        with pytest.raises(UserError) as caught:
            parse_like(columns, pd.DataFrame({"A13": [1.0], spare: [2.0]}))
        assert caught.value.code == "missing-columns"
        assert ("did you mean" in caught.value.hint) == meant
        assert "'A13'" not in caught.value.hint


@pytest.mark.parametrize(
    ("column", "received"),
    [
        (Column("code", "numeric"), "'A' in row 2"),
        (Column("size", "boolean"), "numeric values"),
        (Column("sold", "date"), "'yes' in row 1"),
    ],
)
def test_a_column_of_another_kind_is_refused(csv, column, received):
    with pytest.raises(UserError, match=received) as caught:
        parse_like((column,), csv)
    assert caught.value.code == "ill-typed-column"


def test_words_that_training_lacks_are_noted(csv):
    features, notes = parse_like((Column("code", "categorical", ("A",)),), csv)
    assert features["code"].tolist() == ["01", "A"]
    assert any("'01'" in note for note in notes)
