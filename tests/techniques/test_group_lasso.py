"""Whole input columns become exactly zero, by the proximal step in the optimizer's own metric."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.networks.columns import column_axes
from gengap.networks.serving import check_parts
from gengap.proximal_groups import by_column, column_norms, stop_columns
from gengap.recipe import Recipe
from lanes.cases import (
    CLASSES,
    ROWS,
    compiled,
    distance,
    fitted_twice,
    lane_of,
    network_of,
    program_of,
    shared_of,
    train_lanes,
)
from networks.zoo import ZOO
from techniques.forms import CATALOGUE, plainly

STRENGTH = 0.5
UNITS = 16
#: Of a column with so many weights.
THRESHOLD = STRENGTH * UNITS**0.5


def passes(weights: np.ndarray, gradients: np.ndarray, step: float, axis: int = 0) -> Any:
    """Take plain steps through epochs (epochs, steps, D, P) of gradients; return the weights."""
    weight = jnp.asarray(weights, jnp.float32)
    passed = by_column(weight, axis), jnp.zeros((weight.shape[axis], UNITS))
    history = []
    for epoch in gradients:
        for number, gradient in enumerate(epoch):
            lengths = jnp.linalg.norm(by_column(weight, axis), axis=1)
            shape = [-1 if place == axis else 1 for place in range(weight.ndim)]
            unit = weight / jnp.where(lengths > 0, lengths, 1).reshape(shape)
            after = weight - step * (gradient + THRESHOLD * unit)
            weight, passed = stop_columns(
                jnp.float32(STRENGTH),
                after,
                weight,
                jnp.float32(step),
                passed,
                number + 1 == len(epoch),
                axis,
            )
        history.append(np.asarray(weight))
    return history


def noisy(means: np.ndarray, noise: float, epochs: int, steps: int) -> np.ndarray:
    """Draw gradients whose mean over an epoch has one length a column."""
    generator = np.random.default_rng(0)
    drawn = generator.normal(size=(epochs, steps, len(means), UNITS)) * noise
    direction = generator.normal(size=(len(means), UNITS))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return drawn - drawn.mean(axis=1, keepdims=True) + direction * means[:, None]


def test_a_column_rests_where_its_mean_gradient_is_short() -> None:
    means = THRESHOLD * np.array([0.0, 0.5, 0.8, 1.25, 2.0])
    # The noise of a batch is far longer than the threshold.
    gradients = noisy(means, noise=2 * STRENGTH, epochs=30, steps=20)
    start = 0.1 * np.random.default_rng(1).normal(size=(5, UNITS))
    *_, last = passes(start, gradients, step=0.01)
    assert (last == 0).all(axis=1).tolist() == [True, True, True, False, False]
    assert not (last[3:] == 0).any()


def test_a_column_is_let_go_where_it_would_not_rest() -> None:
    means = THRESHOLD * np.array([0.5, 1.5])
    gradients = noisy(means, noise=STRENGTH, epochs=3, steps=10)
    first, second, _ = passes(np.zeros((2, UNITS)), gradients, step=0.01)
    assert (first == 0).all(axis=1).tolist() == [True, False]
    assert (second == 0).all(axis=1).tolist() == [True, False]
    # A proximal step of the whole epoch, from 0.
    whole = gradients[0].sum(axis=0)[1] * 0.01
    expected = -whole * (1 - THRESHOLD * 0.1 / np.linalg.norm(whole))
    np.testing.assert_allclose(first[1], expected, rtol=1e-5)


def test_columns_that_do_not_rest_go_with_the_optimizer() -> None:
    gradients = noisy(THRESHOLD * np.array([3.0]), noise=STRENGTH, epochs=2, steps=5)
    start = np.random.default_rng(1).normal(size=(1, UNITS))
    *_, last = passes(start, gradients, step=0.01)
    expected = start[0]
    for gradient in gradients.reshape(10, UNITS):
        unit = expected / np.linalg.norm(expected)
        expected = expected - 0.01 * (gradient + THRESHOLD * unit)
    np.testing.assert_allclose(last[0], expected, rtol=1e-5)


def test_columns_along_any_axis_are_the_same_columns() -> None:
    gradients = noisy(THRESHOLD * np.array([0.5, 1.5, 3.0]), STRENGTH, epochs=4, steps=5)
    start = 0.1 * np.random.default_rng(1).normal(size=(3, UNITS))
    *_, flat = passes(start, gradients, step=0.01)

    def turned(value: np.ndarray) -> np.ndarray:
        return np.moveaxis(value.reshape(*value.shape[:-1], 2, 8), -3, -2)

    *_, found = passes(turned(start), turned(gradients), step=0.01, axis=1)
    np.testing.assert_allclose(by_column(found, 1), flat, rtol=1e-5, atol=1e-7)


def test_no_strength_changes_nothing() -> None:
    weight, before = np.random.default_rng(0).normal(size=(2, 3, UNITS)).astype(np.float32)
    before[0] = 0
    passed = jnp.asarray(before), jnp.zeros((3, UNITS))
    found, _ = stop_columns(jnp.float32(0), jnp.asarray(weight), before, 0.1, passed, True, 0)
    np.testing.assert_array_equal(found, weight)
    assert np.isfinite(jax.grad(lambda rows: column_norms(rows).sum())(jnp.zeros((2, 3)))).all()


@pytest.mark.parametrize(
    ("hidden", "shape", "axes"),
    [
        ([layers.Dense(4)], (3,), {"kernel": 0}),
        ([layers.BatchNormalization(), layers.Dense(4)], (3,), {"kernel": 0}),
        ([layers.Dropout(0.5), layers.Activation("tanh"), layers.Dense(4)], (3,), {"kernel": 0}),
        ([layers.Conv1D(4, 2), layers.Flatten()], (5, 3), {"kernel": 1}),
        ([layers.Conv1DTranspose(4, 2), layers.Flatten()], (5, 3), {"kernel": 2}),
        ([layers.SeparableConv1D(4, 2), layers.Flatten()], (5, 3), {"depthwise_kernel": 1}),
        ([layers.LSTM(4)], (5, 3), {"kernel": 0}),
        ([layers.Flatten(), layers.Dense(4)], (5, 3), {}),
        ([layers.LayerNormalization(), layers.Dense(4)], (3,), {}),
    ],
    ids=lambda value: type(value[0]).__name__ if isinstance(value, list) else "",
)
def test_the_kernels_that_take_columns_in_are_found(
    hidden: list[Any], shape: tuple[int, ...], axes: dict[str, int]
) -> None:
    model = keras.Sequential([keras.Input(shape), *hidden, layers.Dense(2)])
    found = zip(model.trainable_variables, column_axes(model, shape), strict=True)
    assert {variable.name: axis for variable, axis in found if axis is not None} == axes


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("sequential", 1),
        ("branches", 1),
        ("nested sequential", 1),
        ("lstm", 1),
        ("bidirectional", 0),
        ("normalized", 1),
        ("lambda", 0),
        ("subclassed", 1),
    ],
)
def test_they_are_found_in_networks_of_every_shape(name: str, count: int) -> None:
    (case,) = (case for case in ZOO if case.name == name)
    found = [axis for axis in column_axes(case.build(), case.shape) if axis is not None]
    assert found == [0] * count


def test_a_network_that_mixes_its_columns_first_is_refused() -> None:
    model = keras.Sequential([keras.Input((5, 2)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(UserError, match="input columns") as caught:
        check_parts(Recipe.parse("group_lasso"), model)
    assert caught.value.code == "no-input-columns"


def test_an_optimizer_of_unknown_steps_is_refused() -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    model.compile(keras.optimizers.Ftrl(), "mse")
    with pytest.raises(UserError, match="group_lasso needs") as caught:
        CATALOGUE["group_lasso"].check(model, {})
    assert caught.value.hint.startswith("compile the network with one of SGD")


COLUMNS = 10


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs of which three columns tell the class, and the others nothing."""
    generator = np.random.default_rng(5)
    inputs = generator.normal(size=(ROWS, COLUMNS)).astype("float32")
    scores = inputs[:, :3] @ generator.normal(size=(3, CLASSES)) * 3
    return inputs, scores.argmax(axis=1).astype("int32")


def network() -> keras.Model:
    """Build a network that begins with small weights for the columns that tell nothing."""
    keras.utils.set_random_seed(2)
    hidden = [layers.Dense(8, activation="relu"), layers.Dense(CLASSES, activation="softmax")]
    model = keras.Sequential([keras.Input((COLUMNS,)), *hidden])
    size = np.where(np.arange(COLUMNS) < 3, 1, 0.01)[:, None]
    model.layers[0].kernel.assign(model.layers[0].kernel.value * size)
    return model


@pytest.mark.parametrize(
    "optimizer", [lambda: keras.optimizers.SGD(0.1), lambda: keras.optimizers.Adam(0.01)]
)
def test_columns_that_tell_nothing_are_left_out(optimizer: Any) -> None:
    recipe = "group_lasso=0.1"
    program = program_of([recipe], count=100)
    lanes = [lane_of(program, text) for text in (recipe, "baseline")]
    model = network_of(compiled(network(), optimizer()))
    first = train_lanes(model, program, lanes, shared_of(*data()))["weights"][0]
    zero = (first[0] == 0).all(axis=1)
    assert not zero[:3].any()
    assert zero[3:].mean() > 0.5
    assert not (first[1] == 0).all(axis=1).any()


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.RMSprop(0.01),
        lambda: keras.optimizers.AdamW(0.01),
    ],
    ids=["SGD", "RMSprop", "AdamW"],
)
def test_the_plain_optimizer_takes_the_same_steps(optimizer: Any) -> None:
    recipes = ["l1=0.003", "group_lasso=0.05"]
    program = program_of(recipes)
    lanes = [lane_of(program, " + ".join(recipes))]
    found = train_lanes(
        network_of(compiled(network(), optimizer())), program, lanes, shared_of(*data())
    )

    def build() -> keras.Model:
        model = network()
        wrapped = plainly("l1=0.003", "optimizer", optimizer(), model=model)
        wrapped = plainly(
            "group_lasso=0.05", "optimizer", wrapped, model=model, steps=program.steps
        )
        return compiled(model, wrapped)

    reference, rounds = fitted_twice(build, *data())
    assert distance([value[0] for value in found["weights"]], reference) <= rounds
    zero = (reference[0] == 0).all(axis=1)
    assert 0 < zero.mean() < 1
    np.testing.assert_array_equal((found["weights"][0][0] == 0).all(axis=1), zero)
