"""Recurrent dropout: parts of a cell's state are hidden from its next step."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def state(values, key, factors):
        return drop(key, values["rate"], factors)

    return Hooks(cell_state=state)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(cell_arguments={"recurrent_dropout": strengths["rate"]})


TECHNIQUE = Technique(
    name="recurrent_dropout",
    summary="Hides parts of the state of recurrent cells, the same ones all along a sequence.",
    formula="every gate sees h[t-1] * m / (1 - rate), m ~ Bernoulli(1 - rate) drawn once a "
    "sequence, a row, a unit and a gate; h[t-1] at inference",
    source="Gal and Ghahramani (2016), A theoretically grounded application of dropout in "
    "recurrent neural networks, NeurIPS, eq. 4 and 6 without the mask of the inputs, a mask a gate",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    modalities=("sequence",),
    order=21,
    cost=0.25,
    replaces=("recurrent_dropout",),
    random=True,
)
