"""Encoding and preprocessing: equal to scikit-learn fitted on the same rows, in 32 bits too."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gengap.data import encoding
from gengap.data import preprocessing as fitting
from gengap.data.arrays import from_arrays
from gengap.data.dataset import Column
from gengap.data.encoding import encode, varying_numbers
from gengap.data.load import load
from gengap.data.preprocessing import Preprocessing, fit_preprocessing, fold_arrays
from gengap.data.row_form import RowForm
from gengap.errors import UserError


def by_scikit_learn(dataset, rows):
    """What its pipeline, fitted on these rows, makes of all rows; columns never seen are zero."""
    features = dataset.rows.features
    training = features.iloc[rows]
    numeric = [c.name for c in dataset.columns if c.kind != "categorical"]
    seen = [name for name in numeric if training[name].notna().any()]
    words = [c.name for c in dataset.columns if c.kind == "categorical"]
    pipeline = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), seen),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    ).fit(training)
    made = pipeline.transform(features)
    found = dict(zip([("number", name) for name in seen], made.T, strict=False))
    if words:
        encoder = pipeline.named_transformers_["words"]
        pairs = [
            (name, level)
            for name, levels in zip(words, encoder.categories_, strict=True)
            for level in levels
        ]
        found |= dict(zip(pairs, made.T[len(seen) :], strict=True))
    expected = []
    for column in dataset.columns:
        if column.kind != "categorical":
            expected.append(found.get(("number", column.name), np.zeros(len(features))))
            continue
        levels = [*column.levels, *([None] if column.missing else [])]
        expected.extend(
            found.get((column.name, level), np.zeros(len(features))) for level in levels
        )
    return np.array(expected).T


def on_the_device(preprocessing, encoded):
    """The same arithmetic in 32 bits, as the lanes do it."""
    arrays = fold_arrays(preprocessing, encoded)
    assert all(array.dtype == np.float32 for array in arrays.values())
    filled = np.where(np.isnan(encoded.values), arrays["fill"], encoded.values)
    made = (filled - arrays["shift"]) / arrays["scale"] * arrays["keep"]
    assert made.dtype == np.float32
    return made


def check(dataset, rows):
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, rows)
    expected = by_scikit_learn(dataset, rows)
    made = preprocessing.transform_features(dataset.rows.features)
    assert made.dtype == np.float32
    assert made.shape == (len(dataset.rows), encoded.width)
    assert preprocessing.names == encoded.names
    np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-30)
    # Rounding value, shift and scale to 32 bits costs a few of their last places.
    np.testing.assert_allclose(
        on_the_device(preprocessing, encoded), expected, rtol=1e-5, atol=1e-5
    )
    again = Preprocessing.from_json(preprocessing.to_json())
    np.testing.assert_array_equal(again.transform_features(dataset.rows.features), made)
    assert again.to_json() == preprocessing.to_json()


def numbers(rng, rows):
    """A column of numbers of one of the kinds that occur, some of them missing."""
    shape = rng.integers(8)
    values = [
        lambda: rng.normal(size=rows),
        lambda: np.full(rows, rng.normal()),
        lambda: np.full(rows, 0.1) * rng.integers(1, 4),
        lambda: 1.7e9 + rng.uniform(0, 86400, rows),
        lambda: 1e15 + rng.integers(0, 1000, rows),
        lambda: rng.lognormal(sigma=4, size=rows),
        lambda: rng.integers(0, 3, rows).astype(float),
        lambda: rng.normal(size=rows) * 10.0 ** rng.integers(-12, 12),
    ][shape]()
    share = rng.choice([0, 0.1, 0.6, 1])
    return np.where(rng.random(rows) < share, np.nan, values)


def words(rng, rows):
    levels = [f"w{place}" for place in range(rng.integers(1, 6))] + [None] * int(rng.integers(2))
    return rng.choice(np.array(levels, dtype=object), rows)


@given(
    st.integers(0, 2**32), st.integers(3, 60), st.integers(0, 5), st.integers(0, 3), st.booleans()
)
def test_equals_scikit_learn_fitted_on_the_training_rows(seed, rows, many, wordy, regression):
    rng = np.random.default_rng(seed)
    table = {f"n{place}": numbers(rng, rows) for place in range(many)}
    table |= {f"w{place}": words(rng, rows) for place in range(wordy)}
    table["flag"] = rng.random(rows) < 0.5
    target = rng.normal(size=rows) if regression else rng.integers(0, 2, rows)
    dataset = from_arrays(pd.DataFrame(table), target)
    training = np.sort(rng.choice(rows, size=rng.integers(1, rows), replace=False))
    check(dataset, training)


def by_scikit_learn_on_the_whole(table, rows):
    """Medians, means and standard deviations, all columns at once; 0, 0 and 1 where all miss."""
    values = table.iloc[rows].to_numpy()
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(values)
    scaler = StandardScaler().fit(imputer.transform(values))
    return imputer.statistics_, scaler.mean_, scaler.scale_


@given(st.integers(0, 2**32), st.integers(3, 3000), st.integers(1, 8), st.data())
def test_columns_one_by_one_equal_scikit_learn_on_the_whole_to_the_last_bit(seed, rows, many, data):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"n{place}": numbers(rng, rows) for place in range(many)})
    dataset = from_arrays(table, rng.integers(0, 2, rows))
    encoded = encode(dataset.columns, dataset.rows.features)
    training = np.sort(rng.choice(rows, size=rng.integers(1, rows), replace=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_TOGETHER", data.draw(st.integers(1, many * rows)))
        fitted = fit_preprocessing(dataset, encoded, training)
    fill, shift, scale = by_scikit_learn_on_the_whole(table, training)
    np.testing.assert_array_equal(fitted.fill, fill)
    np.testing.assert_array_equal(fitted.shift, shift)
    np.testing.assert_array_equal(fitted.scale, scale)


def test_levels_are_known_whichever_of_the_rows_they_are_in(monkeypatch):
    words = np.array(["p", "q", "r", None], dtype=object)[np.arange(80) % 4]
    dataset = from_arrays(pd.DataFrame({"w": words}), np.arange(80) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    monkeypatch.setattr(fitting, "_TOGETHER", 8)
    kept = fit_preprocessing(dataset, encoded, np.flatnonzero(words != "q")).keep
    assert dict(zip(encoded.names, kept, strict=True)) == {
        "w=p": 1, "w=q": 0, "w=r": 1, "w=<missing>": 1,
    }  # fmt: skip
    late = np.r_[np.arange(0, 76, 4), 77]
    assert fit_preprocessing(dataset, encoded, late).keep.tolist() == [1, 1, 0, 0]


def peak_of(call):
    """The most bytes that a call held at once beyond what was there."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_fitting_holds_a_few_columns_at_a_time_not_the_table(share):
    rng = np.random.default_rng(0)
    rows, width = 50_000, 30
    values = rng.normal(size=(rows, width))
    values[rng.random(values.shape) < share] = np.nan
    dataset = from_arrays(values, np.arange(rows) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_TOGETHER", 2 * rows)
        peak = peak_of(lambda: fit_preprocessing(dataset, encoded, np.arange(rows)))
    # The rows of two columns are stacked from two arrays; scikit-learn holds beside them which are
    # missing, as bytes and as numbers, and how far they are from the mean. The table has 15 twos.
    assert peak < 5 * 2 * rows * values.itemsize


def test_a_table_is_read_into_its_own_size():
    rows, width = 50_000, 30
    values = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    target = np.arange(rows) % 2
    peak = peak_of(lambda: from_arrays(values, target))
    # In 64 bits, and the codes of the target and a few columns in the making.
    assert peak < (width + 8) * rows * 8


def test_what_was_read_is_no_longer_the_giver_s_to_change():
    values, table = np.arange(24.0).reshape(8, 3), pd.DataFrame({"a": np.arange(8.0)})
    for given_rows in (values, table):
        dataset = from_arrays(given_rows, np.arange(8) % 2)
        before = dataset.rows.features.copy()
        if isinstance(given_rows, np.ndarray):
            given_rows[:] = -1
        else:
            given_rows.iloc[:, 0] = -1
        pd.testing.assert_frame_equal(dataset.rows.features, before)


@given(st.integers(0, 2**32), st.integers(1, 9))
def test_what_varies_is_found_whichever_of_the_rows_it_is_in(seed, together):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"n{place}": numbers(rng, 20) for place in range(4)})
    dataset = from_arrays(table, np.arange(20) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    parts = [np.flatnonzero(rng.random(20) < rng.random()) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_ROWS", together)
        found = varying_numbers(dataset.columns, encoded, parts)
    carried = [pd.DataFrame(encoded.values[part]) for part in parts]
    numeric = np.array([column.kind == "numeric" for column in dataset.columns])
    expected = numeric & np.all([(part.nunique() > 1).to_numpy() for part in carried], axis=0)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "diabetes", "digits"])
def test_equals_scikit_learn_on_real_tables(name):
    dataset = load(f"sklearn:{name}")
    check(dataset, np.arange(0, len(dataset.rows), 2))


def test_what_the_training_rows_never_saw_is_zero():
    table = pd.DataFrame(
        {
            "a": [1.0, 2.0, 3.0],
            "n": [np.nan, np.nan, 5e9],
            "w": ["x", "x", None],
            "v": ["p", "p", "q"],
        }
    )
    dataset = from_arrays(table, [0, 1, 0])
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.array([0, 1]))
    assert encoded.names == ("a", "n", "w=x", "w=<missing>", "v=p", "v=q")
    assert preprocessing.keep.tolist() == [1, 0, 1, 0, 1, 0]
    assert preprocessing.transform_features(dataset.rows.features)[2, 1:].tolist() == [
        0,
        0,
        0,
        0,
        0,
    ]
    assert on_the_device(preprocessing, encoded)[2, 1:].tolist() == [0, 0, 0, 0, 0]


def test_a_missing_cell_is_filled_though_training_had_none():
    dataset = from_arrays(pd.DataFrame({"a": [1.0, 2.0, 6.0]}), [0, 1, 0])
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(3))
    made = preprocessing.transform(pd.DataFrame({"a": [np.nan, 2.0]}))
    assert made[0] == made[1]


def test_numbers_keep_their_digits_in_32_bits():
    seconds = 1.7e9 + np.arange(100.0)
    encoded = encode((Column("t", "numeric"),), pd.DataFrame({"t": seconds}))
    assert np.unique(encoded.values).size == 100
    assert np.unique(seconds.astype(np.float32)).size < 10


def test_a_test_part_is_carried_like_the_rows():
    column = Column("t", "numeric")
    rows = encode((column,), pd.DataFrame({"t": [1.0, 2.0, 3.0]}))
    part = encode((column,), pd.DataFrame({"t": [3.0, 1e38]}), like=rows)
    assert part.values[0] == rows.values[2]
    assert np.isfinite(part.values).all()


def test_a_regression_target_is_standardized_by_the_training_rows():
    target = np.array([1.5, 2.0, 4.0, 100.0])
    dataset = from_arrays(np.arange(8.0).reshape(4, 2), target)
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(3))
    assert preprocessing.target_shift == pytest.approx(target[:3].mean())
    assert preprocessing.target_scale == pytest.approx(target[:3].std())
    constant = from_arrays(np.arange(8.0).reshape(4, 2), np.full(4, 2.5))
    assert fit_preprocessing(constant, encoded, np.arange(3)).target_scale == 1.0


def test_a_class_target_is_not_scaled():
    dataset = load("sklearn:iris")
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(100))
    assert (preprocessing.target_shift, preprocessing.target_scale) == (0.0, 1.0)


def test_images_of_bytes_are_divided_by_255():
    x = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    dataset = from_arrays(x, [0, 1, 0, 1])
    encoded = encode(dataset.columns, dataset.rows.features)
    assert encoded.values is dataset.rows.features
    assert encoded.values.dtype == np.uint8
    assert encoded.width == 0
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(3))
    assert preprocessing.form == RowForm("image", (3, 2, 1), "bytes", 255.0)
    prepared = preprocessing.transform(x)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, x[..., None] / 255, rtol=1e-6)
    assert fold_arrays(preprocessing, encoded) == {"scale": np.float32(255)}
    document = json.loads(preprocessing.to_json())
    assert document["kind"] == "image"
    assert document["pixels"] == {"hold": "bytes", "divisor": 255.0}
    assert Preprocessing.from_json(preprocessing.to_json()).form == preprocessing.form


def test_other_images_are_as_they_are():
    x = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    dataset = from_arrays(x, [0, 1, 0, 1])
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(3))
    np.testing.assert_array_equal(preprocessing.transform(x), x.astype(np.float32))
    assert fold_arrays(preprocessing, encoded) == {}
    assert Preprocessing.from_json(preprocessing.to_json()).form == preprocessing.form


def test_rows_can_be_prepared_from_the_document_alone():
    table = pd.DataFrame(
        {"a": [1.0, np.nan, 3.0, 9.0], "w": ["x", "y", None, "z"], "b": [True, False, True, False]}
    )
    dataset = from_arrays(table, [0.5, 1.0, 2.0, 3.5])
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(3))
    document = json.loads(preprocessing.to_json())
    made = []
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        cells = []
        for entry in document["encoded"]:
            value = row[entry["column"]]
            if "level" in entry:
                cell = float(value == entry["level"])
            else:
                value = entry["fill"] if value is None else value
                cell = (value - entry["shift"]) / entry["scale"]
            cells.append(cell * entry["keep"])
        made.append(cells)
    np.testing.assert_allclose(
        made, preprocessing.transform_features(dataset.rows.features), rtol=1e-6
    )
    assert document["target"] == {
        "name": "y",
        "task": "regression",
        "classes": [],
        "shift": preprocessing.target_shift,
        "scale": preprocessing.target_scale,
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"columns": [1]}', "\x00"])
def test_what_is_no_preprocessing_is_refused(text):
    with pytest.raises(UserError) as caught:
        Preprocessing.from_json(text)
    assert caught.value.code == "not-preprocessing"


def test_a_table_too_wide_to_hold_is_refused(monkeypatch):
    monkeypatch.setattr(encoding, "_MOST_VALUES", 10)
    column = Column("text", "categorical", tuple(map(str, range(6))))
    with pytest.raises(UserError, match="column 'text' alone has 6 different words") as caught:
        encode((column,), pd.DataFrame({"text": ["1", "2"]}))
    assert caught.value.code == "too-many-levels"


def mixed():
    """A table with every kind of column, and what was fitted on it."""
    table = pd.DataFrame(
        {
            "size": ["1.5", "?", "3.0", "9.0"],
            "word": ["x", "y", None, "x"],
            "old": ["Y", "N", "Y", ""],
            "day": ["2024-01-01", "2024-02-01", "NA", "2024-03-01"],
        }
    )
    dataset = from_arrays(table, [0.5, 1.0, 2.0, 3.5])
    encoded = encode(dataset.columns, dataset.rows.features)
    return table, dataset, fit_preprocessing(dataset, encoded, np.arange(4))


def test_rows_as_they_come_are_prepared_like_those_that_were_read():
    table, dataset, preprocessing = mixed()
    expected = preprocessing.transform_features(dataset.rows.features)
    shuffled = table[["day", "old", "size", "word"]].assign(more=1)
    for rows in (table, shuffled, table.to_numpy(dtype=object)):
        np.testing.assert_array_equal(preprocessing.transform(rows), expected)


def test_the_columns_of_an_array_go_by_position():
    values = np.random.default_rng(0).normal(100, 30, (20, 3))
    dataset = from_arrays(values, np.arange(20) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(20))
    made = preprocessing.transform(values)
    np.testing.assert_allclose(
        made, (values - values.mean(0)) / values.std(0), rtol=1e-4, atol=1e-6
    )
    with pytest.raises(UserError) as caught:
        preprocessing.transform(values[:, :2])
    assert caught.value.code == "missing-columns"


def test_rows_that_were_not_read_are_refused_where_read_ones_belong():
    table, dataset, preprocessing = mixed()
    features = dataset.rows.features
    for wrong in (table, features.drop(columns="day"), np.ones((4, 4)), features.to_numpy()):
        with pytest.raises(UserError, match="take rows as they come") as caught:
            preprocessing.transform_features(wrong)
        assert caught.value.code == "not-read"


def test_a_tensor_of_another_shape_is_refused():
    x = np.zeros((4, 3, 2), np.float32)
    dataset = from_arrays(x, [0, 1, 0, 1])
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(3))
    for wrong in (x[:, :2], x[0]):
        with pytest.raises(UserError):
            preprocessing.transform_features(wrong)
        with pytest.raises(UserError):
            preprocessing.transform(wrong)
