"""Random contrast: every image is made harder or softer in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def with_contrast(strength, value_range):
    """Move every image's values away from the mean of their channel, or towards it."""

    def change(key, images, targets):
        count = images.shape[0]
        change = jax.random.uniform(key, (count, 1, 1, 1), minval=-strength, maxval=strength)
        mean = keras.ops.mean(images, axis=(1, 2), keepdims=True)
        return keras.ops.clip(images + change * (images - mean), *value_range), targets

    return change
'''


def drawn(key: Any, strength: Any, rows: int) -> Any:
    """Draw how much every image's distances from the mean grow; less than 0 is less contrast."""
    from gengap.random_bits import bits, symmetric

    return strength * symmetric(bits(key, (rows,)))


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.shading import contrast

    def batch(values, key, batch: Batch) -> Batch:
        changes = drawn(key, values["strength"], batch.inputs.shape[0])
        return contrast(batch, changes)

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches

    change = f"with_contrast({strengths['strength']!r}, value_range)"
    return plain_batches(change, DEFINITIONS)


TECHNIQUE = Technique(
    name="random_contrast",
    summary="Makes every image harder or softer at random in training.",
    formula="m + (1 + c) (x - m), m the mean of the image's channel, c uniform between -strength "
    "and strength, drawn for every image; clipped to the range of the values (0 to 255 for bytes, "
    "else that of the training rows); x at inference",
    source="Howard (2013), Some improvements on deep convolutional neural network based image "
    "classification, arXiv:1312.5402, section 2.2; the map is that of keras.layers.RandomContrast",
    family="augmentation",
    strengths=(
        Strength("strength", low=0.0, high=1.0, neutral=0.0, grid=(0.1, 0.2, 0.4), prior="uniform"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_contrast"),
    modalities=("image",),
    order=15,
    cost=0.05,
    random=True,
)
