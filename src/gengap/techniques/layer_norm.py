"""Layer normalization: what a layer makes of a row is standardized over its units."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Insertion, PlainKeras, Technique

__all__ = ["TECHNIQUE"]

LAYER = Insertion("before_activation", "LayerNormalization")


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras((LAYER,))


TECHNIQUE = Technique(
    name="layer_norm",
    summary="Standardizes hidden values of each row over the units, alike in training and after.",
    formula="gamma * (h - mean(h)) / sqrt(var(h) + 1e-3) + beta before the nonlinearity, mean and "
    "variance over the units of a layer (at each position or time step); behind recurrent layers, "
    "whose nonlinearity is within",
    source="Ba, Kiros and Hinton (2016), Layer normalization, arXiv 1607.06450, eq. 3 and 4",
    family="normalization",
    strengths=(),
    insertions=(LAYER,),
    plain_keras=_plain_keras,
    cost=0.7,
    convolution_cost=1.8,
    replaces=("layer_norm",),
)
