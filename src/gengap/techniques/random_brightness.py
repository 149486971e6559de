"""Random brightness: every image is made lighter or darker in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def with_brightness(fraction, value_range):
    """Make every image lighter or darker, by up to so much of the range of the values."""

    def change(key, images, targets):
        low, high = value_range
        count = images.shape[0]
        change = jax.random.uniform(key, (count, 1, 1, 1), minval=-fraction, maxval=fraction)
        return keras.ops.clip(images + change * (high - low), low, high), targets

    return change
'''


def drawn(key: Any, fraction: Any, rows: int) -> Any:
    """Draw how much lighter every image becomes, as a share of the range of the values."""
    from gengap.random_bits import bits, symmetric

    return fraction * symmetric(bits(key, (rows,)))


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.shading import brighten

    def batch(values, key, batch: Batch) -> Batch:
        changes = drawn(key, values["fraction"], batch.inputs.shape[0])
        return brighten(batch, changes)

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches

    change = f"with_brightness({strengths['fraction']!r}, value_range)"
    return plain_batches(change, DEFINITIONS)


TECHNIQUE = Technique(
    name="random_brightness",
    summary="Makes every image lighter or darker at random in training.",
    formula="x + b (high - low), b uniform between -fraction and fraction, drawn for every image; "
    "clipped to the range of the values, from low to high (0 to 255 for bytes, else that of the "
    "training rows); x at inference",
    source="Howard (2013), Some improvements on deep convolutional neural network based image "
    "classification, arXiv:1312.5402, section 2.2; the map is that of "
    "keras.layers.RandomBrightness",
    family="augmentation",
    strengths=(
        Strength(
            "fraction", low=0.0, high=1.0, neutral=0.0, grid=(0.05, 0.1, 0.2), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_brightness"),
    modalities=("image",),
    order=16,
    cost=0.02,
    random=True,
)
