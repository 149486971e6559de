"""What is in a loop counts as often as it is done."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import pytest

from gengap.lanes.operations import operations
from gengap.step_time import step_time

layers = keras.layers
SQUARE = jnp.ones((8, 8))
ROWS = jax.ShapeDtypeStruct((4, 8), jnp.float32)
ONCE = 2 * 4 * 8 * 8


def repeated(count: int, body):
    return lambda x: jax.lax.scan(lambda c, _: (body(c), None), x, length=count)[0]


def product(x):
    return x @ SQUARE


def test_a_product_of_matrices_has_its_operations_and_no_loop() -> None:
    assert operations(product, ROWS) == (pytest.approx(ONCE, rel=0.05), 0)


@pytest.mark.parametrize("wrapped", [lambda f: f, jax.jit, jax.checkpoint])
def test_loops_count_as_often_as_they_are_done(wrapped) -> None:
    found, steps = operations(wrapped(repeated(10, product)), ROWS)
    assert found == pytest.approx(10 * ONCE, rel=0.1)
    assert steps == 10


def test_loops_within_loops_multiply() -> None:
    found, steps = operations(repeated(5, repeated(3, product)), ROWS)
    assert found == pytest.approx(15 * ONCE, rel=0.1)
    assert steps == 5 * (1 + 3)


def test_a_step_of_a_recurrent_network_takes_as_long_as_its_sequences_are() -> None:
    def seconds(steps: int) -> float:
        network = [keras.Input((steps, 3)), layers.Bidirectional(layers.LSTM(16)), layers.Dense(2)]
        return step_time(keras.Sequential(network), 32).seconds

    assert seconds(200) == pytest.approx(10 * seconds(20), rel=0.1)
