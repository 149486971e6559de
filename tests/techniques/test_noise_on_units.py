"""Noise on hidden units has the moments of Keras' own layers, and whole channels go together."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.networks.insertion import insert
from gengap.networks.serving import check_parts
from gengap.random_bits import key
from gengap.recipe import Recipe
from techniques.forms import CATALOGUE

NOISES = ("alpha_dropout", "dropout", "gaussian_dropout", "spatial_dropout")
ROWS = 40_000
SHAPE = (ROWS, 3, 2)


def ours(name: str, rate: float, hidden: np.ndarray) -> np.ndarray:
    hooks = CATALOGUE[name].hooks({})
    change: Any = hooks.activation or hooks.channels
    return np.asarray(change({"rate": jnp.float32(rate)}, jnp.asarray(key(1)), jnp.asarray(hidden)))


def of_keras(name: str, rate: float, hidden: np.ndarray) -> np.ndarray:
    (insertion,) = CATALOGUE[name].plain_keras({"rate": rate}, {}).insertions
    kind = getattr(layers, insertion.layer.format(axes=hidden.ndim - 2))
    return np.asarray(kind(**insertion.arguments, seed=1)(hidden, training=True))


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("value", [1.5, -0.7])
def test_a_value_becomes_what_keras_makes_of_it(name: str, rate: float, value: float) -> None:
    hidden = np.full(SHAPE, value, np.float32)
    mine, theirs = ours(name, rate, hidden), of_keras(name, rate, hidden)
    # Two means of as many draws are within five standard errors of each other.
    spread = theirs.std()
    draws = ROWS * 2 if name == "spatial_dropout" else mine.size
    assert abs(mine.mean() - theirs.mean()) < 5 * spread * np.sqrt(2 / draws)
    assert mine.std() == pytest.approx(spread, rel=0.05)
    if name != "gaussian_dropout":
        np.testing.assert_allclose(np.unique(mine), np.unique(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NOISES)
def test_no_rate_is_no_noise_to_the_last_bit(name: str) -> None:
    hidden = np.random.default_rng(0).normal(size=(9, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(ours(name, 0.0, hidden), hidden)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    hidden = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    made = ours("alpha_dropout", 0.35, hidden)
    assert abs(made.mean()) < 5 / np.sqrt(made.size)
    assert made.std() == pytest.approx(1, abs=5 / np.sqrt(made.size))


@pytest.mark.parametrize("shape", [(50, 4, 3), (50, 4, 5, 3), (50, 2, 4, 5, 3)])
def test_a_channel_is_dropped_at_all_its_positions(shape: tuple[int, ...]) -> None:
    made = ours("spatial_dropout", 0.4, np.ones(shape, np.float32))
    assert (made == made[(slice(None), *[slice(0, 1)] * (len(shape) - 2))]).all()
    assert 0 < (made == 0).mean() < 1


def recurrent() -> keras.Model:
    hidden = [layers.LSTM(4, return_sequences=True), layers.Conv1D(3, 2), layers.GRU(3)]
    return keras.Sequential([keras.Input((5, 2)), *hidden, layers.Dense(2)])


def test_the_plain_network_drops_channels_where_there_are_some() -> None:
    (insertion,) = CATALOGUE["spatial_dropout"].plain_keras({"rate": 0.5}, {}).insertions
    kinds = [type(layer).__name__ for layer in insert(recurrent(), [insertion]).layers]
    assert kinds == ["LSTM", "SpatialDropout1D", "Conv1D", "SpatialDropout1D", "GRU", "Dense"]


def test_a_network_without_channels_is_refused() -> None:
    flat = keras.Sequential([keras.Input((5, 2)), layers.LSTM(4), layers.Dense(2)])
    with pytest.raises(UserError, match="channels") as caught:
        check_parts(Recipe.parse("spatial_dropout"), flat)
    assert caught.value.code == "no-channels"
    check_parts(Recipe.parse("spatial_dropout"), recurrent())


def test_channels_that_come_first_are_refused() -> None:
    convolution = layers.Conv2D(4, 3, data_format="channels_first")
    hidden = [convolution, layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((1, 6, 6)), *hidden])
    with pytest.raises(UserError, match=convolution.name) as caught:
        check_parts(Recipe.parse("spatial_dropout"), model)
    assert caught.value.code == "channels-first"


@pytest.mark.parametrize("name", ["alpha_dropout", "dropout", "gaussian_dropout"])
def test_a_network_without_hidden_layers_is_refused(name: str) -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    with pytest.raises(UserError, match="hidden layers") as caught:
        check_parts(Recipe.parse(name), model)
    assert caught.value.code == "no-hidden-layers"
