"""Input dropout of recurrent cells: features of a sequence are hidden at all of its steps."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def inputs(values, key, factors):
        return drop(key, values["rate"], factors)

    return Hooks(cell_inputs=inputs)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(cell_arguments={"dropout": strengths["rate"]})


TECHNIQUE = Technique(
    name="recurrent_input_dropout",
    summary="Hides inputs of a recurrent layer, the same features at every step of a sequence.",
    formula="every step sees x[t] * m / (1 - rate), m ~ Bernoulli(1 - rate) drawn once a "
    "sequence, a row and a feature; x[t] at inference",
    source="Gal and Ghahramani (2016), A theoretically grounded application of dropout in "
    "recurrent neural networks, NeurIPS, eq. 6, the mask of the inputs alone",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    modalities=("sequence",),
    order=22,
    cost=0.15,
    replaces=("recurrent_input_dropout",),
    random=True,
)
