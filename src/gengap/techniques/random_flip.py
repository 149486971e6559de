"""Random flip: some images are mirrored in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, Option, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

#: Axes along which images are mirrored, by the option.
AXES = {"horizontal": (2,), "vertical": (1,), "both": (1, 2)}

DEFINITIONS = '''
def flipped(probability, axes):
    """Mirror some images along each of some axes: 1 is up and down, 2 left and right."""

    def change(key, images, targets):
        for axis in axes:
            drawn = jax.random.bernoulli(
                jax.random.fold_in(key, axis), probability, (images.shape[0], 1, 1, 1)
            )
            images = keras.ops.where(drawn, keras.ops.flip(images, axis), images)
        return images, targets

    return change
'''


def drawn(key: Any, probability: Any, axis: int, rows: int) -> Any:
    """Draw which images are mirrored along an axis."""
    from gengap.random_bits import bernoulli, fold_in

    return bernoulli(fold_in(key, axis), probability, (rows,))


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    axes = AXES[options["direction"]]

    def inputs(values, key, x):
        for axis in axes:
            flips = drawn(key, values["probability"], axis, x.shape[0])
            x = jnp.where(flips[:, None, None, None], jnp.flip(x, axis), x)
        return x

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches

    change = f"flipped({strengths['probability']!r}, {AXES[options['direction']]!r})"
    return plain_batches(change, DEFINITIONS)


TECHNIQUE = Technique(
    name="random_flip",
    summary="Mirrors some images at random in training.",
    formula="x mirrored left and right (or up and down, or each by a draw of its own) with a "
    "probability, drawn for every image; x at inference",
    source="Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep "
    "convolutional neural networks, NeurIPS, section 4.1; as keras.layers.RandomFlip",
    family="augmentation",
    strengths=(
        Strength("probability", low=0.0, high=1.0, neutral=0.0, grid=(0.5,), prior="uniform"),
    ),
    options=(
        Option(
            "direction",
            ("horizontal", "vertical", "both"),
            "horizontal swaps left and right, vertical up and down",
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("random_flip"),
    modalities=("image",),
    order=10,
    cost=0.02,
    random=True,
)
