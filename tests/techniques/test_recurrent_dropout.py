"""Masks of recurrent cells are Keras' own: drawn once a sequence, for the state a gate each."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers

from gengap.networks.cells import at_cells, recurrent_cells, step_by_step
from gengap.networks.existing import existing_regularization
from gengap.networks.insertion import insert

SHAPE = (7, 3)
KEEP = np.array([0.0, 2.0], np.float32)


def stacked() -> layers.Layer:
    return layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)])


RECURRENT = {
    "LSTM": lambda: layers.LSTM(4),
    "GRU": lambda: layers.GRU(4),
    "GRU, resetting before": lambda: layers.GRU(4, reset_after=False),
    "SimpleRNN": lambda: layers.SimpleRNN(4),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(4)),
    "stack of cells": stacked,
    "unrolled": lambda: layers.LSTM(4, unroll=True),
}


def network(kind: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(SHAPE), RECURRENT[kind](), layers.Dense(2)])


def given() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32)


def drawn(index: int, connection: str, ones: Any) -> Any:
    """Draw a mask from what it is for, its shape included."""
    seed = 10 * index + (connection == "state")
    return ones * jnp.asarray(np.random.default_rng(seed).choice(KEEP, ones.shape))


def training(model: keras.Model, connections: tuple[Any, ...] = (), mask: Any = drawn) -> Any:
    """Return the outputs and the gradient of their sum in training."""
    others = [variable.value for variable in model.non_trainable_variables]

    def total(weights: Any) -> Any:
        outputs, _ = model.stateless_call(weights, others, given(), training=True)
        return outputs.sum(), outputs

    with at_cells(recurrent_cells(model), connections, mask):
        weights = [variable.value for variable in model.trainable_variables]
        (_, outputs), gradients = jax.jit(jax.value_and_grad(total, has_aux=True))(weights)
    return [outputs, *gradients]


def masked_as_keras(model: keras.Model, rate: str) -> Any:
    """Let Keras' own layers drop values, with masks that are drawn as `drawn` does."""
    connection = "inputs" if rate == "dropout" else "state"
    for index, cell in enumerate(recurrent_cells(model)):

        def create(ones: Any, _rate: float, cell: Any = cell.layer, index: int = index) -> Any:
            gates = getattr(cell, "dropout_mask_count", None)
            shape = ones.shape if gates is None else (gates, *ones.shape)
            mask = drawn(index, connection, jnp.ones(shape, ones.dtype))
            return mask if gates is None else list(mask)

        object.__setattr__(cell.layer, "_create_dropout_mask", create)
    return training(model)


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize(
    ("connection", "argument"), [("inputs", "dropout"), ("state", "recurrent_dropout")]
)
def test_masks_act_as_those_of_keras_do(kind: str, connection: str, argument: str) -> None:
    model = network(kind)
    plain = insert(model, [], cell_arguments={argument: 0.5})
    ours = training(model, (connection,))
    for mine, theirs in zip(ours, masked_as_keras(plain, argument), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_mask_serves_the_whole_sequence_and_leaves_nothing_behind(kind: str) -> None:
    model = network(kind)
    before = training(model)
    asked: list[tuple[int, str]] = []

    def mask(index: int, connection: str, ones: Any) -> Any:
        asked.append((index, connection))
        return drawn(index, connection, ones)

    masked = training(model, ("inputs", "state"), mask)
    cells = len(recurrent_cells(model))
    assert sorted(asked) == [(i, name) for i in range(cells) for name in ("inputs", "state")]
    assert not np.allclose(masked[0], before[0])
    for first, again in zip(before, training(model), strict=True):
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("kind", RECURRENT)
def test_ones_change_nothing_but_rounding(kind: str) -> None:
    model = network(kind)
    ones = training(model, ("inputs", "state"), lambda index, connection, ones: ones)
    for mine, theirs in zip(ones, training(model), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", RECURRENT)
def test_arguments_reach_every_recurrent_layer(kind: str) -> None:
    model = network(kind)
    plain = insert(model, [], cell_arguments={"dropout": 0.25, "recurrent_dropout": 0.5})
    np.testing.assert_allclose(plain(given()), model(given()), rtol=1e-5, atol=1e-6)
    found = sorted(part.kind for part in existing_regularization(plain))
    cells = len(recurrent_cells(model))
    assert found == ["recurrent_dropout"] * cells + ["recurrent_input_dropout"] * cells


def test_a_trace_that_breaks_off_leaves_no_mask_behind() -> None:
    model = network("LSTM")

    def broken(index: int, connection: str, ones: Any) -> Any:
        if connection == "state":
            raise RuntimeError("broken")
        return ones

    with pytest.raises(RuntimeError, match="broken"):
        training(model, ("inputs", "state"), broken)
    assert np.isfinite(model(given(), training=True)).all()


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "Bidirectional"])
def test_no_layer_hands_its_sequence_to_cudnn_while_it_is_traced(kind: str) -> None:
    model = network(kind)
    layers_with_choice = [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    assert layers_with_choice
    before = [layer.use_cudnn for layer in layers_with_choice]
    with step_by_step(model):
        assert not any(layer.use_cudnn for layer in layers_with_choice)
    assert [layer.use_cudnn for layer in layers_with_choice] == before
