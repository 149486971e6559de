"""The default networks for sequences: what stands behind a row makes no difference."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

from gengap.data.row_form import RowForm
from gengap.errors import UserError
from gengap.networks.inputs import form_taken, mask_value
from gengap.networks.insertion import insert
from gengap.networks.models import resolve_model
from gengap.networks.sequences import PADDING
from gengap.networks.words import KINDS
from gengap.techniques.base import Insertion

STEPS, CHANNELS, CLASSES = 7, 2, 3
LENGTHS = (7, 4, 1)
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(len(LENGTHS), STEPS, CHANNELS)).astype(np.float32)
TARGET = np.arange(len(LENGTHS)) % CLASSES
MASKING = [name for name, kind in KINDS.items() if kind.masks]


def network(words: str, steps: int, *, ragged: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    return resolve_model(
        words, input_shape=(steps, CHANNELS), outputs=CLASSES, task="classification", ragged=ragged
    )


def padded(steps: int) -> np.ndarray:
    rows = np.full((len(LENGTHS), steps, CHANNELS), PADDING, np.float32)
    for place, row, length in zip(rows, ROWS, LENGTHS, strict=True):
        place[:length] = row[:length]
    return rows


@pytest.mark.parametrize("name", MASKING)
def test_a_row_gives_what_it_gives_alone_without_padding(name: str) -> None:
    model = network(f"{name}:4,3", STEPS)
    outputs = model(padded(STEPS))
    for row, length, output in zip(ROWS, LENGTHS, outputs, strict=True):
        alone = network(f"{name}:4,3", length, ragged=False)
        for mine, theirs in zip(alone.variables, model.variables, strict=True):
            mine.assign(theirs.value)
        np.testing.assert_allclose(alone(row[None, :length])[0], output, atol=1e-6)


@pytest.mark.parametrize("words", ["lstm:4,3", "gru:4,3", "conv1d:4,3", "normalized"])
def test_more_steps_that_are_none_change_no_gradient(words: str) -> None:
    """Nor the statistics of batches, behind layers that pass the mask on."""

    def loss_and_gradients(steps: int) -> list[np.ndarray]:
        model = network(words.replace("normalized", "lstm:4,3"), steps)
        if words == "normalized":
            model = insert(model, [Insertion("before_activation", "BatchNormalization")])
            keras.utils.set_random_seed(0)
            for variable in model.trainable_variables:
                shape = variable.shape
                variable.assign(np.random.default_rng(len(shape)).normal(size=shape))
        optimizer = [variable.value for variable in model.optimizer.variables]

        def loss(weights: list) -> tuple:
            value, (_, _, others, _) = model.compute_loss_and_updates(
                weights,
                [variable.value for variable in model.non_trainable_variables],
                [variable.value for variable in model.metrics_variables],
                padded(steps),
                TARGET,
                None,
                training=True,
                optimizer_variables=optimizer,
            )
            return value, others

        model._symbolic_build(data_batch=(padded(steps), TARGET))
        weights = [variable.value for variable in model.trainable_variables]
        (value, others), gradients = jax.value_and_grad(loss, has_aux=True)(weights)
        floats = [np.asarray(other) for other in others if other.dtype == np.float32]
        return [np.asarray(value), *map(np.asarray, gradients), *floats]

    for one, other in zip(loss_and_gradients(STEPS), loss_and_gradients(STEPS + 5), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("name", MASKING)
def test_what_is_inserted_behind_the_inputs_leaves_steps_that_are_none(name: str) -> None:
    model = network(f"{name}:4", STEPS)
    # All inputs are dropped: what is left is how many steps a row has.
    dropped = insert(model, [Insertion("inputs", "Dropout", {"rate": 1.0})])
    np.testing.assert_allclose(dropped(padded(STEPS)), model(padded(STEPS)), atol=1e-6)
    zeros = np.where(padded(STEPS) == PADDING, PADDING, 0.0)
    np.testing.assert_allclose(
        dropped(padded(STEPS), training=True), model(zeros, training=True), atol=1e-6
    )


def test_batch_statistics_behind_convolutions_would_count_steps_that_are_none() -> None:
    layer = Insertion("before_activation", "BatchNormalization")
    with pytest.raises(UserError, match="would count the steps") as caught:
        insert(network("conv1d:4", STEPS), [layer])
    assert caught.value.code == "cannot-insert-layers"
    insert(network("conv1d:4", STEPS, ragged=False), [layer])


def test_a_network_that_cannot_mask_is_refused() -> None:
    with pytest.raises(UserError, match="different lengths") as caught:
        network("mlp:4", STEPS)
    assert caught.value.code == "network-without-mask"
    for name in MASKING:
        assert name in caught.value.hint
    assert network("mlp:4", STEPS, ragged=False).output_shape == (None, CLASSES)


def test_steps_that_are_none_hold_what_a_network_takes_for_none() -> None:
    form = RowForm("sequence", (STEPS, CHANNELS), padding=0.0)
    assert form_taken(form, network("gru:4", STEPS)).padding == PADDING
    plain = network("gru:4", STEPS, ragged=False)
    assert mask_value(plain) is None
    assert form_taken(form, plain).padding == 0.0
    own = keras.Sequential(
        [keras.Input((STEPS, CHANNELS)), keras.layers.Masking(-7.0), keras.layers.LSTM(3)]
    )
    assert form_taken(form, own).padding == -7.0
    assert form_taken(RowForm("sequence", (STEPS, CHANNELS)), own).padding is None
