"""Sequences of different lengths."""

from __future__ import annotations

import numpy as np
import pytest

from gengap.audit import find_copies
from gengap.data.arrays import from_arrays
from gengap.data.encoding import encode, varying_channels
from gengap.data.load import load
from gengap.data.prediction import parse_like
from gengap.data.preprocessing import Preprocessing, fit_preprocessing, fold_arrays
from gengap.data.row_form import RowForm
from gengap.data.sequences import lengths_of, with_lengths
from gengap.errors import UserError

RANDOM = np.random.default_rng(0)
ROWS, STEPS, CHANNELS = 20, 6, 2
LENGTHS = np.array([6, 3, 1, 4] * 5)
X = RANDOM.normal(7, 3, (ROWS, STEPS, CHANNELS))
Y = np.arange(ROWS) % 2


def lists():
    return [row[:length] for row, length in zip(X, LENGTHS, strict=True)]


def ended():
    """Return the array with NaN behind the rows."""
    there = np.arange(STEPS) < LENGTHS[:, None]
    return np.where(there[..., None], X, np.nan)


def saved(folder, **arrays):
    path = folder / "waves.npz"
    np.savez(path, **arrays)
    return path


def test_lengths_lists_and_missing_steps_are_the_same(tmp_path):
    """Whatever stands in the steps after the last one of a row."""
    datasets = [
        from_arrays(lists(), Y),
        from_arrays(ended(), Y),
        load(saved(tmp_path, x=X, y=Y, lengths=LENGTHS)),
        load(saved(tmp_path, x=np.nan_to_num(ended(), nan=-9.0), labels=Y, len=LENGTHS)),
    ]
    for dataset in datasets:
        assert dataset.modality == "sequence"
        assert dataset.fingerprint == datasets[0].fingerprint
        np.testing.assert_array_equal(dataset.rows.features, ended())
        np.testing.assert_array_equal(lengths_of(dataset.rows.features), LENGTHS)
        assert dataset.notes[-1].endswith("6 steps with 2 channels, 1 to 6 of them in a row")


def test_bytes_with_lengths_are_sequences(tmp_path):
    whole = RANDOM.integers(0, 256, (ROWS, STEPS, 30)).astype(np.uint8)
    for lengths in (LENGTHS, np.full(ROWS, STEPS)):
        dataset = load(saved(tmp_path, x=whole, y=Y, lengths=lengths))
        assert dataset.modality == "sequence"
        assert dataset.rows.features.shape == whole.shape
        assert load(saved(tmp_path, x=whole / 255, y=Y, lengths=lengths)).modality == "sequence"
    assert load(saved(tmp_path, x=whole, y=Y)).modality == "image"


def test_a_test_part_has_lengths_of_its_own(tmp_path):
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:4], "y_test": Y[:4]}
    path = saved(tmp_path, **arrays, len_train=LENGTHS, test_lengths=[1, 2, 3, 6])
    assert lengths_of(load(path).test.features).tolist() == [1, 2, 3, 6]


@pytest.mark.parametrize("longer", ["rows", "test"])
def test_parts_are_as_long_as_the_longest_row_of_both(longer):
    short, long = lists(), [*lists(), np.ones((9, CHANNELS))]
    rows, test = (long, short) if longer == "rows" else (short, long)
    dataset = from_arrays(rows, np.arange(len(rows)) % 2, test=(test, np.arange(len(test)) % 2))
    assert dataset.rows.features.shape[1:] == dataset.test.features.shape[1:] == (9, CHANNELS)
    assert lengths_of(dataset.rows.features)[:4].tolist() == [6, 3, 1, 4]


BAD = {
    "an image": ({"x": X[..., None], "lengths": LENGTHS}, "lengths-without-sequences"),
    "a table": ({"x": X[..., 0], "lengths": LENGTHS}, "lengths-without-sequences"),
    "words": ({"x": X.astype(str), "lengths": LENGTHS}, "lengths-without-sequences"),
    "too few": ({"x": X, "lengths": LENGTHS[:3]}, "length-mismatch"),
    "none": ({"x": X, "lengths": LENGTHS * 0}, "bad-lengths"),
    "too long": ({"x": X, "lengths": LENGTHS + 1}, "bad-lengths"),
    "fractions": ({"x": X, "lengths": LENGTHS / 2}, "bad-lengths"),
    "text": ({"x": X, "lengths": LENGTHS.astype(str)}, "bad-lengths"),
}


@pytest.mark.parametrize("case", BAD)
def test_lengths_that_do_not_fit(tmp_path, case):
    arrays, code = BAD[case]
    with pytest.raises(UserError, match=r"waves\.npz: ") as caught:
        load(saved(tmp_path, y=Y, **arrays))
    assert caught.value.code == code
    assert caught.value.hint


def test_missing_values_within_a_row_are_none_that_end_it():
    for place in ((3, 1, 0), (3, 1, slice(None)), (2, 0, 0)):
        x = ended()
        x[place] = np.nan
        with pytest.raises(UserError) as caught:
            from_arrays(x, Y)
        assert caught.value.code == ("empty-sequence" if place == (2, 0, slice(None)) else
                                     "missing-in-tensor")  # fmt: skip
    x = ended()
    x[2] = np.nan
    with pytest.raises(UserError, match="row 3") as caught:
        from_arrays(x, Y)
    assert caught.value.code == "empty-sequence"


def test_copies_are_rows_of_equal_length_with_equal_steps():
    x = np.ones((4, 3, 1))
    features = with_lengths(x, [3, 2, 2, 3])
    features[3, 2] = 0.0
    dataset = from_arrays(features, [0, 0, 0, 0])
    assert find_copies(dataset).by_features.tolist() == [0, 1, 1, 2]


def test_channels_are_scaled_by_the_steps_that_are_there():
    dataset = from_arrays(lists(), Y)
    training = np.arange(3, 17)
    encoded = encode(dataset.columns, dataset.rows.features)
    assert encoded.form == RowForm("sequence", (STEPS, CHANNELS), padding=0.0)
    fitted = fit_preprocessing(dataset, encoded, training)
    steps = np.concatenate([lists()[row] for row in training])
    np.testing.assert_allclose(fitted.shift, steps.mean(axis=0))
    np.testing.assert_allclose(fitted.scale, steps.std(axis=0))
    prepared = fitted.transform(lists())
    assert prepared.dtype == np.float32
    for row, length, out in zip(X, LENGTHS, prepared, strict=True):
        np.testing.assert_allclose(
            out[:length], (row[:length] - fitted.shift) / fitted.scale, atol=1e-5
        )
        assert (out[length:] == 0).all()
    arrays = fold_arrays(fitted, encoded)
    assert arrays["padding"] == 0
    again = Preprocessing.from_json(fitted.to_json())
    np.testing.assert_array_equal(again.transform(lists()), prepared)


def test_large_numbers_with_a_small_spread_keep_their_digits():
    x = 1.7e9 + RANDOM.normal(0, 60, (ROWS, STEPS, 1))
    dataset = from_arrays(x, Y)
    encoded = encode(dataset.columns, dataset.rows.features)
    fitted = fit_preprocessing(dataset, encoded, np.arange(ROWS))
    arrays = fold_arrays(fitted, encoded)
    on_device = (encoded.values - arrays["shift"]) / arrays["scale"]
    np.testing.assert_allclose(on_device, (x - x.mean()) / x.std(), atol=1e-4)


def test_channels_vary_where_some_step_differs():
    x = np.ones((4, 3, 3))
    x[0, 2, 0], x[3, 0, 1] = 2.0, 2.0
    encoded = encode((), with_lengths(x, [3, 1, 2, 3]))
    parts = [np.array([0, 1]), np.array([0, 3])]
    assert varying_channels(encoded, parts).tolist() == [True, False, False]
    assert varying_channels(encoded, parts[1:]).tolist() == [True, True, False]


def test_rows_to_predict_may_be_shorter_but_not_longer(tmp_path):
    form = RowForm("sequence", (STEPS, CHANNELS), padding=-1e9)
    shorter = [X[0, :3], X[1, :2]]
    np.testing.assert_array_equal(lengths_of(parse_like((), shorter, form=form)[0]), [3, 2])
    path = saved(tmp_path, x=X[:, :4], lengths=np.minimum(LENGTHS, 4))
    features, _ = parse_like((), path, form=form)
    assert features.shape == X.shape
    np.testing.assert_array_equal(lengths_of(features), np.minimum(LENGTHS, 4))
    even = RowForm("sequence", (STEPS, CHANNELS))
    for source, wanted in (([*shorter, np.ones((7, 2))], form), (lists(), even), (X[:, :3], even)):
        with pytest.raises(UserError) as caught:
            parse_like((), source, form=wanted)
        assert caught.value.code == "shape-mismatch"
    with pytest.raises(UserError) as caught:
        parse_like((), [*shorter, np.ones((7, 2))], form=form)
    assert f"row 3 of the array has 7 steps; the network takes rows of {STEPS} steps" in str(
        caught.value
    )
    assert f"x[:, :{STEPS}]" in caught.value.hint
    for one in (form, even):
        assert parse_like((), X[:0, :3], form=one)[0].shape == (0, STEPS, CHANNELS)


def test_padding_beyond_the_longest_row_of_training_is_cut_off():
    form = RowForm("sequence", (STEPS, CHANNELS), padding=-1e9)
    longer = np.full((len(X), STEPS + 2, CHANNELS), np.nan)
    longer[:, :3] = X[:, :3]
    features, _ = parse_like((), longer, form=form)
    assert features.shape == X.shape
    np.testing.assert_array_equal(features[:, :3], X[:, :3])
    assert (lengths_of(features) == 3).all()
