"""Time scaling: the channels of every sequence are made larger or smaller in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def with_scaled_channels(stddev):
    """Multiply every channel of every sequence by a factor near 1."""

    def change(key, sequences, targets):
        count, _, channels = sequences.shape
        return sequences * (1 + stddev * jax.random.normal(key, (count, 1, channels))), targets

    return change
'''


def drawn(key: Any, stddev: Any, shape: tuple[int, ...]) -> Any:
    """Draw the factor of every channel of every sequence of (B, T, C): (B, C)."""
    from gengap.random_bits import normal

    rows, _, channels = shape
    return 1 + stddev * normal(key, (rows, channels))


def _hooks(options: Mapping[str, str]) -> Hooks:
    def inputs(values, key, x):
        return x * drawn(key, values["stddev"], x.shape)[:, None].astype(x.dtype)

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches

    return plain_batches(f"with_scaled_channels({strengths['stddev']!r})", DEFINITIONS)


TECHNIQUE = Technique(
    name="time_scaling",
    summary="Makes every channel of every sequence larger or smaller at random in training.",
    formula="x * f, f ~ Normal(1, stddev) a channel of a sequence, the same at all its steps; x at "
    "inference",
    source="Um et al. (2017), Data augmentation of wearable sensor data for Parkinson's disease "
    "monitoring using convolutional neural networks, ICMI, section 3, scaling",
    family="augmentation",
    strengths=(Strength("stddev", low=0.0, high=2.0, neutral=0.0, grid=(0.05, 0.1, 0.2, 0.4)),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("time_scaling"),
    modalities=("sequence",),
    order=18,
    cost=0.05,
    random=True,
    of_numbers=True,
)
