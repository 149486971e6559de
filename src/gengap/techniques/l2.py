"""L2 penalty: large weights cost their square."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def penalty(values, kernels):
        return values["strength"] * sum(jnp.sum(jnp.square(kernel)) for kernel in kernels)

    return Hooks(penalty=penalty)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(kernel_regularizer={"l2": strengths["strength"]})


TECHNIQUE = Technique(
    name="l2",
    summary="Adds the squared kernel weights to the loss, which shrinks large weights.",
    formula="loss + strength * sum(w ** 2) over the kernels",
    source="Hoerl and Kennard (1970), Ridge regression, Technometrics 12(1), eq. 2.1",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    cost=0.05,
    convolution_cost=0.02,
    replaces=("kernel_l2",),
)
