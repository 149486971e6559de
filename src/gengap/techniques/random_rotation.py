"""Random rotation: every image is turned a little about its middle in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def rotated(degrees):
    """Turn every image about its middle, by up to so many degrees to either side."""

    def change(key, images, targets):
        count = images.shape[0]
        angles = keras.ops.deg2rad(degrees * jax.random.uniform(key, (count,), minval=-1, maxval=1))
        cosines, sines = keras.ops.cos(angles), keras.ops.sin(angles)
        turned = keras.ops.stack([cosines, sines, -sines, cosines], axis=1)
        matrices = keras.ops.reshape(turned, (count, 2, 2))
        return warp(images, matrices, keras.ops.zeros((count, 2))), targets

    return change
'''


def drawn(key: Any, degrees: Any, rows: int) -> Any:
    """Draw the angle of every image, in radians."""
    import numpy as np

    from gengap.random_bits import bits, symmetric

    return symmetric(bits(key, (rows,))) * (degrees * np.float32(np.pi / 180))


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.warping import warp

    def inputs(values, key, x):
        angles = drawn(key, values["degrees"], x.shape[0])
        cosines, sines = jnp.cos(angles), jnp.sin(angles)
        turned = jnp.stack([cosines, sines, -sines, cosines], axis=1)
        return warp(x, turned.reshape(-1, 2, 2), jnp.zeros((x.shape[0], 2)))

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches
    from gengap.warping import PLAIN_WARP

    return plain_batches(f"rotated({strengths['degrees']!r})", DEFINITIONS, PLAIN_WARP)


TECHNIQUE = Technique(
    name="random_rotation",
    summary="Turns every image by a random angle in training.",
    formula="x turned about its middle by an angle uniform between -degrees and degrees, drawn for "
    "every image; between pixels interpolated linearly, outside the edge repeated; x at inference",
    source="Simard, Steinkraus and Platt (2003), Best practices for convolutional neural "
    "networks applied to visual document analysis, ICDAR, section 2; the map is that of "
    "keras.layers.RandomRotation",
    family="augmentation",
    strengths=(
        Strength(
            "degrees", low=0.0, high=180.0, neutral=0.0, grid=(5.0, 10.0, 20.0), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_rotation"),
    modalities=("image",),
    order=11,
    cost=0.15,
    random=True,
)
