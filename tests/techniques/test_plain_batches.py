"""What a technique does to batches in plain Keras has the distribution that it has in lanes.

A batch is changed with many keys. Every number of it, its square, and its product with what the
loss aims at must have the same means over the keys, within what chance allows: five standard
errors, which one number in a million exceeds.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.random_bits import key as seed_key
from gengap.recipe import Recipe
from gengap.techniques.base import Batch, Targets
from lanes.cases import NETWORKS
from techniques.forms import FORMS, IN_STEP, filled, kinds

KEYS, ROWS = 3000, 4
#: Of a table, the second column has three words.
COLUMNS = np.array([0, 1, 1, 1, 2, 3], np.int32)
RANGE = np.array([-4.0, 4.0], np.float32)
BATCHES = [
    form
    for form in IN_STEP
    if FORMS[form][0].hooks(FORMS[form][1]).batch and FORMS[form][0].family == "augmentation"
]


def given(kind: str) -> np.ndarray:
    """Return rows that lie within the range."""
    shape = tuple(NETWORKS[kind]().input_shape[1:])
    return np.random.default_rng(0).uniform(-3, 3, (ROWS, *shape)).astype(np.float32)


def moments(inputs: Any, shares: Any, targets: Any) -> Any:
    """Return what is compared of one changed batch, flat."""
    aimed = jnp.tensordot(shares, targets, 1)  # what the loss aims at, (B,)
    flat = inputs.reshape(ROWS, -1)
    return jnp.concatenate(
        [flat.ravel(), jnp.square(flat).ravel(), (flat * aimed[:, None]).ravel(), aimed]
    )


def in_lanes(kind: str, form: str) -> np.ndarray:
    technique, options = FORMS[form]
    hook = technique.hooks(options).batch
    given_values = Recipe.parse(filled(form)).values()[technique.name]
    values = {name: jnp.float32(value) for name, value in given_values.items()}
    targets = Targets(jnp.arange(float(ROWS))[None], jnp.ones(1))
    columns = jnp.asarray(COLUMNS) if kind == "table" else None
    batch = Batch(jnp.asarray(given(kind)), targets, jnp.asarray(RANGE), columns)

    def of_key(key: Any) -> Any:
        changed = hook(values, key, batch)
        return moments(changed.inputs, changed.targets.weights, changed.targets.values)

    keys = np.stack([seed_key(seed) for seed in range(KEYS)])
    return np.asarray(jax.jit(lambda keys: jax.lax.map(of_key, keys))(keys))


def plainly(kind: str, form: str) -> np.ndarray:
    technique, options = FORMS[form]
    values = Recipe.parse(filled(form)).values()[technique.name]
    plain = technique.plain_keras(values, options)
    scope: dict[str, Any] = {"keras": keras, "jax": jax, "value_range": tuple(RANGE.tolist())}
    exec("".join((*plain.shared_definitions, plain.definitions)), scope)
    scope |= {"network": NETWORKS[kind](), "columns": COLUMNS if kind == "table" else None}
    changed = eval(plain.network.format(network="network"), scope)
    (change,) = changed.batches

    def of_key(key: Any) -> Any:
        own = [(1.0, jnp.arange(float(ROWS)), None)]
        inputs, targets = change(key, jnp.asarray(given(kind)), own)
        shares = jnp.stack([jnp.asarray(share, jnp.float32) for share, _, _ in targets])
        return moments(inputs, shares, jnp.stack([values for _, values, _ in targets]))

    keys = jax.random.split(jax.random.key(1), KEYS)
    return np.asarray(jax.jit(lambda keys: jax.lax.map(of_key, keys))(keys))


@pytest.mark.parametrize(("kind", "form"), kinds(BATCHES))
def test_plain_keras_draws_from_the_same_distribution(kind: str, form: str) -> None:
    laned, plain = in_lanes(kind, form), plainly(kind, form)
    assert laned.std(axis=0).max() > 0
    error = np.sqrt((laned.var(axis=0) + plain.var(axis=0)) / KEYS)
    rounding = 1e-5 * np.abs(laned).max()
    distance = np.abs(laned.mean(axis=0) - plain.mean(axis=0))
    np.testing.assert_array_less(distance, 5 * error + rounding)
