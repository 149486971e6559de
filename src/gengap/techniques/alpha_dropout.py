"""Alpha dropout: hidden units are set to where a SELU saturates, and mean and variance stay."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, Insertion, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

#: The value that a SELU approaches far below zero: minus its scale times its alpha.
SATURATED = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.random_bits import bernoulli

    def activation(values, key, hidden):
        rate = values["rate"]
        scale = 1 / jnp.sqrt((1 - rate) * (1 + rate * SATURATED**2))
        shift = -scale * SATURATED * rate
        kept = bernoulli(key, 1 - rate, hidden.shape)
        held = jnp.where(kept, hidden, jnp.asarray(SATURATED, hidden.dtype))
        return scale.astype(hidden.dtype) * held + shift.astype(hidden.dtype)

    return Hooks(activation=activation)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    layer = Insertion("after_activation", "AlphaDropout", {"rate": strengths["rate"]})
    return PlainKeras((layer,))


TECHNIQUE = Technique(
    name="alpha_dropout",
    summary="Switches hidden units off at random as networks with SELU activations need it.",
    formula="a * (h * m + s * (1 - m)) + b, m ~ Bernoulli(1 - rate) a unit and a row, s = -1.7581 "
    "where a SELU saturates, a = ((1 - rate) * (1 + rate * s ** 2)) ** -0.5, b = -a * rate * s: "
    "values of mean 0 and variance 1 keep both; h at inference. Meant for networks of SELU "
    "activations with lecun_normal weights; behind others it is another noise",
    source="Klambauer et al. (2017), Self-normalizing neural networks, NeurIPS, section 3, "
    "New dropout technique",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.05, 0.1, 0.2, 0.35), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=23,
    cost=0.2,
    convolution_cost=0.5,
    replaces=("dropout",),
    random=True,
)
