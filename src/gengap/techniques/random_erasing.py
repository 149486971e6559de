"""Random erasing: in some images a rectangle is filled with noise in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["AREA", "ASPECT", "TECHNIQUE", "drawn"]

#: Of the rectangle: its share of the image's area, and its height over its width.
AREA, ASPECT = (0.02, 0.4), (0.3, 1 / 0.3)

DEFINITIONS = '''
def erased(probability, value_range, area=(0.02, 0.4), aspect=(0.3, 1 / 0.3)):
    """Fill a rectangle of some images with noise of the range of the values."""

    def change(key, images, targets):
        uniform = jax.random.uniform
        often, size, form, *places, noise = jax.random.split(key, 6)
        count, *sides, _ = images.shape
        erased = jax.random.bernoulli(often, probability, (count, 1, 1, 1))
        size = uniform(size, (count, 1), minval=area[0], maxval=area[1])
        form = uniform(form, (count, 1), minval=aspect[0], maxval=aspect[1])
        inside = []
        for place, side, scale in zip(places, sides, (size * form, size / form)):
            length = keras.ops.minimum(keras.ops.sqrt(scale), 1) * side
            first = uniform(place, (count, 1)) * (side - length)
            middles = keras.ops.arange(side) + 0.5
            inside.append((middles > first) & (middles < first + length))
        inside = inside[0][:, :, None, None] & inside[1][:, None, :, None]
        low, high = value_range
        noise = uniform(noise, images.shape, minval=low, maxval=high)
        return keras.ops.where(erased & inside, noise, images), targets

    return change
'''


def drawn(key: Any, probability: Any, shape: tuple[int, ...]) -> Any:
    """Draw what is erased of every image of (B, H, W, C): (B, H, W) of bool."""
    import jax.numpy as jnp

    from gengap.patches import between
    from gengap.random_bits import bernoulli, named, uniform

    rows, height, width, _ = shape

    def share(name: str, low: float, high: float) -> Any:
        return low + (high - low) * uniform(named(key, name), (rows,))

    happens = bernoulli(named(key, "happens"), probability, (rows,))
    area, aspect = share("area", *AREA), share("aspect", *ASPECT)
    inside = []
    for name, length, of_side in (("top", height, area * aspect), ("left", width, area / aspect)):
        side = jnp.minimum(jnp.sqrt(of_side), 1) * length
        first = share(name, 0, 1) * (length - side)
        inside.append(between(first, first + side, length))
    return happens[:, None, None] & inside[0][:, :, None] & inside[1][:, None]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import dataclasses

    import jax.numpy as jnp

    from gengap.random_bits import named, uniform

    def batch(values, key, batch: Batch) -> Batch:
        given = batch.inputs
        assert batch.value_range is not None
        erased = drawn(key, values["probability"], given.shape)
        low, high = batch.value_range
        noise = low + (high - low) * uniform(named(key, "noise"), given.shape)
        filled = jnp.where(erased[..., None], noise.astype(given.dtype), given)
        return dataclasses.replace(batch, inputs=filled)

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches

    return plain_batches(f"erased({strengths['probability']!r}, value_range)", DEFINITIONS)


TECHNIQUE = Technique(
    name="random_erasing",
    summary="Fills a rectangle of some images with noise in training.",
    formula="with a probability, drawn for every image, noise (uniform over the range of the "
    "values) inside a rectangle that lies in x; its area is uniform between 0.02 and 0.4 of the "
    "image's, its height over its width between 0.3 and 1/0.3; a side longer than the image's (in "
    "4 % of draws) is cut to it; x at inference",
    source="Zhong, Zheng, Kang, Li and Yang (2020), Random erasing data augmentation, AAAI, "
    "algorithm 1 (which draws such a rectangle again), with random values",
    family="augmentation",
    strengths=(
        Strength(
            "probability", low=0.0, high=1.0, neutral=0.0, grid=(0.25, 0.5, 1.0), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_erasing"),
    modalities=("image",),
    order=20,
    cost=0.1,
    random=True,
)
