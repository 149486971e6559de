"""RandAugment: some operations after each other, drawn for every image, all of one magnitude."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["LARGEST", "MOST", "OPERATIONS", "TECHNIQUE", "drawn"]

#: What is drawn from, and what of it is done at magnitude 1: radians, shares of a side (one of
#: zoom), of the distance from the mean, of the range of the values.
LARGEST = {
    "nothing": 0.0,
    "rotation": 0.5,
    "zoom": 0.3,
    "shift down": 0.3,
    "shift right": 0.3,
    "contrast": 0.9,
    "brightness": 0.3,
}
OPERATIONS = tuple(LARGEST)

#: Operations after each other, at most.
MOST = 3

DEFINITIONS = '''
def rand_augmented(magnitude, operations, value_range):
    """Apply operations to every image that are drawn for it, in one direction or the other."""
    largest = keras.ops.array([0, 0.5, 0.3, 0.3, 0.3, 0.9, 0.3])

    def change(key, images, targets):
        count, height, width, _ = images.shape
        which, way = jax.random.split(key)
        kinds = jax.random.randint(which, (operations, count), 0, 7)
        ways = jax.random.rademacher(way, (operations, count), "float32")
        # How much of each there is: operation, kind, image.
        amounts = keras.ops.one_hot(kinds, 7, axis=1) * (magnitude * ways)[:, None]
        amounts = amounts * largest[:, None]
        matrices = keras.ops.tile(keras.ops.eye(2)[None], (count, 1, 1))
        shifts = keras.ops.zeros((count, 2))
        for _, angle, zoom, down, right, _, _ in amounts:
            cosines, sines = keras.ops.cos(angle), keras.ops.sin(angle)
            turned = keras.ops.stack([cosines, sines, -sines, cosines], axis=1)
            own = keras.ops.reshape(turned, (count, 2, 2)) * (1 + zoom)[:, None, None]
            move = keras.ops.stack([down * height, right * width], axis=1)
            shifts = shifts + keras.ops.einsum("bij,bj->bi", matrices, move)
            matrices = keras.ops.matmul(matrices, own)
        images = warp(images, matrices, shifts)
        low, high = value_range
        for *_, contrast, brightness in amounts[..., None, None, None]:
            mean = keras.ops.mean(images, axis=(1, 2), keepdims=True)
            images = keras.ops.clip(images + contrast * (images - mean), low, high)
            images = keras.ops.clip(images + brightness * (high - low), low, high)
        return images, targets

    return change
'''


def drawn(key: Any, magnitude: Any, operations: Any, rows: int) -> Any:
    """Draw how much of each operation is done to every image, one after the other.

    Returns
    -------
    array (MOST, len(OPERATIONS), rows)
        One of the kinds is done at each place, the others not at all; and none at the places from
        `operations` on.
    """
    import jax.numpy as jnp

    from gengap.random_bits import bernoulli, named, uniform

    kinds = jnp.floor(uniform(named(key, "kinds"), (MOST, 1, rows)) * len(OPERATIONS))
    signs = bernoulli(named(key, "signs"), jnp.float32(0.5), (MOST, 1, rows))
    is_done = kinds == jnp.arange(len(OPERATIONS), dtype=jnp.float32)[:, None]
    is_done &= (jnp.arange(MOST) < operations)[:, None, None]
    largest = jnp.array(list(LARGEST.values()), jnp.float32)[:, None]
    return jnp.where(is_done, largest, 0) * jnp.where(signs, magnitude, -magnitude)


def _hooks(options: Mapping[str, str]) -> Hooks:
    import dataclasses

    import jax.numpy as jnp

    from gengap.shading import brighten, contrast
    from gengap.warping import warp

    def batch(values, key, batch: Batch) -> Batch:
        rows, height, width, _ = batch.inputs.shape
        amounts = drawn(key, values["magnitude"], values["operations"], rows)
        matrices, shifts = jnp.tile(jnp.eye(2), (rows, 1, 1)), jnp.zeros((rows, 2))
        # Maps that follow each other are one map: the image is sampled once.
        for of_place in amounts:
            _, angles, zooms, down, right, _, _ = of_place
            cosines, sines = jnp.cos(angles), jnp.sin(angles)
            turned = jnp.stack([cosines, sines, -sines, cosines], axis=1)
            move = jnp.stack([down * height, right * width], axis=1)
            shifts = shifts + jnp.sum(matrices * move[:, None], axis=-1)
            own = turned.reshape(-1, 2, 2) * (1 + zooms)[:, None, None]
            matrices = jnp.sum(matrices[..., None] * own[:, None], axis=2)
        batch = dataclasses.replace(batch, inputs=warp(batch.inputs, matrices, shifts))
        for of_place in amounts:
            batch = brighten(contrast(batch, of_place[-2]), of_place[-1])
        return batch

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches
    from gengap.warping import PLAIN_WARP

    magnitude, operations = strengths["magnitude"], int(strengths["operations"])
    change = f"rand_augmented({magnitude!r}, {operations!r}, value_range)"
    return plain_batches(change, DEFINITIONS, PLAIN_WARP)


TECHNIQUE = Technique(
    name="rand_augment",
    summary="Applies a few random operations, all of one magnitude, to every image in training.",
    formula="after each other `operations` times nothing, a rotation (0.5 radians at magnitude 1), "
    "a zoom, a shift down or to the right (0.3 of the side), contrast (0.9) or brightness (0.3 of "
    "the range of the values), to one side or the other, drawn for every image; maps of places "
    "first, as one, then values; x at inference",
    source="Cubuk, Zoph, Shlens and Le (2020), RandAugment: practical automated data augmentation "
    "with a reduced search space, NeurIPS, section 3 (with 14 operations)",
    family="augmentation",
    strengths=(
        Strength(
            "magnitude", low=0.0, high=1.0, neutral=0.0, grid=(0.2, 0.4, 0.8), prior="uniform"
        ),
        Strength(
            "operations",
            low=1.0,
            high=float(MOST),
            neutral=None,
            grid=(1.0, 2.0),
            prior="uniform",
            integer=True,
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("rand_augment"),
    modalities=("image",),
    order=17,
    cost=0.2,
    random=True,
)
