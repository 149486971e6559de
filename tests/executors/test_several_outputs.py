"""Targets of several outputs go to another process as files, and the network comes back whole."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from executors.beside import compare_beside
from gengap.data.arrays import from_arrays
from gengap.executors.request import read_request, write_request
from gengap.executors.rows import read_dataset, write_dataset
from gengap.reading import outputs_by_name

X = np.random.default_rng(0).normal(size=(60, 3))
KINDS = np.resize(["elm", "oak"], 60)
PRICES = 100 + 3 * X[:, 0]
Y = {"price/1": PRICES, "kind": KINDS}


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = layers.Dense(4, activation="relu")(inputs)
    outputs = [layers.Dense(1)(hidden), layers.Dense(2, activation="softmax", name="kind")(hidden)]
    model = keras.Model(inputs, outputs)
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], loss_weights=[0.5, 1.0])
    return model


def test_a_dataset_comes_back_the_same(tmp_path: Path) -> None:
    given = from_arrays(
        X, Y, target="kind", test=(X[:5], KINDS[:5]), sample_weight=1.0 + X[:, 0] ** 2
    )
    write_dataset(given, tmp_path)
    found = read_dataset(tmp_path)
    assert found.fingerprint == given.fingerprint
    assert (found.outputs, found.deciding) == (given.outputs, "kind")
    np.testing.assert_array_equal(found.rows.further["price/1"], PRICES)
    assert found.test is not None
    assert not found.test.further


def test_a_call_with_a_list_of_targets_comes_over(tmp_path: Path) -> None:
    y, target, test = outputs_by_name(
        [PRICES, KINDS], "kind", (X, [PRICES, KINDS]), model := network()
    )
    settings = dict.fromkeys(("task", "groups", "weight", "sample_weight", "image_size"))
    settings |= {"model": model, "techniques": "l2", "test": test, "target": target}
    write_request(tmp_path, X, y, settings, listening=False)
    found = read_request(tmp_path).arguments
    assert [one.name for one in found["x"].outputs] == ["kind", "output_1"]
    assert found["target"] == found["x"].target_name == "kind"
    assert len(found["model"].outputs) == 2


def test_a_study_in_another_process_brings_all_outputs_back() -> None:
    y = {"output_1": PRICES, "kind": KINDS}
    study = compare_beside(X, y, network(), "l2=1e-3", target="kind", folds=2, epochs=2)
    best = study.best
    assert [one["name"] for one in study.results.dataset["outputs"]] == ["output_1", "kind"]
    prices, kinds = best.model.predict(best.preprocessing.transform(X), verbose=0)
    np.testing.assert_allclose(best.predict(X), kinds, rtol=1e-5)
    assert prices.shape == (60, 1)
