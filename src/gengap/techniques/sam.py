"""Sharpness-aware minimization: the gradient is taken where the loss nearby is worst."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_accumulation
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def at_the_worst_weights(radius):
    """Take the gradient where the loss is highest within a radius, to first order."""

    def change(compute):
        def found(weights, inputs):
            gradients, by_inputs, first = compute(weights, inputs)
            norm = keras.ops.sqrt(sum(keras.ops.sum(g**2) for g in gradients))
            step = radius / keras.ops.maximum(norm, 1e-12)
            worst = [w + step * g for w, g in zip(weights, gradients)]
            return compute(worst, inputs)[0], by_inputs, first

        return found

    return change
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def two_pass(values, compute, weights, inputs):
        first = compute(weights, inputs)
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in first.weights))
        step = values["radius"] / jnp.maximum(norm, 1e-12)
        worst = [
            weight + step.astype(weight.dtype) * gradient
            for weight, gradient in zip(weights, first.weights, strict=True)
        ]
        return dataclasses.replace(first, weights=compute(worst, inputs).weights)

    return Hooks(two_pass=two_pass)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_steps_source

    return PlainKeras(
        shared_definitions=(plain_steps_source(),),
        definitions=DEFINITIONS,
        network=f"in_passes({{network}}, at_the_worst_weights({strengths['radius']!r}))",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_accumulation("sam", model.optimizer)


TECHNIQUE = Technique(
    name="sam",
    summary="Looks for flat places: the gradient is that of the worst weights nearby.",
    formula="gradient of the loss at w + radius * g / |g|, g its gradient at w; penalties on "
    "weights, and their gradient, at w",
    source="Foret et al. (2021), Sharpness-aware minimization for efficiently improving "
    "generalization, ICLR, eq. 2 and 3",
    family="gradients",
    strengths=(Strength("radius", low=0.0, high=10.0, neutral=0.0, grid=(0.02, 0.05, 0.1, 0.2)),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=20,
    cost=1.0,
    convolution_cost=0.8,
)
