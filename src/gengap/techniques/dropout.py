"""Dropout: hidden units are switched off at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, Insertion, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def activation(values, key, hidden):
        return drop(key, values["rate"], hidden)

    return Hooks(activation=activation)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras((Insertion("after_activation", "Dropout", {"rate": strengths["rate"]}),))


TECHNIQUE = Technique(
    name="dropout",
    summary="Switches hidden units off at random in training, so that none relies on another.",
    formula="h * m / (1 - rate), m ~ Bernoulli(1 - rate) a unit and a row; h at inference",
    source="Srivastava et al. (2014), Dropout, JMLR 15, section 4 (scaled in training, section 10)",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=20,
    cost=0.15,
    convolution_cost=0.5,
    replaces=("dropout",),
    random=True,
)
