"""Random crop: a window of every image's own size, cut from the image with a wider edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def cropped(fraction):
    """Move every image by whole pixels, up to such a part of a side, as a crop of a wider one."""

    def change(key, images, targets):
        count, *sides, _ = images.shape
        moves = []
        for key, side in zip(jax.random.split(key), sides):
            most = int(fraction * side + 0.5)
            moves.append(jax.random.randint(key, (count,), -most, most + 1))
        matrices = keras.ops.tile(keras.ops.eye(2)[None], (count, 1, 1))
        shifts = keras.ops.cast(keras.ops.stack(moves, axis=1), "float32")
        return warp(images, matrices, shifts), targets

    return change
'''


def drawn(key: Any, fraction: Any, shape: tuple[int, ...]) -> Any:
    """Draw by how many pixels every image of (B, H, W, C) moves, down and to the right: (B, 2)."""
    import jax.numpy as jnp

    from gengap.random_bits import uniform

    most = jnp.floor(fraction * jnp.array(shape[1:3], jnp.float32) + 0.5)
    return jnp.floor(uniform(key, (shape[0], 2)) * (2 * most + 1) - most).astype(jnp.int32)


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.warping import move

    def inputs(values, key, x):
        moves = drawn(key, values["fraction"], x.shape)
        return move(x, moves[:, 0], moves[:, 1])

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches
    from gengap.warping import PLAIN_WARP

    return plain_batches(f"cropped({strengths['fraction']!r})", DEFINITIONS, PLAIN_WARP)


TECHNIQUE = Technique(
    name="random_crop",
    summary="Cuts a window of the image's size, at random, from the image with a wider edge.",
    formula="a window of the size of x from x with p more pixels on every side, which repeat the "
    "edge; p is `fraction` of the side, rounded; where the window begins is uniform, drawn for "
    "every image; x at inference",
    source="He et al. (2016), Deep residual learning for image recognition, CVPR, section 4.2, "
    "with 4 of 32 pixels (of zeros there, in images whose mean is zero)",
    family="augmentation",
    strengths=(
        Strength(
            "fraction", low=0.0, high=1.0, neutral=0.0, grid=(0.04, 0.08, 0.125), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_crop"),
    modalities=("image",),
    order=14,
    cost=0.02,
    random=True,
)
