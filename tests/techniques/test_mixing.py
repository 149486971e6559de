"""Mixed batches, written out: inputs, targets and what rows count are mixed alike."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from scipy import stats

from gengap.patches import between, patch
from gengap.random_bits import fold_in, named
from gengap.random_bits import key as seed_key
from gengap.techniques import cutmix, mixup
from gengap.techniques.base import Batch, Targets
from lanes.cases import (
    BATCH,
    CLASSES,
    compiled,
    distance,
    network_of,
    rows_of,
    shared_of,
    table,
    train_lanes,
)
from lanes.cases import lane_of as lane
from lanes.cases import program_of as program
from lanes.cases import sequential as network
from techniques.by_hand import CLOSE, RATE, batch, start, stepped

ALPHA, SMOOTHING = 0.4, 0.2
ROW_WEIGHTS = np.linspace(0.5, 2, 100).astype(np.float32)
RARE = 1e-4


def keys(count: int) -> np.ndarray:
    return np.stack([seed_key(seed) for seed in range(count)])


def one_step(recipe: str, *, weighted: bool) -> list[np.ndarray]:
    """Train a lane for one step."""
    lanes = network_of(compiled(network(), keras.optimizers.SGD(RATE)))
    steps = program([recipe], count=1, rows=BATCH)
    shared = shared_of(*table())
    if weighted:
        shared = {**shared, "row_weights": ROW_WEIGHTS}
    state = train_lanes(lanes, steps, [lane(steps, recipe)], shared)
    return [value[0] for value in state["weights"]]


def key_of_the_step(name: str) -> Any:
    """Return the key that a technique has in the first step of a lane."""
    return named(fold_in(named(jnp.asarray(seed_key(0)), "steps"), 0), name)


def row_weights() -> np.ndarray:
    from lanes.cases import orders

    (order,) = orders(program(count=1, rows=BATCH))
    return ROW_WEIGHTS[order]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, SMOOTHING])
def test_a_step_of_mixup(weighted: bool, smoothing: float) -> None:
    inputs, codes = batch()
    share = float(mixup.drawn(key_of_the_step("mixup"), jnp.float32(ALPHA)))
    mixture = share * inputs + (1 - share) * np.roll(inputs, 1, axis=0)
    own = row_weights() if weighted else np.ones(BATCH, np.float32)

    def loss(weights: Any) -> Any:
        hidden = jnp.maximum(mixture @ weights[0] + weights[1], 0)
        logs = jax.nn.log_softmax(hidden @ weights[2] + weights[3])
        total = 0.0
        for part, target, counts in (
            (share, codes, own),
            (1 - share, np.roll(codes, 1), np.roll(own, 1)),
        ):
            aim = (1 - smoothing) * jax.nn.one_hot(target, CLASSES) + smoothing / CLASSES
            total -= part * jnp.mean(counts * jnp.sum(aim * logs, axis=1))
        return total

    recipe = f"mixup={ALPHA}" + (f" + label_smoothing={smoothing}" if smoothing else "")
    expected = stepped(jax.grad(loss)(start()))
    found = one_step(recipe, weighted=weighted)
    assert 0.01 < share < 0.99
    assert distance(found, expected) <= CLOSE


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 4.0])
def test_the_share_is_of_the_beta_distribution(alpha: float) -> None:
    draw = jax.jit(jax.vmap(lambda key: mixup.drawn(key, jnp.float32(alpha))))
    shares = np.asarray(draw(keys(10_000)))
    assert shares.min() >= 0
    assert shares.max() <= 1
    # Near the ends 32 bits round to them.
    places = np.linspace(0.01, 0.99, 99)
    found = np.searchsorted(np.sort(shares), places) / len(shares)
    worst = np.abs(found - stats.beta(alpha, alpha).cdf(places)).max()
    assert stats.kstwo(len(shares)).sf(worst) > RARE


def changed(hook: Any, kind: str, **values: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, and changed inputs and shares for many keys."""
    shape = {"table": (6,), "image": (8, 10, 2), "sequence": (12, 3)}[kind]
    given = rows_of(shape)[0][:4]
    columns = jnp.array([0, 1, 1, 1, 2, 2]) if kind == "table" else None
    whole = Batch(jnp.asarray(given), Targets(jnp.arange(4.0)[None], jnp.ones(1)), columns=columns)
    strengths = {name: jnp.float32(value) for name, value in values.items()}

    def of_key(key: Any) -> Any:
        after = hook(strengths, key, whole)
        return after.inputs, after.targets.weights

    inputs, shares = jax.jit(jax.vmap(of_key))(keys(300))
    return given, np.asarray(inputs), np.asarray(shares)


@pytest.mark.parametrize("kind", ["table", "image", "sequence"])
def test_cutmix_exchanges_the_part_that_it_says(kind: str) -> None:
    given, inputs, shares = changed(cutmix.TECHNIQUE.hooks({}).batch, kind, probability=0.7)
    partner = np.roll(given, 1, axis=0)
    exchanged = inputs == partner
    assert np.all(exchanged | (inputs == given))
    # All rows of a batch exchange the same part, channels together.
    assert np.all(exchanged == exchanged[:, :1])
    if kind == "table":
        # The words of a column go together, and count as one column.
        assert np.all(exchanged[:, :, 1] == exchanged[:, :, 2])
        of_columns = exchanged[:, 0][:, [0, 1, 4]].mean(axis=1)
    else:
        assert np.all(exchanged == exchanged[..., :1])
        of_columns = exchanged[:, 0].reshape(len(shares), -1).mean(axis=1)
    np.testing.assert_allclose(shares[:, 1], of_columns, atol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    happened = np.count_nonzero(shares[:, 1])
    # Some parts are so small that they miss every place.
    assert stats.binomtest(happened, len(shares), 0.7, alternative="greater").pvalue > RARE
    assert happened > 0.4 * len(shares)


def test_parts_have_the_share_that_is_asked_for_where_no_edge_cuts_them() -> None:
    draw = jax.jit(jax.vmap(lambda key: patch(key, jnp.float32(0.25), (1, 32, 32, 1))))
    inside, covered = (np.asarray(found)[:, 0] for found in draw(keys(2000)))
    np.testing.assert_allclose(inside.mean(axis=(1, 2, 3)), covered, atol=1e-6)
    sides = inside.any(axis=(2, 3)).sum(axis=1), inside.any(axis=(1, 3)).sum(axis=1)
    for side in sides:
        assert side.max() <= 17
        assert np.median(side) == 16
    # About a point anywhere: the edge is as likely within as far away.
    middle = inside.any(axis=(2, 3)) @ np.arange(32) / np.maximum(sides[0], 1)
    assert abs(middle.mean() - 15.5) < 0.7


def test_places_in_a_line() -> None:
    found = between(jnp.array([0.4, 1.0]), jnp.array([2.6, 1.0]), 4)
    assert found.tolist() == [[True, True, True, False], [False] * 4]


def test_a_plain_program_mixes_nothing_at_the_neutral_strength() -> None:
    # Beta(0, 0) is drawn as NaN.
    assert mixup.TECHNIQUE.plain_keras({"alpha": 0.0}, {}).network is None
