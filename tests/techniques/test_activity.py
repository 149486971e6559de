"""Penalties on what hidden layers put out are those of Keras' activity regularizers."""

from __future__ import annotations

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.export import plain_model
from gengap.networks.existing import existing_regularization
from gengap.networks.serving import check_parts
from gengap.recipe import Recipe
from lanes.cases import (
    CLASSES,
    COLUMNS,
    compiled,
    distance,
    fitted_twice,
    lane_of,
    network_of,
    program_of,
    shared_of,
    table,
    train_lanes,
)
from techniques.forms import CATALOGUE

ACTIVITIES = {"activity_l1": keras.regularizers.L1, "activity_l2": keras.regularizers.L2}


@pytest.mark.parametrize("name", ACTIVITIES)
@pytest.mark.parametrize("shape", [(6, 4), (6, 3, 4)])
def test_it_is_the_sum_over_units_and_the_mean_over_rows(name: str, shape: tuple[int, ...]) -> None:
    hidden = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    layer = layers.ActivityRegularization(**{name[-2:]: 0.3})
    layer(hidden)
    found = CATALOGUE[name].hooks({}).activity({"strength": jnp.float32(0.3)}, jnp.asarray(hidden))
    np.testing.assert_allclose(found, layer.losses[0], rtol=1e-5)


def shared(name: str | None = None) -> keras.Model:
    """Build a network that calls one hidden layer twice, perhaps with Keras' own regularizer."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((COLUMNS,))
    dense = layers.Dense(COLUMNS, activation="tanh")
    if name is None:
        hidden = dense(dense(inputs))
    else:
        penalty = [layers.ActivityRegularization(**{name[-2:]: 0.1}) for _ in range(2)]
        hidden = penalty[1](dense(penalty[0](dense(inputs))))
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(hidden))


@pytest.mark.parametrize("name", ACTIVITIES)
def test_a_layer_that_is_called_twice_is_charged_twice(name: str) -> None:
    network = network_of(compiled(shared(), keras.optimizers.SGD(0.1)))
    program = program_of([f"{name}=0.1"])
    lanes = [lane_of(program, f"{name}=0.1")]
    state = train_lanes(network, program, lanes, shared_of(*table()))
    reference, rounds = fitted_twice(
        lambda: compiled(shared(name), keras.optimizers.SGD(0.1)), *table()
    )
    assert distance([value[0] for value in state["weights"]], reference) <= rounds


@pytest.mark.parametrize("name", ACTIVITIES)
def test_it_takes_the_place_of_what_the_network_has(name: str) -> None:
    dense = layers.Dense(4, "relu", activity_regularizer=keras.regularizers.L1L2(0.1, 0.2))
    model = keras.Sequential([keras.Input((3,)), dense, layers.Dense(1)])
    model.compile("sgd", "mse")
    plain = plain_model(model, Recipe.parse(f"{name}=0.5"))
    (found,) = existing_regularization(plain)
    assert found.kind == "activity"
    assert isinstance(plain.layers[1], layers.ActivityRegularization)


@pytest.mark.parametrize("name", ACTIVITIES)
def test_a_network_without_hidden_layers_is_refused(name: str) -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    with pytest.raises(UserError, match="hidden layers") as caught:
        check_parts(Recipe.parse(name), model)
    assert caught.value.code == "no-hidden-layers"
