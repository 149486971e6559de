"""Gaussian dropout: hidden values are multiplied by normal noise around 1 in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, Insertion, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.random_bits import normal

    def activation(values, key, hidden):
        rate = values["rate"]
        stddev = jnp.sqrt(rate / (1 - rate)).astype(hidden.dtype)
        return hidden * (1 + stddev * normal(key, hidden.shape, hidden.dtype))

    return Hooks(activation=activation)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    layer = Insertion("after_activation", "GaussianDropout", {"rate": strengths["rate"]})
    return PlainKeras((layer,))


TECHNIQUE = Technique(
    name="gaussian_dropout",
    summary="Multiplies hidden units by normal noise in training, of the variance of dropout.",
    formula="h * (1 + sqrt(rate / (1 - rate)) * e), e ~ Normal(0, 1) a unit and a row; h at "
    "inference",
    source="Srivastava et al. (2014), Dropout, JMLR 15, section 10; with a rate: Keras",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=22,
    cost=0.2,
    convolution_cost=1.3,
    replaces=("dropout",),
    random=True,
)
