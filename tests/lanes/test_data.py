"""Rows and folds as the devices hold them: nothing is lost, doubled or scaled otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gengap.data.arrays import from_arrays
from gengap.data.encoding import encode
from gengap.data.load import load
from gengap.data.preprocessing import fit_preprocessing
from gengap.lanes.data import BLOCK, StudyData, study_data
from gengap.lanes.loop import batch_order
from gengap.lanes.step import batch_of, changed, of_fold, prepared
from gengap.splits import Split, make_splits

RARE = 1e-4


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(5, 3, rows)),
            "time": 1.7e9 + rng.normal(0, 3600, rows).round(),
            "color": rng.choice(["red", "green", None], rows),
            "kind": rng.choice(["a", "b", "c"], rows, p=[0.7, 0.2, 0.1]),
            "price": 1e9 + rng.normal(0, 50, rows),
            "weight": rng.uniform(0, 2, rows),
        }
    )


def laid_out(
    rows: int, target: str, *, folds: int = 3, **settings: Any
) -> tuple[Any, tuple[Split, ...], list[Any], StudyData]:
    other = {"kind": "price", "price": "kind"}[target]
    dataset = load(table(rows).drop(columns=other), target=target, weight="weight")
    encoded = encode(dataset.columns, dataset.rows.features)
    splits = make_splits(dataset.rows.target, task=dataset.task, folds=folds, seed=0)
    fitted = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    return dataset, splits, fitted, study_data(dataset, encoded, splits, fitted, **settings)


def fold_of(data: StudyData, fold: int) -> Any:
    """Return what a lane looks up of its fold."""
    return of_fold({"split": fold}, data.tables())


@pytest.mark.parametrize("rows", [50, 3 * BLOCK + 17])
def test_every_part_is_there_once(rows: int) -> None:
    _, splits, _, data = laid_out(rows, "kind")
    for fold, split in enumerate(splits):
        index, masks = (table[fold] for table in data.tables()["evaluated"])
        assert index.shape[1] <= BLOCK
        assert masks.shape == (index.shape[0], 2, index.shape[1])
        sample, validation = (index[masks[:, part]] for part in range(2))
        np.testing.assert_array_equal(validation, split.validation)
        assert len(sample) == len(set(sample)) == min(len(split.training), len(split.validation))
        assert set(sample) <= set(split.training)
        assert masks.dtype == bool
        # Padding holds real rows, so that nothing that is not finite comes of it.
        assert index.min() >= 0
        assert index.max() < rows
        np.testing.assert_array_equal(
            data.tables()["test"][fold].ravel()[: len(split.test)], split.test
        )


def test_inputs_are_prepared_as_preprocessing_does_it() -> None:
    dataset, splits, fitted, data = laid_out(300, "kind")
    for fold, preprocessing in enumerate(fitted):
        lane = fold_of(data, fold)
        inputs = np.asarray(prepared(jnp.asarray(data.inputs), lane))
        expected = preprocessing.transform_features(dataset.rows.features)
        np.testing.assert_allclose(inputs, expected, atol=1e-5)
        trained = inputs[splits[fold].training]
        assert np.abs(trained[:, 1].mean()) < 1e-4
        assert trained[:, 1].std() == pytest.approx(1, abs=1e-4)


def images_of(pixels: np.ndarray) -> tuple[Any, StudyData]:
    dataset = from_arrays(pixels, np.arange(len(pixels)) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    splits = make_splits(dataset.rows.target, task=dataset.task, folds=2)
    fitted = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    return fitted[0], study_data(dataset, encoded, splits, fitted)


def test_numbers_of_images_are_as_they_are() -> None:
    images = np.random.default_rng(0).normal(size=(40, 3, 3, 1)).astype(np.float32)
    _, data = images_of(images)
    lane = fold_of(data, 0)
    assert not {"fill", "shift", "factor"} & set(lane)
    np.testing.assert_array_equal(prepared(jnp.asarray(images), lane), images)
    assert data.noise == pytest.approx(0.5 * images.std(), rel=1e-5)


def test_images_are_bytes_on_the_devices_and_fractions_for_the_network() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 3, 3)).astype(np.uint8)
    preprocessing, data = images_of(images)
    assert data.tables()["inputs"].dtype == np.uint8
    rows = np.array([3, 30, 7], np.int32)
    inputs, _, _ = batch_of(jnp.asarray(rows), fold_of(data, 0), data.tables())
    assert inputs.dtype == jnp.float32
    # A product with 1/255 is not always the nearest number to the quotient.
    np.testing.assert_allclose(inputs, preprocessing.transform(images[rows]), rtol=2e-7)
    assert data.noise == pytest.approx(0.5 * (images / 255).std(), rel=1e-5)


def test_steps_that_are_none_are_padded_and_stay_so() -> None:
    sequences = np.random.default_rng(0).normal(7, 3, (40, 5, 2)) * [1, 50]
    sequences[::4, 3:] = np.nan
    dataset = from_arrays(sequences, np.arange(40) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    encoded = replace(encoded, form=replace(encoded.form, padding=-9.0))
    splits = make_splits(dataset.rows.target, task=dataset.task, folds=2)
    fitted = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    data = study_data(dataset, encoded, splits, fitted)
    rows = jnp.arange(40)
    seen: list[Any] = []
    for fold, preprocessing in enumerate(fitted):
        lane = fold_of(data, fold)
        inputs, _, _ = batch_of(rows, lane, data.tables())
        np.testing.assert_allclose(inputs, preprocessing.transform(sequences), atol=1e-5)
        assert (np.asarray(inputs)[::4, 3:] == -9.0).all()
        noisy = changed(inputs, lane, lambda values: seen.append(values) or values + 1.0)
        assert (np.asarray(seen[-1])[::4, 3:] == 0).all()
        assert (np.asarray(noisy)[::4, 3:] == -9.0).all()
        np.testing.assert_allclose(noisy[1], inputs[1] + 1.0)
    assert data.noise.tolist() == [0.5, 0.5]


def test_a_batch_has_its_targets_and_weights() -> None:
    dataset, _, fitted, data = laid_out(200, "price")
    rows = np.array([3, 100, 7], np.int32)
    for fold, preprocessing in enumerate(fitted):
        _, targets, weights = batch_of(jnp.asarray(rows), fold_of(data, fold), data.tables())
        raw = dataset.rows.target[rows]
        expected = (raw - preprocessing.target_shift) / preprocessing.target_scale
        # The target is far from zero: 32 bits alone would lose its digits.
        np.testing.assert_allclose(targets, expected, atol=1e-5)
        np.testing.assert_allclose(weights, dataset.rows.weights[rows], rtol=1e-6)


def test_predictions_come_back_in_their_unit() -> None:
    dataset, _, _, data = laid_out(200, "price")
    np.testing.assert_allclose(data.in_unit(data.targets), dataset.rows.target, atol=1e-4)
    _, _, _, classes = laid_out(200, "kind")
    probabilities = np.full((4, 3), 1 / 3, np.float32)
    assert classes.in_unit(probabilities) is probabilities


def test_classes_count_alike_in_every_fold() -> None:
    dataset, splits, _, data = laid_out(200, "kind", class_weight="balanced")
    for fold, split in enumerate(splits):
        weights = fold_of(data, fold)["class_weights"]
        counts = np.bincount(dataset.rows.target[split.training], minlength=3)
        np.testing.assert_allclose(weights * counts, len(split.training) / 3, rtol=1e-5)
        _, _, of_rows = batch_of(jnp.asarray(split.training), fold_of(data, fold), data.tables())
        codes = dataset.rows.target[split.training]
        expected = weights[codes] * dataset.rows.weights[split.training]
        np.testing.assert_allclose(of_rows, expected, rtol=1e-5)


def test_a_class_that_a_fold_lacks_has_a_weight_too() -> None:
    dataset, splits, fitted, _ = laid_out(60, "kind")
    encoded = encode(dataset.columns, dataset.rows.features)
    absent = np.flatnonzero(dataset.rows.target != 2)
    split = Split(0, 0, absent[:30], absent[30:35], splits[0].test)
    data = study_data(dataset, encoded, (split,), fitted[:1], class_weight="balanced")
    assert fold_of(data, 0)["class_weights"][2] == 1
    assert np.isfinite(fold_of(data, 0)["class_weights"]).all()


def test_noise_is_on_numbers_only_and_where_every_fold_saw_them_vary() -> None:
    rows = 60
    rng = np.random.default_rng(0)
    spike = np.full(rows, np.nan)
    spike[:2] = 1.0, 2.0
    columns = pd.DataFrame(
        {
            "size": rng.normal(size=rows),
            "once": np.where(np.arange(rows) == 7, 3.5, 1.25),
            "spike": spike,
            "still": np.full(rows, 2.0),
            "member": rng.random(rows) < 0.5,
            "day": pd.date_range("2024-01-01", periods=rows).astype(str),
            "color": rng.choice(["red", "green"], rows),
            "kind": rng.choice(["a", "b"], rows),
        }
    )
    dataset = load(columns, target="kind")
    kinds = {column.name: column.kind for column in dataset.columns}
    assert (kinds["member"], kinds["day"]) == ("boolean", "date")
    encoded = encode(dataset.columns, dataset.rows.features)
    splits = make_splits(dataset.rows.target, task=dataset.task, folds=3, seed=0)
    fitted = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    data = study_data(dataset, encoded, splits, fitted)
    noise = dict(zip(encoded.names, data.noise.tolist(), strict=True))
    assert {name for name, value in noise.items() if value} == {"size"}
    assert noise["size"] == 0.5


class TestBatchOrder:
    training = np.arange(100, 164)

    def test_it_takes_rows_of_the_fold_each_once(self) -> None:
        order = batch_order(3, 0, self.training, 60)
        assert len(order) == len(set(order)) == 60
        assert set(order) <= set(self.training)
        assert set(batch_order(3, 0, self.training, 64)) == set(self.training)

    def test_it_is_fresh_each_epoch_and_seed_and_the_same_each_time(self) -> None:
        orders = {
            (seed, epoch): batch_order(seed, epoch, self.training, 64).tobytes()
            for seed in range(4)
            for epoch in range(4)
        }
        assert len(set(orders.values())) == len(orders)
        assert batch_order(2, 3, self.training, 64).tobytes() == orders[2, 3]

    def test_no_row_is_left_out_more_often_than_another(self) -> None:
        taken = [batch_order(1, epoch, self.training, 48) for epoch in range(4000)]
        counts = np.bincount(np.concatenate(taken) - 100, minlength=64)
        assert stats.chisquare(counts).pvalue > RARE

    def test_every_order_is_as_likely(self) -> None:
        drawn = [batch_order(5, epoch, np.arange(4), 4) for epoch in range(6000)]
        _, counts = np.unique(drawn, axis=0, return_counts=True)
        assert len(counts) == 24
        assert stats.chisquare(counts).pvalue > RARE
