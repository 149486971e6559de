"""Adversarial training: half of the loss is that of inputs moved to where it grows fastest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gengap.input_limits import refuse_codes
from gengap.optimizer_limits import refuse_accumulation
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def with_adversarial_inputs(distance):
    """Take half of the gradient at inputs of which every value is moved for the worse."""

    def change(compute):
        def found(weights, inputs):
            gradients, by_inputs, first = compute(weights, inputs)
            moved = inputs + distance * keras.ops.sign(by_inputs)
            others = compute(weights, moved)[0]
            return [(a + b) / 2 for a, b in zip(gradients, others)], by_inputs, first

        return found

    return change
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax
    import jax.numpy as jnp

    def two_pass(values, compute, weights, inputs):
        first = compute(weights, inputs)
        moved = jax.tree.map(
            lambda x, slope: x + values["distance"].astype(x.dtype) * jnp.sign(slope),
            inputs,
            first.inputs,
        )
        second = compute(weights, moved)
        return dataclasses.replace(
            first,
            # Halves, as in the paper; of two that are alike they make the same to the last bit.
            weights=[(a + b) / 2 for a, b in zip(first.weights, second.weights, strict=True)],
        )

    return Hooks(two_pass=two_pass)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_steps import plain_steps_source

    return PlainKeras(
        shared_definitions=(plain_steps_source(),),
        definitions=DEFINITIONS,
        network=f"in_passes({{network}}, with_adversarial_inputs({strengths['distance']!r}))",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_accumulation("adversarial", model.optimizer)
    refuse_codes("adversarial", "moves inputs a little", model)


TECHNIQUE = Technique(
    name="adversarial",
    summary="Trains on inputs moved slightly for the worse, too (fast gradient sign method).",
    formula="(loss(x) + loss(x + distance * sign(gradient of the loss by x))) / 2, in units of the "
    "prepared inputs (of a table's columns and of channels, standard deviations; of bytes divided "
    "by 255, their range; of what the network scales itself, its own)",
    source="Goodfellow, Shlens and Szegedy (2015), Explaining and harnessing adversarial examples, "
    "ICLR, section 6",
    family="gradients",
    strengths=(
        Strength("distance", low=0.0, high=255.0, neutral=0.0, grid=(0.02, 0.05, 0.1, 0.2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=10,
    cost=1.0,
    convolution_cost=1.5,
    of_numbers=True,
)
