"""One step of stochastic gradient descent, in a lane and written out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from lanes.cases import (
    BATCH,
    compiled,
    lane_of,
    network_of,
    orders,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)

RATE = 0.5
#: A step in 32 bits, of weights of the size of 1, against one in the same bits.
CLOSE = 1e-6


def start() -> list[np.ndarray]:
    """Return the weights before the step."""
    return sequential().get_weights()


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs and the class codes of the step."""
    inputs, targets = table()
    (rows,) = orders(program_of(count=1, rows=BATCH))
    return inputs[rows], targets[rows]


def loss(weights: Any, inputs: Any) -> Any:
    """Return the cross-entropy of the batch's codes."""
    hidden = jnp.maximum(inputs @ weights[0] + weights[1], 0)
    logs = jax.nn.log_softmax(hidden @ weights[2] + weights[3])
    return -jnp.mean(logs[jnp.arange(BATCH), batch()[1]])


def stepped(gradients: Any) -> list[np.ndarray]:
    """Return the weights after a step along a gradient."""
    return [np.asarray(w - RATE * g) for w, g in zip(start(), gradients, strict=True)]


def one_step(*recipes: str, batch_norm: bool = False) -> list[tuple[list[Any], list[Any]]]:
    """Train a lane a recipe for one step, all in one program; return weights and other values."""
    network = network_of(compiled(sequential(batch_norm=batch_norm), keras.optimizers.SGD(RATE)))
    program = program_of(recipes, count=1, rows=BATCH)
    lanes = [lane_of(program, recipe) for recipe in recipes]
    state = train_lanes(network, program, lanes, shared_of(*table()))
    return [
        ([value[lane] for value in state["weights"]], [value[lane] for value in state["others"]])
        for lane in range(len(recipes))
    ]
