"""Random bits: uniform, independent across keys, names and counters, the same every time.

Each statistical test draws from fixed keys, so it gives the same answer every time; its bound is
what an ideal source would exceed once in ten thousand keys.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gengap.random_bits import bernoulli, bits, fold_in, key, named, normal, symmetric

RARE = 1e-4
SEEDS = (0, 1, 2**40)
NAMES = ("batch order", "steps", "dropout", "gaussian_noise", "input_dropout")


def over(function: Callable[..., Any], keys: Any) -> np.ndarray:
    """Draw with many keys at once."""
    return np.asarray(jax.jit(jax.vmap(function))(jnp.asarray(keys)))


def stepped(seed: int, count: int) -> np.ndarray:
    """Return the keys of consecutive steps, as a lane derives them."""
    start = jnp.asarray(key(seed))
    return np.asarray(jax.vmap(lambda i: fold_in(start, i))(jnp.arange(count)))


def p_uniform(values: np.ndarray, kinds: int) -> float:
    counts = np.bincount(values, minlength=kinds)
    return float(stats.chisquare(counts).pvalue)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("byte", range(4))
def test_every_byte_is_uniform_over_elements(seed: int, byte: int) -> None:
    drawn = np.asarray(bits(jnp.asarray(key(seed)), (1 << 17,)))
    assert p_uniform((drawn >> np.uint32(8 * byte)) & 0xFF, 256) > RARE


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("byte", range(4))
def test_every_byte_is_uniform_over_steps(seed: int, byte: int) -> None:
    """The first element of consecutive keys: what a mask's corner sees over training."""
    drawn = over(lambda k: bits(k, (1,))[0], stepped(seed, 1 << 16))
    assert p_uniform((drawn >> np.uint32(8 * byte)) & 0xFF, 256) > RARE


@pytest.mark.parametrize("lag", [1, 2, 7, 64, 1024])
def test_neighbors_are_independent(lag: int) -> None:
    drawn = np.asarray(bits(jnp.asarray(key(3)), (1 << 17,))) >> np.uint32(28)
    pairs = drawn[:-lag] * 16 + drawn[lag:]
    assert p_uniform(pairs, 256) > RARE


def test_a_step_is_independent_of_the_next() -> None:
    drawn = over(lambda k: bits(k, (64,)), stepped(5, 2048)) >> np.uint32(28)
    pairs = drawn[:-1].ravel() * 16 + drawn[1:].ravel()
    assert p_uniform(pairs, 256) > RARE


@pytest.mark.parametrize("pair", list(itertools.combinations(NAMES, 2)), ids="-".join)
def test_names_are_independent(pair: tuple[str, str]) -> None:
    start = jnp.asarray(key(11))
    first, second = (np.asarray(bits(named(start, name), (1 << 15,))) for name in pair)
    assert p_uniform((first >> np.uint32(28)) * 16 + (second >> np.uint32(28)), 256) > RARE
    # Every bit of one against the same bit of the other.
    flips = np.unpackbits((first ^ second).view(np.uint8)).reshape(-1, 32).mean(axis=0)
    worst = np.abs(flips - 0.5).max() * 2 * np.sqrt(1 << 15)
    assert stats.norm.sf(worst) * 64 > RARE


def test_seeds_steps_and_names_never_meet() -> None:
    def keys_of(k: Any) -> Any:
        steps = [fold_in(k, step) for step in range(4)]
        return jnp.stack([named(step, name) for step in steps for name in NAMES])

    keys = over(keys_of, np.stack([key(seed) for seed in range(2000)])).reshape(-1, 2)
    assert len(np.unique(keys, axis=0)) == len(keys) == 2000 * 4 * len(NAMES)


def test_a_flipped_bit_of_a_key_flips_half_of_what_follows() -> None:
    start = key(2)
    before = np.asarray(bits(jnp.asarray(start), (256,)))
    for word, place in itertools.product(range(2), range(0, 32, 5)):
        flipped = start.copy()
        flipped[word] ^= np.uint32(1 << place)
        after = np.asarray(bits(jnp.asarray(flipped), (256,)))
        share = np.unpackbits((before ^ after).view(np.uint8)).mean()
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(256 * 32)


def test_the_same_key_draws_the_same() -> None:
    one = np.asarray(bits(jnp.asarray(key(7)), (3, 5)))
    again = np.asarray(jax.jit(lambda k: bits(k, (3, 5)))(jnp.asarray(key(7))))
    assert one.dtype == np.uint32
    np.testing.assert_array_equal(one, again)
    # Neither the shape nor what is drawn beside it moves an element.
    longer = np.asarray(bits(jnp.asarray(key(7)), (20,)))
    np.testing.assert_array_equal(longer[:15], one.ravel())


def test_a_seed_may_have_64_bits() -> None:
    keys = {key(seed).tobytes() for seed in (0, 1, 2**32, 2**63, 2**64 - 1)}
    assert len(keys) == 5


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9])
def test_bernoulli_is_true_as_often_as_asked(probability: float) -> None:
    drawn = np.asarray(bernoulli(jnp.asarray(key(1)), jnp.asarray(probability), (1 << 17,)))
    assert drawn.dtype == bool
    assert stats.binomtest(int(drawn.sum()), drawn.size, probability).pvalue > RARE


def test_bernoulli_is_certain_at_the_ends() -> None:
    k = jnp.asarray(key(1))
    assert np.asarray(bernoulli(k, jnp.asarray(1.0), (1 << 17,))).all()
    assert not np.asarray(bernoulli(k, jnp.asarray(0.0), (1 << 17,))).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_normal_values_are_normal(seed: int) -> None:
    drawn = np.asarray(normal(jnp.asarray(key(seed)), (1 << 16,)), np.float64)
    assert np.isfinite(drawn).all()
    assert stats.kstest(drawn, "norm").pvalue > RARE
    size = np.sqrt(drawn.size)
    bound = stats.norm.isf(RARE / 2)
    assert abs(drawn.mean()) * size < bound
    assert abs(drawn.var() - 1) * size / np.sqrt(2) < bound
    assert abs((drawn**3).mean()) * size / np.sqrt(15) < bound
    assert abs((drawn**4).mean() - 3) * size / np.sqrt(96) < bound


def test_normal_takes_the_type_asked_for() -> None:
    assert normal(jnp.asarray(key(0)), (4,), jnp.float16).dtype == jnp.float16


def test_no_word_gives_an_infinite_value() -> None:
    """One in 16 million did; times a strength of 0 it made a neutral lane diverge."""
    words = jnp.asarray([0, 1, 2**31, 2**32 - 2, 2**32 - 1], jnp.uint32)
    values = np.asarray(symmetric(words))
    assert (np.abs(values) < 1).all()
    assert np.isfinite(np.asarray(jax.lax.erf_inv(jnp.asarray(values)))).all()
