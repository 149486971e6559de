"""Random shift: every image is moved a little in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def shifted(fraction):
    """Move every image, by up to so much of its height and of its width."""

    def change(key, images, targets):
        count, height, width, _ = images.shape
        sides = keras.ops.array([height, width], "float32")
        shifts = jax.random.uniform(key, (count, 2), minval=-1, maxval=1) * fraction * sides
        matrices = keras.ops.tile(keras.ops.eye(2)[None], (count, 1, 1))
        return warp(images, matrices, shifts), targets

    return change
'''


def drawn(key: Any, fraction: Any, shape: tuple[int, ...]) -> Any:
    """Draw by how many pixels every image of (B, H, W, C) moves, up and to the left: (B, 2)."""
    import jax.numpy as jnp

    from gengap.random_bits import bits, symmetric

    sides = jnp.array(shape[1:3], jnp.float32)
    return symmetric(bits(key, (shape[0], 2))) * fraction * sides


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.warping import warp

    def inputs(values, key, x):
        shifts = drawn(key, values["fraction"], x.shape)
        return warp(x, jnp.tile(jnp.eye(2), (x.shape[0], 1, 1)), shifts)

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches
    from gengap.warping import PLAIN_WARP

    return plain_batches(f"shifted({strengths['fraction']!r})", DEFINITIONS, PLAIN_WARP)


TECHNIQUE = Technique(
    name="random_shift",
    summary="Moves every image at random in training.",
    formula="x moved down and to the right by shares of its height and width, each uniform between "
    "-fraction and fraction, drawn for every image; between pixels interpolated linearly, outside "
    "the edge repeated; x at inference",
    source="Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks "
    "applied to visual document analysis, ICDAR, section 2; the map is that of "
    "keras.layers.RandomTranslation",
    family="augmentation",
    strengths=(
        Strength(
            "fraction", low=0.0, high=1.0, neutral=0.0, grid=(0.05, 0.1, 0.2), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_shift"),
    modalities=("image",),
    order=13,
    cost=0.3,
    random=True,
)
