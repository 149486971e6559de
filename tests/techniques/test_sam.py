"""The gradient is that of the worst weights nearby, written out; penalties stay where they are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from gengap.errors import UserError
from gengap.techniques.sam import TECHNIQUE
from lanes.cases import compiled, distance, sequential
from techniques.by_hand import CLOSE, batch, loss, one_step, start, stepped

RADIUS, STRENGTH, DISTANCE = 0.2, 0.3, 0.1


def worst(weights, gradients):
    """Return eq. 2: the weights within the radius where the loss is highest, to first order."""
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in gradients))
    return [w + RADIUS * g / norm for w, g in zip(weights, gradients, strict=True)]


def test_the_gradient_is_taken_at_the_worst_weights() -> None:
    inputs = batch()[0]
    gradient = jax.grad(loss)
    expected = stepped(gradient(worst(start(), gradient(start(), inputs)), inputs))
    ((found, _),) = one_step(f"sam={RADIUS}")
    assert distance(found, expected) <= CLOSE
    assert distance(found, stepped(gradient(start(), inputs))) > 100 * CLOSE


def test_penalties_do_not_lead_the_ascent_and_are_taken_where_the_weights_are() -> None:
    inputs = batch()[0]
    gradient = jax.grad(loss)
    at_worst = gradient(worst(start(), gradient(start(), inputs)), inputs)
    penalized = [
        g + 2 * STRENGTH * w if w.ndim == 2 else g for g, w in zip(at_worst, start(), strict=True)
    ]
    ((found, _),) = one_step(f"sam={RADIUS} + l2={STRENGTH}")
    assert distance(found, stepped(penalized)) <= CLOSE


def test_it_goes_around_adversarial_inputs() -> None:
    inputs = batch()[0]

    def adversarial(weights):
        by_weights, by_inputs = jax.grad(loss, argnums=(0, 1))(weights, inputs)
        moved = jax.grad(loss)(weights, inputs + DISTANCE * jnp.sign(by_inputs))
        return [(a + b) / 2 for a, b in zip(by_weights, moved, strict=True)]

    expected = stepped(adversarial(worst(start(), adversarial(start()))))
    ((found, _),) = one_step(f"adversarial={DISTANCE} + sam={RADIUS}")
    assert distance(found, expected) <= CLOSE


def test_the_second_pass_has_the_masks_of_the_first() -> None:
    """With other masks it would be another gradient, however near the weights are."""
    (without, _), (near, _) = one_step("dropout=0.5", "dropout=0.5 + sam=1e-5")
    assert 0 < distance(without, near) < 1e-3


def test_moving_statistics_are_those_of_the_weights_as_they_are() -> None:
    (_, without), (_, found) = one_step("l2=0", "sam=0.5", batch_norm=True)
    assert distance(without, found) == 0


def test_an_optimizer_that_gathers_gradients_is_refused() -> None:
    import keras

    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
    with pytest.raises(UserError, match="gathers"):
        TECHNIQUE.check(compiled(sequential(), optimizer), {})
