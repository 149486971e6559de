"""A network with classes and functions that nobody registered is made again all the same."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from gengap.networks.own import own_objects
from gengap.networks.rebuild import made_again


class Unknown(keras.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return keras.ops.multiply(inputs, 2.0)


class Cautious(keras.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.full(shape, 0.25, dtype)


def doubled(inputs: Any) -> Any:
    return keras.ops.multiply(inputs, 2.0)


def absolute(truth: Any, predicted: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(truth - predicted), axis=-1)


def network() -> keras.Model:
    dense = keras.layers.Dense(2, activation=doubled, kernel_initializer=Cautious())
    model = keras.Sequential([keras.Input((3,)), Unknown(), dense])
    model.compile("adam", absolute)
    return model


def test_what_keras_does_not_know_is_found() -> None:
    assert own_objects(network()) == {
        "Unknown": Unknown,
        "Cautious": Cautious,
        "doubled": doubled,
        "absolute": absolute,
    }


def test_what_keras_knows_is_not() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "relu")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    assert own_objects(model) == {}


def test_a_network_is_made_again() -> None:
    model = network()
    again = made_again(model)
    inputs = np.ones((4, 3), np.float32)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
