"""Gaussian input noise: every input value is disturbed in training."""

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
    from gengap.random_bits import normal

    def inputs(values, key, x):
        return x + values["stddev"].astype(x.dtype) * normal(key, x.shape, x.dtype)

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    layer = Insertion("inputs", "GaussianNoise", {"stddev": strengths["stddev"]})
    return PlainKeras((layer,))


TECHNIQUE = Technique(
    name="gaussian_noise",
    summary="Adds normal noise to the inputs in training, which smooths what is learned.",
    formula="x + stddev * e, e ~ Normal(0, 1) a value, in units of the prepared inputs (of a "
    "table's columns and of channels, standard deviations; of bytes divided by 255, their range; "
    "of what the network scales itself, its own); x at inference",
    source="Bishop (1995), Training with noise is equivalent to Tikhonov regularization, "
    "Neural Computation 7(1), eq. 4",
    family="noise",
    strengths=(Strength("stddev", low=0.0, high=10.0, neutral=0.0, grid=(0.05, 0.1, 0.2, 0.4)),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=55,
    cost=0.1,
    replaces=("gaussian_noise",),
    random=True,
    of_numbers=True,
)
