"""Exponential moving average: an average of the latest weights is scored in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_average
from gengap.techniques.base import Hooks, Keep, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def with_moving_average(optimizer, decay):
    """Let `fit` end with a moving average of the weights."""
    optimizer.use_ema, optimizer.ema_momentum = True, decay
    return optimizer
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def start(weights, others):
        return list(weights)

    def update(values, averages, weights, others, moment):
        # As in Keras the average begins with the weights after the first step.
        decay = jnp.where(moment.step == 0, 0.0, values["decay"])
        return [
            decay.astype(weight.dtype) * average + (1 - decay).astype(weight.dtype) * weight
            for average, weight in zip(averages, weights, strict=True)
        ]

    def members(averages, others):
        return [(averages, others)]

    return Hooks(keep=Keep(start=start, update=update, every="step", members=members))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(
        definitions=DEFINITIONS,
        optimizer=f"with_moving_average({{optimizer}}, {strengths['decay']!r})",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_average("ema", model.optimizer)


TECHNIQUE = Technique(
    name="ema",
    summary="Scores an average of the latest weights, which are less shaken by the last batches.",
    formula="a = decay * a + (1 - decay) * w after every step, a = w after the first; moving "
    "statistics are the last ones",
    source="Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging, "
    "SIAM J. Control Optim. 30(4); exponential: Keras' use_ema",
    family="averaging",
    strengths=(
        Strength("decay", low=0.0, high=1.0, neutral=0.0, grid=(0.9, 0.99, 0.999), prior="uniform"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=95,
    cost=0.1,
    convolution_cost=0.02,
)
