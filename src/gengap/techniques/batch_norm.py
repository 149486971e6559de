"""Batch normalization: activations are standardized within each batch."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Insertion, PlainKeras, Technique

__all__ = ["TECHNIQUE"]

# Keras' own momentum, 0.99, still lags behind when a short training ends.
LAYER = Insertion("before_activation", "BatchNormalization", {"momentum": 0.9}, replaces_bias=True)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras((LAYER,))


TECHNIQUE = Technique(
    name="batch_norm",
    summary="Standardizes hidden values within each batch, which steadies and slightly perturbs.",
    formula="gamma * (h - mean(h)) / sqrt(var(h) + 1e-3) + beta before the nonlinearity; "
    "moving averages (momentum 0.9) at inference",
    source="Ioffe and Szegedy (2015), Batch normalization, ICML, algorithm 1",
    family="normalization",
    strengths=(),
    insertions=(LAYER,),
    plain_keras=_plain_keras,
    cost=0.5,
    convolution_cost=1.0,
    replaces=("batch_norm",),
)
