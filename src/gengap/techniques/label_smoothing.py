"""Label smoothing: the network is not asked to be entirely sure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def smooth_labels(loss, smoothing):
    """Mix the loss of the true class with the mean of the losses of all classes."""
    loss = keras.losses.get(loss)
    function = getattr(loss, "fn", loss)
    row_losses = loss.call if isinstance(loss, keras.losses.Loss) else loss
    served = (
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.categorical_crossentropy,
        keras.losses.binary_crossentropy,
    )
    if function not in served:
        raise ValueError(f"labels cannot be smoothed for the loss {loss}")

    def every_class(targets, outputs):
        classes = outputs.shape[-1] if len(outputs.shape) > 1 else 1
        sparse = function is keras.losses.sparse_categorical_crossentropy
        for k in range(max(2, classes)):
            if sparse or classes == 1:
                yield keras.ops.full_like(targets, k)
            else:
                yield keras.ops.ones_like(targets) * keras.ops.one_hot(k, classes)

    def smoothed(targets, outputs):
        losses = [row_losses(alternative, outputs) for alternative in every_class(targets, outputs)]
        uniform = sum(losses) / len(losses)
        return (1 - smoothing) * row_losses(targets, outputs) + smoothing * uniform

    return smoothed
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.smoothing import smoothed_each

    def batch(values, key, batch):
        given = batch.targets
        smoothing = values["smoothing"].astype(given.weights.dtype)
        if isinstance(given.classes, Mapping):
            return dataclasses.replace(batch, targets=smoothed_each(given, smoothing))
        classes = len(given.classes)
        uniform = jnp.full(classes, 1.0 / classes, given.weights.dtype) * smoothing
        others, weights, row_weights = given.classes, uniform, None
        if given.row_weights is not None:
            # Rows may count otherwise by each alternative: every one is smoothed by itself.
            count = len(given.weights)
            others = jnp.tile(given.classes, (count, *(1,) * (given.classes.ndim - 1)))
            weights = (given.weights[:, None] * uniform).reshape(-1)
            of_classes = jnp.repeat(given.row_weights, classes, axis=0)
            row_weights = jnp.concatenate([given.row_weights, of_classes])
        smoothed = dataclasses.replace(
            given,
            values=jnp.concatenate([given.values, others]),
            weights=jnp.concatenate([given.weights * (1 - smoothing), weights]),
            row_weights=row_weights,
        )
        return dataclasses.replace(batch, targets=smoothed)

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(
        definitions=DEFINITIONS, loss=f"smooth_labels({{loss}}, {strengths['smoothing']!r})"
    )


TECHNIQUE = Technique(
    name="label_smoothing",
    summary="Mixes the true label with all labels alike, so that the network stays less sure.",
    formula="(1 - smoothing) * loss(y) + smoothing * mean over classes k of loss(k)",
    source="Szegedy et al. (2016), Rethinking the Inception architecture, CVPR, section 7",
    family="targets",
    strengths=(
        Strength(
            "smoothing", low=0.0, high=0.9, neutral=0.0, grid=(0.05, 0.1, 0.2), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    tasks=("classification",),
    order=40,
    cost=0.1,
    convolution_cost=0.02,
    replaces=("label_smoothing",),
    losses=("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
)
