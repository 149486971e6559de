"""Input dropout: input values are set to zero at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import (
    Hooks,
    Insertion,
    PlainKeras,
    Strength,
    Technique,
    of_inputs,
)

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def inputs(values, key, x):
        return drop(key, values["rate"], x)

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras((Insertion("inputs", "Dropout", {"rate": strengths["rate"]}),))


TECHNIQUE = Technique(
    name="input_dropout",
    summary="Sets inputs to zero at random in training, so that no single column is trusted.",
    formula="x * m / (1 - rate), m ~ Bernoulli(1 - rate) a value; x at inference",
    source="Srivastava et al. (2014), Dropout, JMLR 15, section 4, input layer",
    family="noise",
    strengths=(
        Strength("rate", low=0.0, high=0.95, neutral=0.0, grid=(0.05, 0.1, 0.2), prior="uniform"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=50,
    cost=0.05,
    convolution_cost=0.02,
    random=True,
    of_numbers=True,
)
