"""Half of the gradient is that of inputs moved by the sign of theirs, written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import pytest

from gengap.errors import UserError
from gengap.techniques.adversarial import TECHNIQUE
from lanes.cases import distance
from techniques.by_hand import CLOSE, batch, loss, one_step, start, stepped

DISTANCE = 0.1


def test_half_of_the_loss_is_that_of_moved_inputs() -> None:
    inputs = batch()[0]
    by_weights, by_inputs = jax.grad(loss, argnums=(0, 1))(start(), inputs)
    moved = jax.grad(loss)(start(), inputs + DISTANCE * jnp.sign(by_inputs))
    expected = stepped([(a + b) / 2 for a, b in zip(by_weights, moved, strict=True)])
    ((found, _),) = one_step(f"adversarial={DISTANCE}")
    assert distance(found, expected) <= CLOSE
    assert distance(found, stepped(by_weights)) > 100 * CLOSE


def test_both_halves_have_the_same_masks() -> None:
    (without, _), (near, _) = one_step("dropout=0.5", "dropout=0.5 + adversarial=1e-5")
    assert 0 < distance(without, near) < 1e-3


def test_moving_statistics_are_those_of_the_inputs_as_they_are() -> None:
    (_, without), (_, found) = one_step("l2=0", "adversarial=0.5", batch_norm=True)
    assert distance(without, found) == 0


def test_codes_cannot_be_moved() -> None:
    layers = [keras.layers.Embedding(9, 4), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", "mse")
    with pytest.raises(UserError, match="are codes") as caught:
        TECHNIQUE.check(model, {})
    assert caught.value.code == "inputs-not-numbers"
