"""Max pooling whose gradient is fast inside a compiled loop.

The gradient that JAX derives (select-and-scatter) costs more than the convolutions beside it. Here
the forward pass keeps which element of its window was the largest, in a byte, and the gradient goes
there. Of equal elements the first, row by row, is taken, as Keras on JAX does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gengap.lanes.windows.window import Window

__all__ = ["max_pool"]

Array = Any


def max_pool(x: Array, window: Window) -> Array:
    """Return the largest element of every window.

    Parameters
    ----------
    x : array (B, H, W, C)
    window : Window

    Returns
    -------
    array (B, O, O, C)
        What is no number stays none.

    Notes
    -----
    Can be differentiated once, backwards.
    """
    # Rows innermost, so that every cut is read in long pieces.
    x = x.transpose(3, 1, 2, 0)
    for part in (window,) if window.disjoint else window.by_axis():
        x = _pool(part)(x)
    return x.transpose(3, 1, 2, 0)


@functools.cache
def _pool(window: Window) -> Callable[[Array], Array]:
    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def pool(x: Array) -> Array:
        return functools.reduce(jnp.maximum, window.cuts(x, -jnp.inf))

    def forward(x: Array) -> tuple[Array, tuple[Array, Array]]:
        first, *rest = window.cuts(x, -jnp.inf)
        largest = first
        # A byte holds the place in all windows of up to 127 elements.
        place = jnp.zeros(first.shape, jnp.int8 if len(rest) < 127 else jnp.int32)
        for index, cut in enumerate(rest, start=1):
            place = jnp.where(cut > largest, jnp.asarray(index, place.dtype), place)
            largest = jnp.maximum(largest, cut)
        # Of the image, only its size is needed; a column of it has that, and costs nothing.
        return largest, (place, x[:1, :, :, :1])

    def backward(kept: tuple[Array, Array], dy: Array) -> tuple[Array]:
        place, image = kept
        zero = jnp.zeros((), dy.dtype)
        if window.disjoint:
            return (_paste_disjoint(window, place, dy, image.shape[1:3]),)
        chosen = [jnp.where(place == i, dy, zero) for i in range(len(window.offsets))]
        return (window.paste(chosen, image.shape[1:3]),)

    pool.defvjp(forward, backward)
    return pool


def _paste_disjoint(window: Window, place: Array, dy: Array, image: tuple[int, int]) -> Array:
    """Put all gradients to their places in one pass; windows neither overlap nor leave gaps."""
    rows, columns = window.size
    offsets = jnp.arange(rows * columns, dtype=place.dtype).reshape(1, 1, rows, 1, columns, 1)
    here = place[:, :, None, :, None] == offsets
    spread = jnp.where(here, dy[:, :, None, :, None], jnp.zeros((), dy.dtype))
    outer, o, p, inner = dy.shape
    return window.crop(spread.reshape(outer, o * rows, p * columns, inner), image)
