"""Label smoothing: the network is not asked to be entirely sure."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Targets, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def smooth_labels(loss, smoothing):
    """Mix the loss of the true class with the mean of the losses of all classes."""
    loss = keras.losses.get(loss)

    def smoothed(targets, outputs):
        classes = max(2, outputs.shape[-1])
        if isinstance(loss, keras.losses.CategoricalCrossentropy):
            every = [keras.ops.one_hot(keras.ops.full_like(targets[..., 0], k, dtype="int32"), classes)
                     for k in range(classes)]
        else:
            every = [keras.ops.full_like(targets, k) for k in range(classes)]
        uniform = sum(loss.call(one, outputs) for one in every) / classes
        return (1 - smoothing) * loss.call(targets, outputs) + smoothing * uniform

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
