"""A part of every row: a rectangle of an image, a span of a sequence, columns of a table.

Notation
--------
B, D      rows and columns of a table's batch
H, W, C   height, width and channels of an image
T         steps of a sequence
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gengap.random_bits import bernoulli, uniform

__all__ = ["PLAIN_PATCH", "between", "patch"]

#: `patch` in a plain Keras program.
PLAIN_PATCH = '''
def patch(key, share, shape, columns):
    """Draw a part of every row: columns of a table, a rectangle of an image, a span of steps."""
    if columns is not None:
        drawn = jax.random.bernoulli(key, share, (shape[0], max(columns) + 1))
        return drawn[:, columns], keras.ops.mean(drawn, axis=1)
    lengths = shape[1:-1]
    middles = jax.random.uniform(key, (len(lengths), shape[0], 1))
    inside, covered = keras.ops.ones((shape[0], 1), "bool"), 1.0
    for middle, length in zip(middles, lengths):
        places = keras.ops.arange(length) + 0.5 - middle * length
        side = keras.ops.abs(places) < share ** (1 / len(lengths)) * length / 2
        covered = covered * keras.ops.mean(side, axis=1)
        side = keras.ops.reshape(side, (shape[0],) + (1,) * (len(inside.shape) - 2) + (length, 1))
        inside = keras.ops.expand_dims(inside, -2) & side
    return inside, covered
'''


def between(lower: jax.Array, upper: jax.Array, length: int) -> jax.Array:
    """Tell which of some places in a line have their middle between two bounds.

    Parameters
    ----------
    lower, upper : array (...)
        Places are 1 long: the middle of the first is at 0.5.
    length : int
        How many places there are.

    Returns
    -------
    array (..., length) of bool
    """
    middles = jnp.arange(length, dtype=jnp.float32) + 0.5
    return (middles > lower[..., None]) & (middles < upper[..., None])


def patch(
    key: jax.Array, share: jax.Array, shape: Sequence[int], columns: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """Draw a part of every row.

    Of a table each column is taken with probability `share`. Of an image a rectangle of the
    image's own proportions is taken, of that share of its area, about a point that is anywhere in
    it: what lies beyond the edge is cut off. Of a sequence a span of steps is, likewise.

    Parameters
    ----------
    key : array (2,)
    share : array ()
        Between 0 and 1; at 0 nothing is taken.
    shape : sequence of int
        Of the inputs: (B, D), (B, T, C) or (B, H, W, C).
    columns : array (D,) of int, optional
        Which column of a table each input belongs to, from 0 and in order.

    Returns
    -------
    inside : array of bool (B, D), (B, T, 1) or (B, H, W, 1)
    covered : array (B,)
        The share of the columns, steps or pixels that was taken.
    """
    rows = shape[0]
    if columns is not None:
        width = shape[1]
        drawn = bernoulli(key, share, (rows, width))
        # There are no more columns than inputs.
        count = columns[-1] + 1
        taken = jnp.sum(drawn & (jnp.arange(width) < count), axis=1)
        return drawn[:, columns], taken.astype(jnp.float32) / count
    lengths = tuple(shape[1:-1])
    middles = uniform(key, (len(lengths), rows))
    side = share.astype(jnp.float32) ** (1 / len(lengths))
    sides = []
    for middle, length in zip(middles, lengths, strict=True):
        half = side * length / 2
        sides.append(between(middle * length - half, middle * length + half, length))
    covered = math.prod(jnp.mean(taken.astype(jnp.float32), axis=1) for taken in sides)
    inside = sides[0]
    for taken in sides[1:]:
        inside = inside[..., None] & taken[:, None]
    return inside[..., None], covered
