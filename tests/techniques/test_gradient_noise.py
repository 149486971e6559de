"""The noise on gradients has the paper's variance, in lanes and in plain Keras, and fades."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from gengap.random_bits import key as seed_key
from gengap.techniques.base import Moment
from gengap.techniques.gradient_noise import TECHNIQUE
from techniques.forms import plainly

VARIANCE, SIDE = 0.5, 200
ROWS = SIDE * SIDE


def spread_at(step: int) -> float:
    """Return the standard deviation of eq. 1, with the paper's gamma of 0.55."""
    return float(np.sqrt(VARIANCE / (1 + step) ** 0.55))


def check_normal(noise: np.ndarray, spread: float) -> None:
    """Five standard errors of the mean, the deviation and the kurtosis of so many normal values."""
    values = noise.ravel() / spread
    assert abs(values.mean()) < 5 / np.sqrt(ROWS)
    assert abs(values.std() - 1) < 5 / np.sqrt(2 * ROWS)
    assert abs((values**4).mean() - 3) < 5 * np.sqrt(96 / ROWS)


@pytest.mark.parametrize("step", [0, 1, 99])
def test_lanes_draw_with_the_variance_of_the_step(step: int) -> None:
    hook = TECHNIQUE.hooks({}).gradients
    zeros = [np.zeros((SIDE, SIDE), np.float32)] * 2
    moment = Moment(np.int32(step), 4, 30)
    found = hook({"variance": np.float32(VARIANCE)}, seed_key(step), zeros, moment)
    first, second = (np.asarray(noise) for noise in found)
    check_normal(first, spread_at(step))
    check_normal(second, spread_at(step))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(ROWS)


def test_the_plain_form_draws_with_the_variance_of_the_step() -> None:
    recipe = f"gradient_noise={VARIANCE}"
    optimizer = plainly(recipe, "optimizer", keras.optimizers.SGD(1.0))
    weight = keras.Variable(np.zeros((SIDE, SIDE), np.float32))
    optimizer.build([weight])
    noises = []
    for step in range(3):
        before = weight.numpy()
        optimizer.apply([np.zeros((SIDE, SIDE), np.float32)], [weight])
        noises.append(weight.numpy() - before)
        check_normal(noises[-1], spread_at(step))
    assert abs(np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]) < 5 / np.sqrt(ROWS)


def test_it_fits_and_neutral_leaves_the_gradient_alone() -> None:
    gradient = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    hook = TECHNIQUE.hooks({}).gradients
    (found,) = hook({"variance": np.float32(0)}, seed_key(0), [gradient], Moment(0, 4, 3))
    assert (np.asarray(found) == gradient).all()

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(plainly("gradient_noise=0.1", "optimizer", keras.optimizers.Adam()), "mse")
    inputs = np.ones((8, 3), np.float32)
    model.fit(inputs, inputs[:, :2], epochs=2, verbose=0)
    assert all(np.isfinite(value).all() for value in model.get_weights())
