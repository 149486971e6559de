"""Random zoom: every image is made larger or smaller in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def zoomed(fraction):
    """Show a part of every image, larger, or more than all of it: up to so much of its sides."""

    def change(key, images, targets):
        count = images.shape[0]
        factors = jax.random.uniform(key, (count,), minval=1 - fraction, maxval=1 + fraction)
        matrices = factors[:, None, None] * keras.ops.eye(2)
        return warp(images, matrices, keras.ops.zeros((count, 2))), targets

    return change
'''


def drawn(key: Any, fraction: Any, rows: int) -> Any:
    """Draw how many times as much of every image's sides is seen; less than 1 enlarges."""
    from gengap.random_bits import bits, symmetric

    return 1 + fraction * symmetric(bits(key, (rows,)))


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.warping import warp

    def inputs(values, key, x):
        factors = drawn(key, values["fraction"], x.shape[0])
        matrices = factors[:, None, None] * jnp.eye(2)
        return warp(x, matrices, jnp.zeros((x.shape[0], 2)))

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches
    from gengap.warping import PLAIN_WARP

    return plain_batches(f"zoomed({strengths['fraction']!r})", DEFINITIONS, PLAIN_WARP)


TECHNIQUE = Technique(
    name="random_zoom",
    summary="Enlarges or shrinks every image at random in training.",
    formula="x seen through a window z times as wide and high, about its middle, z uniform between "
    "1 - fraction and 1 + fraction, one an image; between pixels interpolated linearly, outside "
    "the edge repeated; x at inference",
    source="Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep "
    "convolutional neural networks, NeurIPS, section 4.1, for crops of any scale; the map is that "
    "of keras.layers.RandomZoom, proportions kept",
    family="augmentation",
    strengths=(
        Strength(
            "fraction", low=0.0, high=0.9, neutral=0.0, grid=(0.05, 0.1, 0.2), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_zoom"),
    modalities=("image",),
    order=12,
    cost=0.3,
    random=True,
)
