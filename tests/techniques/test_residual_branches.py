"""Residual branches change at random as the papers say, in the lanes and in plain Keras alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import ks_2samp

from gengap.errors import UserError
from gengap.networks.serving import check_parts
from gengap.networks.variants import build_variant, variant_of
from gengap.random_bits import key
from gengap.recipe import Recipe
from lanes.cases import NETWORKS, compiled
from techniques.forms import CATALOGUE, plainly

ROWS = 20_000
RATE, DEPTH = 0.6, 0.5
KEEP = 1 - RATE * DEPTH

#: Factors of what a branch makes, and of its gradient, a row each.
Factors = tuple[np.ndarray, np.ndarray]


def factors(change: Callable[[Any], Any]) -> Factors:
    """Read the factors off a change of a branch."""
    ones = jnp.ones((ROWS, 2, 3))
    made, back = jax.vjp(change, ones)
    (gradient,) = back(ones)
    for value in (made, gradient):  # a row has one
        assert (value == value[:, :1, :1]).all()
    return np.asarray(made[:, 0, 0]), np.asarray(gradient[:, 0, 0])


def in_lanes(name: str) -> list[Factors]:
    """Return the factors of one branch, or of two beside each other."""
    hooks = CATALOGUE[name].hooks({})
    given = jnp.asarray(key(3))
    if hooks.residual:
        values = {"rate": jnp.float32(RATE)}
        return [factors(lambda branch: hooks.residual(values, given, branch, DEPTH))]
    values = {"spread": jnp.float32(RATE)}
    ones = jnp.ones((ROWS, 2, 3))
    return [
        factors(lambda branch: hooks.parallel(values, given, branch, ones)[0]),
        factors(lambda branch: hooks.parallel(values, given, ones, branch)[1]),
    ]


def in_keras(name: str) -> list[Factors]:
    """Return the same of the layers in plain Keras."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2, 3))
    # Two blocks: the first is half as deep as the network.
    hidden = layers.Add(name="first")([inputs, *_branches(name, inputs)])
    last = layers.Add(name="last")([hidden, *_branches(name, hidden)])
    model = keras.Model(inputs, last)
    layer = plainly(f"{name}={RATE}", "network", model, model=model).get_layer("first")
    seeds = [v.value for v in layer.non_trainable_variables]
    ones = jnp.ones((ROWS, 2, 3))

    def added(branch: Any, place: int) -> Any:
        parts = [0 * ones] * (1 + len(_branches(name, inputs)))
        parts[place] = branch
        return layer.stateless_call([], seeds, parts, training=True)[0]

    return [
        factors(lambda branch, place=place: added(branch, place))
        for place in range(1, 1 + len(_branches(name, inputs)))
    ]


def _branches(name: str, hidden: Any) -> list[Any]:
    count = 2 if name == "shake_shake" else 1
    return [layers.Dense(3)(hidden) for _ in range(count)]


@pytest.mark.parametrize("where", [in_lanes, in_keras])
def test_stochastic_depth_leaves_whole_rows_out(where: Callable[[str], list[Factors]]) -> None:
    ((ahead, back),) = where("stochastic_depth")
    np.testing.assert_array_equal(ahead, back)
    np.testing.assert_allclose(np.unique(ahead), [0, 1 / KEEP], rtol=1e-6)
    # Five standard errors of a share.
    assert abs((ahead > 0).mean() - KEEP) < 5 * np.sqrt(KEEP * (1 - KEEP) / ROWS)


@pytest.mark.parametrize("where", [in_lanes, in_keras])
def test_shake_drop_scales_ahead_and_back_by_numbers_of_their_own(
    where: Callable[[str], list[Factors]],
) -> None:
    ((ahead, back),) = where("shake_drop")
    ahead, back = ahead * KEEP, back * KEEP
    whole = np.isclose(ahead, 1, rtol=1e-5) & np.isclose(back, 1, rtol=1e-5)
    assert abs(whole.mean() - KEEP) < 5 * np.sqrt(KEEP * (1 - KEEP) / ROWS)
    others = int((~whole).sum())
    uniform = np.random.default_rng(0).uniform
    assert ks_2samp(ahead[~whole], uniform(-1, 1, ROWS)).pvalue > 1e-3
    assert ks_2samp(back[~whole], uniform(0, 1, ROWS)).pvalue > 1e-3
    assert abs(np.corrcoef(ahead[~whole], back[~whole])[0, 1]) < 5 / np.sqrt(others)


@pytest.mark.parametrize("where", [in_lanes, in_keras])
def test_shake_shake_mixes_two_branches(where: Callable[[str], list[Factors]]) -> None:
    (ahead, back), (other_ahead, other_back) = where("shake_shake")
    np.testing.assert_allclose(ahead + other_ahead, 2, rtol=1e-5)
    np.testing.assert_allclose(back + other_back, 2, rtol=1e-5)
    uniform = np.random.default_rng(0).uniform
    for drawn in (ahead, back):
        assert ks_2samp(drawn, uniform(1 - RATE, 1 + RATE, ROWS)).pvalue > 1e-3
    assert abs(np.corrcoef(ahead, back)[0, 1]) < 5 / np.sqrt(ROWS)


@pytest.mark.parametrize("name", ["stochastic_depth", "shake_drop", "shake_shake"])
def test_no_strength_is_the_branch_to_the_last_bit(name: str) -> None:
    hooks = CATALOGUE[name].hooks({})
    branch = jnp.asarray(np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32))
    zero = {"rate": jnp.float32(0), "spread": jnp.float32(0)}
    if hooks.residual:
        made = [hooks.residual(zero, jnp.asarray(key(0)), branch, 0.5)]
    else:
        made = hooks.parallel(zero, jnp.asarray(key(0)), branch, branch)
    for one in made:
        np.testing.assert_array_equal(one, branch)


def summed(hidden: Any) -> Any:
    return hidden + layers.Dense(8)(hidden)


def nested(hidden: Any) -> Any:
    given = keras.Input((8,))
    block = keras.Model(given, layers.Add()([given, layers.Dense(8)(given)]))
    return block(block(hidden))


@pytest.mark.parametrize("block", [summed, nested])
@pytest.mark.parametrize("name", ["stochastic_depth", "shake_drop"])
def test_plain_networks_of_every_shape_change_in_training_only(
    block: Callable[[Any], Any], name: str
) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dense(3)(block(layers.Dense(8)(inputs))))
    plain = plainly(f"{name}=0.5", "network", model, model=model)
    given = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    np.testing.assert_array_equal(plain(given), model(given))
    assert not np.allclose(plain(given, training=True), model(given), atol=1e-3)
    assert [v.path for v in plain.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]


@pytest.mark.parametrize("name", ["stochastic_depth", "shake_drop", "shake_shake"])
@pytest.mark.parametrize("kind", ["residual table", "residual image", "residual sequence"])
def test_a_plain_network_trains(name: str, kind: str) -> None:
    model = NETWORKS[kind]()
    plain = plainly(f"{name}=0.5", "network", model, model=model)
    plain.compile("adam", "sparse_categorical_crossentropy")
    shape = model.input_shape[1:]
    inputs = np.random.default_rng(0).normal(size=(20, *shape)).astype(np.float32)
    history = plain.fit(inputs, np.arange(20) % 3, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("name", ["stochastic_depth", "shake_drop", "shake_shake"])
def test_a_network_without_such_branches_is_refused(name: str) -> None:
    hidden = [layers.Dense(8, "relu"), layers.Dense(8, "relu")]
    model = compiled(
        keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(3, "softmax")]), "adam"
    )
    with pytest.raises(UserError, match="branches") as caught:
        check_parts(Recipe.parse(name), model)
    assert caught.value.code == "no-residual-branches"
    both = Recipe.parse(f"{name} + skip_connection")
    built = build_variant(model, variant_of(both, model))
    if name == "shake_shake":  # one branch cannot be mixed
        with pytest.raises(UserError, match="beside each other"):
            check_parts(both, built)
    else:
        check_parts(both, built)
