"""What a lane takes over from the network that a user gives, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from lanes.cases import CLASSES, COLUMNS, compiled, network_of, sequential, table

OPTIMIZERS: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adagrad": lambda: keras.optimizers.Adagrad(0.01),
    "averaged": lambda: keras.optimizers.SGD(0.01, momentum=0.9, use_ema=True),
    "schedule": lambda: keras.optimizers.RMSprop(
        keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    ),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_an_optimizer_gathered_before_stays_behind(optimizer: str) -> None:
    new = network_of(compiled(sequential(), OPTIMIZERS[optimizer]()))
    model = compiled(sequential(), OPTIMIZERS[optimizer]())
    model.fit(*table(), verbose=0)
    gathered = [np.asarray(v.value) for v in model.optimizer.variables]
    old = network_of(model)
    for mine, theirs in zip(old.slots_at_start(), new.slots_at_start(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for now, then in zip(model.optimizer.variables, gathered, strict=True):
        np.testing.assert_array_equal(np.asarray(now.value), then)


@pytest.mark.parametrize("wrap", [lambda loss: [loss], lambda loss: {"label": loss}])
def test_a_loss_may_be_given_by_its_output(wrap: Callable[[str], object]) -> None:
    inputs = keras.Input((COLUMNS,))
    outputs = keras.layers.Dense(CLASSES, activation="softmax", name="label")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile("adam", wrap("sparse_categorical_crossentropy"))
    outputs = jnp.full((2, CLASSES), 1 / CLASSES)
    losses = network_of(model).row_losses(jnp.zeros(2, jnp.int32), outputs)
    np.testing.assert_allclose(losses, np.log(CLASSES), rtol=1e-5)
