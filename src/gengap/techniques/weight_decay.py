"""Decoupled weight decay: weights shrink at every step, whatever the gradient's scale."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def with_weight_decay(optimizer, weight_decay):
    """Decay every kernel, but no bias or scale, by learning rate * weight_decay a step."""
    optimizer.weight_decay = weight_decay
    optimizer.exclude_from_weight_decay(var_names=["^(?!.*kernel$).*$"])
    return optimizer
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    def update(values, state, weights, step):
        # From the weights before the step, as Keras' optimizers do it: decay and step add up.
        factor = step.learning_rate * values["strength"]
        return state, [
            weight - factor.astype(weight.dtype) * before if is_kernel else weight
            for weight, before, is_kernel in zip(weights, step.before, step.kernels, strict=True)
        ]

    return Hooks(update=update)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(
        definitions=DEFINITIONS,
        optimizer=f"with_weight_decay({{optimizer}}, {strengths['strength']!r})",
    )


TECHNIQUE = Technique(
    name="weight_decay",
    summary="Shrinks the kernels a little at every step, apart from the gradient (as AdamW does).",
    formula="w - learning_rate * strength * w, besides the optimizer's own step",
    source="Loshchilov and Hutter (2019), Decoupled weight decay regularization, ICLR, "
    "algorithm 2, line 12",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=100.0, neutral=0.0, grid=(1e-3, 1e-2, 1e-1, 1.0)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=10,
    cost=0.05,
    convolution_cost=0.02,
    replaces=("weight_decay",),
)
