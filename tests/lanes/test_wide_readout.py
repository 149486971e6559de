"""Losses of all rows at the widest that a program gets.

XLA on CPU (jaxlib 0.10.2) reduces wrongly, in silence, where lanes share an operand and their
results take more than 32768 elements: 33 lanes of a block of 1024 rows already do. Where lanes
could get there, the guard of `gengap.lanes.fusion` holds.
"""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

from gengap.lanes.data import BLOCK
from gengap.lanes.fusion import SAFE_RESULTS, compiler_options
from gengap.lanes.layout import CORE

WIDTHS = [CORE.lanes, 3 * SAFE_RESULTS // BLOCK]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("classes", [2, 7])
def test_the_losses_of_a_block_are_right_in_every_lane(classes, from_logits, width):
    generator = np.random.default_rng(0)
    outputs = generator.dirichlet(np.ones(classes), size=(width, BLOCK)).astype("float32")
    outputs = outputs.clip(1e-6, 1 - 1e-6)
    targets = generator.integers(0, classes, BLOCK).astype("int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    given = np.log(outputs) if from_logits else outputs
    options = compiler_options(width * BLOCK)
    found = jax.jit(jax.vmap(lambda y: loss.call(targets, y)), compiler_options=options)(given)
    total = outputs.sum(axis=-1, keepdims=True)
    expected = -np.log(outputs / total)[:, np.arange(BLOCK), targets]
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("units", [1, 3])
def test_so_are_squared_errors(units, width):
    generator = np.random.default_rng(1)
    outputs = generator.normal(size=(width, BLOCK, units)).astype("float32")
    targets = generator.normal(size=(BLOCK, units)).astype("float32")
    loss = keras.losses.MeanSquaredError()
    options = compiler_options(width * BLOCK)
    found = jax.jit(jax.vmap(lambda y: loss.call(targets, y)), compiler_options=options)(outputs)
    expected = np.square(outputs - targets).mean(axis=-1)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-6)
