"""Images turned, zoomed and shifted inside a step, with linear interpolation.

What comes in from outside repeats the edge: it has a value that the image has, in whatever range
the images are.

Notation
--------
B, H, W, C  images of a batch, their height, width and channels
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

__all__ = ["PLAIN_WARP", "move", "warp"]

#: `warp` in a plain Keras program.
PLAIN_WARP = '''
def warp(images, matrices, shifts):
    """Sample every image where an affine map about its middle leads; the edge is repeated."""
    count, height, width, _ = images.shape
    middle = keras.ops.array([(height - 1) / 2, (width - 1) / 2])
    offsets = middle - keras.ops.einsum("bij,j->bi", matrices, middle) + shifts
    zeros = keras.ops.zeros((count,))
    (a, b), (c, d) = keras.ops.moveaxis(matrices, 0, -1)
    transforms = [d, c, offsets[:, 1], b, a, offsets[:, 0], zeros, zeros]
    return keras.ops.image.affine_transform(
        images, keras.ops.stack(transforms, axis=1), fill_mode="nearest"
    )
'''


def warp(images: jax.Array, matrices: jax.Array, shifts: jax.Array) -> jax.Array:
    """Sample every image where an affine map about its middle leads.

    ``out[p] = image[m + A (p - m) + t]`` for places p = (row, column) and the middle m.

    Parameters
    ----------
    images : array (B, H, W, C)
    matrices : array (B, 2, 2)
        A; the identity, with no shift, changes no bit.
    shifts : array (B, 2)
        t, in pixels.
    """
    height, width = images.shape[1:3]
    rows = jnp.arange(height, dtype=jnp.float32) - (height - 1) / 2
    columns = jnp.arange(width, dtype=jnp.float32) - (width - 1) / 2

    def of_image(image: jax.Array, matrix: jax.Array, shift: jax.Array) -> jax.Array:
        (a, b), (c, d) = matrix
        where = [
            a * rows[:, None] + b * columns + ((height - 1) / 2 + shift[0]),
            c * rows[:, None] + d * columns + ((width - 1) / 2 + shift[1]),
        ]
        sample = partial(map_coordinates, coordinates=where, order=1, mode="nearest")
        return jax.vmap(sample, in_axes=2, out_axes=2)(image)

    return jax.vmap(of_image)(images, matrices, shifts)


def move(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Move every image by whole pixels, down and to the right.

    Parameters
    ----------
    images : array (B, H, W, C)
    rows, columns : array (B,) of int32
    """

    def of_image(image: jax.Array, down: jax.Array, right: jax.Array) -> jax.Array:
        height, width = image.shape[:2]
        from_rows = jnp.clip(jnp.arange(height) - down, 0, height - 1)
        from_columns = jnp.clip(jnp.arange(width) - right, 0, width - 1)
        return image[from_rows][:, from_columns]

    return jax.vmap(of_image)(images, rows, columns)
