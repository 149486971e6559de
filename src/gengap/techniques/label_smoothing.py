"""Label smoothing: the network is not asked to be entirely sure."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Targets, Technique

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

    def targets(values, key, targets):
        smoothing = values["smoothing"].astype(targets.weights.dtype)
        classes = len(targets.classes)
        uniform = jnp.full(classes, 1.0 / classes, targets.weights.dtype)
        return Targets(
            values=jnp.concatenate([targets.values, targets.classes]),
            weights=jnp.concatenate([targets.weights * (1 - smoothing), uniform * smoothing]),
            classes=targets.classes,
        )

    return Hooks(targets=targets)


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
    replaces=("label_smoothing",),
    losses=("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
)
