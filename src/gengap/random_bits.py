"""Counter-based random bits: cheap inside a compiled loop, and the same in every lane position.

Notation
--------
k   a key, uint32 (2,)
i   the position of an element, a counter
h   an avalanche: every bit of its input flips each bit of its output about half of the time

``bits(k)[i] = h(h(i * 0x9E3779B9 + k[0]) ^ k[1])``. Threefry, JAX's default, adds over
half to a small network's step when it draws a dropout mask; this adds about a tenth. It is made
for masks and noise, not for cryptography.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "bernoulli",
    "bits",
    "drop",
    "fold_in",
    "key",
    "named",
    "normal",
    "symmetric",
    "symmetric_beta",
    "uniform",
]

GOLDEN = np.uint32(0x9E3779B9)


def _avalanche(x: jax.Array) -> jax.Array:
    # The 32-bit finalizer with the lowest known bias of two multiplications.
    x = x ^ (x >> 16)
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> 15)
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def key(seed: int) -> np.ndarray:
    """Make a key from a seed of up to 64 bits.

    Parameters
    ----------
    seed : int
        At least 0.

    Returns
    -------
    ndarray (2,)
        Two words of 32 bits.
    """
    return np.random.SeedSequence(seed).generate_state(2, np.uint32)


def fold_in(key: jax.Array, data: jax.Array | int) -> jax.Array:
    """Derive a key from a key and a number.

    Parameters
    ----------
    key : array (2,)
    data : array () or int
        What distinguishes the new key, such as a step's number.

    Returns
    -------
    array (2,)
    """
    number = jnp.asarray(data).astype(jnp.uint32)
    first = _avalanche(key[0] ^ _avalanche(number * GOLDEN + key[1]))
    return jnp.stack([first, _avalanche(key[1] + first * GOLDEN + np.uint32(1))])


def named(key: jax.Array, name: str) -> jax.Array:
    """Derive a key from a key and a name, so that one user's draws never shift another's."""
    return fold_in(key, np.uint32(zlib.crc32(name.encode())))


def bits(key: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Draw 32 random bits an element.

    Parameters
    ----------
    key : array (2,)
    shape : sequence of int

    Returns
    -------
    array of uint32
    """
    return _once(key, lambda: _words(key, shape))


def _words(key: jax.Array, shape: Sequence[int]) -> jax.Array:
    size = int(np.prod(shape))
    counter = jax.lax.iota(jnp.uint32, size)
    return _avalanche(_avalanche(counter * GOLDEN + key[0]) ^ key[1]).reshape(tuple(shape))


def _once(key: jax.Array, draw: Callable[[], jax.Array]) -> jax.Array:
    """Draw in a branch of its own, which is always taken.

    XLA's CPU compiler fuses what is drawn into all that takes it, barriers or not, and draws anew
    for each of its elements: a mask a row and channel for every pixel, forwards and backwards. It
    does not fuse across branches. Where lanes are vectorized, branches become a selection, and it
    fuses as before.
    """
    if jax.default_backend() != "cpu":
        return draw()  # a GPU would wait for the host to choose the branch
    shape = jax.eval_shape(draw)
    if shape.size == 1:
        return draw()
    # No number is its own complement, which the compiler does not know.
    return jax.lax.cond(key[0] != ~key[0], draw, lambda: jnp.zeros(shape.shape, shape.dtype))


def bernoulli(key: jax.Array, probability: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Draw booleans that are true with a probability; at 1 all are true, at 0 none.

    Parameters
    ----------
    key : array (2,)
    probability : array ()
        To a resolution of 2**-24.
    shape : sequence of int

    Returns
    -------
    array of bool
    """
    limit = probability.astype(jnp.float32) * np.float32(2**24)
    # 24 bits are what float32 holds exactly.
    drawn = _once(key, lambda: (_words(key, shape) >> 8).astype(jnp.float32) < limit)
    # Vectorized lanes have no branches: what takes a mask forwards and backwards shares it.
    return jax.lax.optimization_barrier(drawn)


def drop(
    key: jax.Array, rate: jax.Array, values: jax.Array, shape: Sequence[int] | None = None
) -> jax.Array:
    """Set values to zero at random and scale the others up, so that their mean stays.

    ``v * m / (1 - rate), m ~ Bernoulli(1 - rate)`` a value; at rate 0 the values as they are.

    Parameters
    ----------
    key : array (2,)
    rate : array ()
        Below 1.
    values : array
    shape : sequence of int, optional
        Of what is drawn, with 1 along axes whose values are kept or dropped together.
    """
    keep = 1.0 - rate
    kept = bernoulli(key, keep, values.shape if shape is None else shape)
    return jnp.where(kept, values * (1.0 / keep).astype(values.dtype), 0)


def normal(key: jax.Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> jax.Array:
    """Draw standard normal values by inverting the distribution function.

    Parameters
    ----------
    key : array (2,)
    shape : sequence of int
    dtype : dtype

    Returns
    -------
    array
        Between about -5.3 and 5.3.
    """

    def draw() -> jax.Array:
        uniform = symmetric(_words(key, shape))
        return (np.float32(np.sqrt(2)) * jax.lax.erf_inv(uniform)).astype(dtype)

    return _once(key, draw)


def symmetric(words: jax.Array) -> jax.Array:
    """Map random words to values between -1 and 1, both excluded.

    Parameters
    ----------
    words : array of uint32

    Returns
    -------
    array of float32
        Middles of 2**23 cells. A 24th bit would not fit beside the half: the outermost cell would
        round to 1, whose normal value is infinite.
    """
    return ((words >> 9).astype(jnp.float32) + 0.5) * np.float32(2**-22) - 1


def uniform(key: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Draw values between 0 and 1, both excluded.

    Parameters
    ----------
    key : array (2,)
    shape : sequence of int

    Returns
    -------
    array of float32
        Middles of 2**23 cells.
    """
    return ((bits(key, shape) >> 9).astype(jnp.float32) + 0.5) * np.float32(2**-23)


def symmetric_beta(key: jax.Array, concentration: jax.Array) -> jax.Array:
    """Draw a value of the distribution Beta(a, a), without a rejection.

    ``1/2 + s/2 / sqrt(1 + 1 / ((u**(-1/a) - 1) cos(2 pi v)**2))``, with u and v uniform between 0
    and 1 and s a random sign.

    Parameters
    ----------
    key : array (2,)
    concentration : array ()
        a, above 0.

    Returns
    -------
    array () of float32

    References
    ----------
    Devroye (1996), Random variate generation in one line of code, Proceedings of the Winter
    Simulation Conference, section 4: Student's t by Bailey's polar method, transformed.
    """
    first, second = uniform(key, (2,))
    power = -jnp.log(first) / concentration.astype(jnp.float32)
    # The sign of the cosine is a fair one; its square is never 0 in 32 bits.
    cosine = jnp.cos(np.float32(2 * np.pi) * second)
    share = jax.lax.rsqrt(1 + 1 / (jnp.expm1(power) * cosine**2))
    return 0.5 + 0.5 * jnp.sign(cosine) * share
