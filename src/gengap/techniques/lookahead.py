"""Lookahead: every few steps the weights go only part of the way that they went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_accumulation
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def with_lookahead(optimizer, step_size, period):
    """After every period of steps, let the weights go only a share of the way that they went."""
    build, step = optimizer.build, optimizer.apply
    weights, slow = [], []

    def build_with_slow(variables):
        build(variables)
        weights.extend(variables)
        slow.extend(optimizer.add_variable_from_reference(v, "slow") for v in variables)

    def apply(gradients, variables=None):
        begins = keras.ops.equal(optimizer.iterations, 0)
        before = [keras.ops.where(begins, w.value, s.value) for w, s in zip(weights, slow)]
        step(gradients, variables)
        due = keras.ops.equal(optimizer.iterations % period, 0)
        for weight, kept, start in zip(weights, slow, before):
            part = (1 - step_size) * start + step_size * weight.value
            kept.assign(keras.ops.where(due, part, start))
            weight.assign(keras.ops.where(due, part, weight.value))

    optimizer.build, optimizer.apply = build_with_slow, apply
    return optimizer
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def start(weights):
        return list(weights)

    def update(values, slow, weights, step):
        due = (step.moment.step + 1) % values["period"].astype(jnp.int32) == 0

        def part(before, weight):
            size = values["step_size"].astype(weight.dtype)
            # At 1 this is the weight to the last bit, which slow + size * (weight - slow) is not.
            return (1 - size) * before + size * weight

        parts = [part(before, weight) for before, weight in zip(slow, weights, strict=True)]
        return (
            [jnp.where(due, new, old) for new, old in zip(parts, slow, strict=True)],
            [jnp.where(due, new, weight) for new, weight in zip(parts, weights, strict=True)],
        )

    return Hooks(start=start, update=update)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    size, period = strengths["step_size"], int(strengths["period"])
    return PlainKeras(
        definitions=DEFINITIONS, optimizer=f"with_lookahead({{optimizer}}, {size!r}, {period})"
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_accumulation("lookahead", model.optimizer)


TECHNIQUE = Technique(
    name="lookahead",
    summary="Takes back part of every few steps, which steadies the weights.",
    formula="every `period` steps: s = (1 - step_size) * s + step_size * w, w = s; "
    "the optimizer's own averages go on",
    source="Zhang et al. (2019), Lookahead optimizer: k steps forward, 1 step back, NeurIPS, "
    "algorithm 1",
    family="averaging",
    strengths=(
        Strength("step_size", low=0.0, high=1.0, neutral=1.0, grid=(0.8, 0.5), prior="uniform"),
        Strength("period", low=1, high=10_000, neutral=None, grid=(5,), integer=True),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=90,
    cost=0.15,
    convolution_cost=0.02,
)
