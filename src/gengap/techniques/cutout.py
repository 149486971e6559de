"""Cutout: a part of every row is hidden in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last, refuse_codes
from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def cut_out(share, columns):
    """Hide a part of every row: of an image in the mean colour of the batch, else in zeros."""

    def change(key, inputs, targets):
        inside, _ = patch(key, share, inputs.shape, columns)
        image = len(inputs.shape) == 4
        hidden = keras.ops.mean(inputs, axis=(0, 1, 2)) if image else 0.0
        return keras.ops.where(inside, hidden, inputs), targets

    return change
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import dataclasses

    import jax.numpy as jnp

    from gengap.patches import patch

    def batch(values, key, batch: Batch) -> Batch:
        given = batch.inputs
        inside, _ = patch(key, values["share"], given.shape, batch.columns)
        # A table's columns are standardized: 0 is their mean. Images are as they are.
        hidden = jnp.mean(given, axis=(0, 1, 2)) if given.ndim == 4 else jnp.zeros((), given.dtype)
        return dataclasses.replace(batch, inputs=jnp.where(inside, hidden, given))

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.patches import PLAIN_PATCH
    from gengap.plain_steps import plain_batches

    return plain_batches(f"cut_out({strengths['share']!r}, columns)", DEFINITIONS, PLAIN_PATCH)


def _check(model: Any, options: Mapping[str, str]) -> None:
    channels_last("cutout")(model, options)
    refuse_codes("cutout", "hides inputs in zeros", model)


TECHNIQUE = Technique(
    name="cutout",
    summary="Hides a square of every image, or some columns of every row, in training.",
    formula="x outside a part of every row, of share `share`, about a point anywhere (what lies "
    "beyond the edge is cut off); inside it the batch's mean colour, or in tables 0, which is the "
    "mean of a standardized column and no word of a column of words; x at inference",
    source="DeVries and Taylor (2017), Improved regularization of convolutional neural networks "
    "with cutout, arXiv:1708.04552, section 3.2",
    family="augmentation",
    strengths=(Strength("share", low=0.0, high=0.9, neutral=0.0, grid=(0.06, 0.12, 0.25)),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    modalities=("table", "image"),
    order=21,
    cost=0.05,
    random=True,
)
