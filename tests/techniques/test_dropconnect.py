"""Weights are left out in the forward pass; penalties and the optimizer see them all."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers

from gengap.lanes.network import Interventions
from gengap.networks.existing import WEIGHT_PENALTIES
from gengap.random_bits import key
from gengap.recipe import Recipe
from gengap.techniques.base import Targets
from lanes.cases import CLASSES, COLUMNS, compiled, network_of, table
from techniques.forms import CATALOGUE, plainly

DECAY = 0.1


def regularized() -> keras.Model:
    keras.utils.set_random_seed(0)
    l2 = keras.regularizers.L2(DECAY)
    hidden = layers.Dense(8, activation="relu", kernel_regularizer=l2)
    batch_norm = layers.BatchNormalization()
    out = layers.Dense(CLASSES, activation="softmax", kernel_regularizer=l2)
    return keras.Sequential([keras.Input((COLUMNS,)), hidden, batch_norm, out])


def penalty_of(weights: list[Any]) -> Any:
    return DECAY * sum(jnp.sum(w**2) for w in weights if w.ndim == 2)


@pytest.mark.parametrize("off", [(), WEIGHT_PENALTIES])
def test_penalties_see_all_weights_and_the_loss_those_that_are_left(off: tuple[str, ...]) -> None:
    model = compiled(regularized(), keras.optimizers.Adam(0.01))
    network = network_of(model, off=off)
    inputs, codes = table()
    weights = [jnp.asarray(v.value) for v in model.trainable_variables]
    factors = [jnp.full(w.shape, 0.5) if w.ndim == 2 else jnp.ones(w.shape) for w in weights]

    def objective(weights: list[Any], interventions: Interventions, **options: Any) -> Any:
        return network.objective(
            weights,
            [jnp.asarray(v.value) for v in model.non_trainable_variables],
            [jnp.asarray(v.value) for v in model.optimizer.variables],
            inputs=jnp.asarray(inputs),
            targets=Targets(jnp.asarray(codes)[None], jnp.ones(1)),
            interventions=interventions,
            **options,
        )[0]

    def halved(weights: Any) -> list[Any]:
        return [w * f for w, f in zip(weights, factors, strict=True)]

    def expected(weights: list[Any]) -> Any:
        bare = objective(halved(weights), Interventions(), penalized=False)
        return bare + (0 if off else penalty_of(weights))

    found = jax.value_and_grad(lambda w: objective(w, Interventions(forward=halved)))(weights)
    reference = jax.value_and_grad(expected)(weights)
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(reference), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)
    bare = objective(weights, Interventions(forward=halved), penalized=False)
    np.testing.assert_allclose(bare, objective(halved(weights), Interventions(), penalized=False))


def test_a_weight_is_left_out_or_scaled_up() -> None:
    change = CATALOGUE["dropconnect"].hooks({}).weights
    kernel = jnp.ones((200, 300))
    found = np.asarray(change({"rate": jnp.float32(0.3)}, jnp.asarray(key(1)), kernel))
    np.testing.assert_allclose(np.unique(found), [0, 1 / 0.7], rtol=1e-6)
    assert abs((found > 0).mean() - 0.7) < 5 * np.sqrt(0.21 / found.size)


def plain(recipe: str, model: keras.Model) -> keras.Model:
    """Write the parts of a recipe around a network, as a program does."""
    for part in sorted(recipe.split(" + "), key=lambda p: CATALOGUE[p.split("=")[0]].order):
        model = plainly(part, "network", model, model=model)
    return model


def test_the_plain_network_leaves_weights_out_in_training_only() -> None:
    model = regularized()
    whole = model.get_weights()
    wrapped = plain("dropconnect=0.5", model)
    inputs, _ = table()
    np.testing.assert_array_equal(wrapped(inputs), model(inputs))
    trained = wrapped(inputs, training=True)
    assert not np.allclose(trained, model(inputs, training=True), atol=1e-3)
    for variable, value in zip(
        model.trainable_variables, regularized().trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(variable.value, value.value)
    assert len(whole) == len(model.get_weights())
    # Penalties are those of all weights, and moving statistics are kept.
    weights = [v.value for v in wrapped.trainable_variables]
    others = [v.value for v in wrapped.non_trainable_variables]
    _, moved, losses = wrapped.stateless_call(
        weights, others, inputs, training=True, return_losses=True
    )
    np.testing.assert_allclose(sum(losses), penalty_of(weights), rtol=1e-5)
    changed = [
        variable.path
        for variable, before, after in zip(
            wrapped.non_trainable_variables, others, moved, strict=True
        )
        if not np.array_equal(before, after)
    ]
    assert sum("moving" in path for path in changed) == 2


def test_the_mean_of_the_plain_network_is_the_network() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, bias_initializer="normal")])
    wrapped = plain("dropconnect=0.5", model)
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    drawn = np.stack([wrapped(inputs, training=True) for _ in range(2000)])
    errors = 5 * drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - model(inputs)) < errors).all()


@pytest.mark.parametrize("recipe", ["dropconnect=0.3", "dropconnect=0.3 + sam=0.05"])
def test_the_plain_network_trains(recipe: str) -> None:
    model = regularized()
    wrapped = plain(recipe, model)
    wrapped.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    inputs, codes = table()
    losses = wrapped.fit(inputs, codes, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    # What is trained are the weights of the network itself.
    np.testing.assert_allclose(wrapped.predict(inputs, verbose=0), model(inputs), rtol=1e-5)


def test_the_order_of_a_recipe_is_that_of_the_wrappers() -> None:
    names = Recipe.parse("sam + dropconnect + adversarial").names
    ordered = sorted(names, key=lambda name: CATALOGUE[name].order)
    assert ordered == ["dropconnect", "adversarial", "sam"]
