"""Variational dropout: one mask a sequence on the inputs and on the state of recurrent cells."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def mask(values, key, factors):
        return drop(key, values["rate"], factors)

    return Hooks(cell_inputs=mask, cell_state=mask)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    rate = strengths["rate"]
    return PlainKeras(cell_arguments={"dropout": rate, "recurrent_dropout": rate})


TECHNIQUE = Technique(
    name="variational_dropout",
    summary="Hides inputs and state of recurrent cells by masks that are drawn once a sequence.",
    formula="every gate sees x[t] * m / (1 - rate) and h[t-1] * n / (1 - rate), m and n ~ "
    "Bernoulli(1 - rate) drawn once a sequence and a row, m a feature, n a unit and a gate; x[t] "
    "and h[t-1] at inference (in plain Keras m is drawn for every gate, too)",
    source="Gal and Ghahramani (2016), A theoretically grounded application of dropout in "
    "recurrent neural networks, NeurIPS, eq. 7 (and 6, as the state has a mask a gate)",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    modalities=("sequence",),
    order=23,
    cost=0.4,
    replaces=("recurrent_dropout", "recurrent_input_dropout"),
    excludes=("recurrent_dropout", "recurrent_input_dropout"),
    random=True,
)
