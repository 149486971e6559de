"""Gradient noise: steps are disturbed, the less the longer training has gone on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_accumulation
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["DECAY", "TECHNIQUE"]

#: Of the variance with the steps; the paper found no need to tune it.
DECAY = 0.55

DEFINITIONS = f'''
def with_gradient_noise(optimizer, variance, seed=0):
    """Add normal noise to every gradient, with less variance at every step (on JAX)."""
    undisturbed = optimizer.apply

    def apply(gradients, variables=None):
        step = keras.ops.convert_to_tensor(optimizer.iterations)
        key = jax.random.fold_in(jax.random.key(seed), step)
        spread = (variance / (1 + step) ** {DECAY}) ** 0.5
        noise = [
            jax.random.normal(jax.random.fold_in(key, place), gradient.shape, gradient.dtype)
            for place, gradient in enumerate(gradients)
        ]
        undisturbed([g + spread * e for g, e in zip(gradients, noise)], variables)

    optimizer.apply = apply
    return optimizer
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.random_bits import fold_in, normal

    def gradients(values, key, gradients, moment):
        spread = jnp.sqrt(values["variance"] / (1.0 + moment.step) ** DECAY)
        return [
            gradient
            + spread.astype(gradient.dtype)
            * normal(fold_in(key, place), gradient.shape, gradient.dtype)
            for place, gradient in enumerate(gradients)
        ]

    return Hooks(gradients=gradients)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(
        definitions=DEFINITIONS,
        optimizer=f"with_gradient_noise({{optimizer}}, {strengths['variance']!r})",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_accumulation("gradient_noise", model.optimizer)


TECHNIQUE = Technique(
    name="gradient_noise",
    summary="Adds noise to the gradient that fades over the steps, which helps to leave bad spots.",
    formula=f"g + sqrt(variance / (1 + t) ** {DECAY}) * e at step t from 0, e ~ Normal(0, 1) a "
    "weight",
    source="Neelakantan et al. (2015), Adding gradient noise improves learning for very deep "
    "networks, arXiv:1511.06807, eq. 1",
    family="gradients",
    strengths=(
        Strength("variance", low=0.0, high=100.0, neutral=0.0, grid=(1e-3, 1e-2, 1e-1, 1.0)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=30,
    cost=0.2,
    convolution_cost=0.1,
    random=True,
)
