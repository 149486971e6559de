"""Time masking: a span of steps of every sequence is hidden in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique, of_inputs

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def with_masked_steps(share):
    """Hide a span of steps of every sequence in zeros: up to such a share of them."""

    def change(key, sequences, targets):
        much, where = jax.random.split(key)
        count, steps, _ = sequences.shape
        length = jax.random.uniform(much, (count, 1, 1)) * share * steps
        first = jax.random.uniform(where, (count, 1, 1)) * (steps - length)
        middles = keras.ops.arange(steps)[:, None] + 0.5
        hidden = (middles > first) & (middles < first + length)
        return keras.ops.where(hidden, 0.0, sequences), targets

    return change
'''


def drawn(key: Any, share: Any, shape: tuple[int, ...]) -> Any:
    """Draw which steps of every sequence of (B, T, C) are hidden: (B, T) of bool."""
    from gengap.patches import between
    from gengap.random_bits import uniform

    rows, steps, _ = shape
    much, where = uniform(key, (2, rows))
    length = much * share * steps
    first = where * (steps - length)
    return between(first, first + length, steps)


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def inputs(values, key, x):
        return jnp.where(drawn(key, values["share"], x.shape)[..., None], 0, x)

    return Hooks(batch=of_inputs(inputs))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_batches

    return plain_batches(f"with_masked_steps({strengths['share']!r})", DEFINITIONS)


TECHNIQUE = Technique(
    name="time_masking",
    summary="Hides a span of steps of every sequence in training.",
    formula="0 from step t on for l steps, x elsewhere; l is uniform between 0 and `share` of the "
    "steps, t such that the span lies within, drawn for every sequence; x at inference",
    source="Park et al. (2019), SpecAugment: a simple data augmentation method for automatic "
    "speech recognition, Interspeech, section 2, time masking",
    family="augmentation",
    strengths=(
        Strength("share", low=0.0, high=1.0, neutral=0.0, grid=(0.1, 0.2, 0.4), prior="uniform"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("time_masking"),
    modalities=("sequence",),
    order=22,
    cost=0.05,
    random=True,
)
