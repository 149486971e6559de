"""Gradient clipping: a gradient that is too long is shortened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_accumulation
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def with_clipped_gradient(optimizer, norm):
    """Shorten the gradient by all weights together to a norm."""
    optimizer.clipnorm = optimizer.clipvalue = None
    optimizer.global_clipnorm = norm
    return optimizer
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def gradients(values, key, gradients, moment):
        limit = values["norm"]
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
        # Without a limit, and within it, gradients stay as they are to the last bit.
        factor = jnp.where((limit > 0) & (norm > limit), limit / norm, 1)
        return [gradient * factor.astype(gradient.dtype) for gradient in gradients]

    return Hooks(gradients=gradients)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    if not strengths["norm"]:
        return PlainKeras()
    return PlainKeras(
        definitions=DEFINITIONS,
        optimizer=f"with_clipped_gradient({{optimizer}}, {strengths['norm']!r})",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_accumulation("gradient_clipping", model.optimizer)


TECHNIQUE = Technique(
    name="gradient_clipping",
    summary="Shortens gradients that are too long, so that no single batch moves the weights far.",
    formula="g * min(1, norm / |g|), |g| over all weights together; norm 0 sets no limit",
    source="Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent neural "
    "networks, ICML, algorithm 1",
    family="gradients",
    strengths=(
        Strength("norm", low=0.0, high=1e6, neutral=0.0, grid=(10.0, 3.0, 1.0, 0.3), prior="log"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=40,
    cost=0.1,
    convolution_cost=0.05,
    replaces=("gradient_clipping",),
)
