"""Max-norm: the weights that a unit takes in are kept within a ball."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.errors import UserError
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp
    import keras

    def update(values, state, weights, step):
        limit = values["norm"]

        def constrained(weight, axes):
            norms = jnp.sqrt(jnp.sum(jnp.square(weight), axis=axes, keepdims=True))
            # As Keras writes it; but units within the limit stay as they are to the last bit.
            shrunk = limit / (keras.config.epsilon() + norms)
            factor = jnp.where((limit > 0) & (norms > limit), shrunk, 1)
            return weight * factor.astype(weight.dtype)

        return state, [
            constrained(weight, axes) if is_kernel else weight
            for weight, axes, is_kernel in zip(weights, step.incoming, step.kernels, strict=True)
        ]

    return Hooks(update=update)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(kernel_max_norm=strengths["norm"] or None)


def _check(model: Any, options: Mapping[str, str]) -> None:
    import keras

    norms = (keras.constraints.MaxNorm, keras.constraints.MinMaxNorm)
    for variable in model.trainable_variables:
        constraint = variable.constraint
        if variable.name.endswith("kernel") and not isinstance(constraint, (*norms, type(None))):
            raise UserError(
                "constraint-not-replaced",
                f"max_norm cannot be added to the constraint {type(constraint).__name__} on "
                f"{variable.path}: Keras has one constraint a kernel",
                "leave that constraint out of the network, or the technique",
            )


TECHNIQUE = Technique(
    name="max_norm",
    summary="Shortens the weights that a unit takes in wherever they grow beyond a norm.",
    formula="w * min(1, norm / |w|) after every step, |w| over the weights that a unit takes in; "
    "norm 0 sets no limit",
    source="Srebro and Shraibman (2005), Rank, trace-norm and max-norm, COLT; on hidden units: "
    "Srivastava et al. (2014), Dropout, JMLR 15, section 5.1",
    family="constraint",
    strengths=(Strength("norm", low=0.0, high=1e6, neutral=0.0, grid=(4.0, 3.0, 2.0, 1.0)),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=80,
    cost=0.1,
    convolution_cost=0.02,
    replaces=("max_norm",),
)
