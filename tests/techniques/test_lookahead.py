"""The slow weights are those of the paper's algorithm, over a sequence of steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from gengap.techniques.base import Moment, Update
from gengap.techniques.lookahead import TECHNIQUE
from techniques.forms import plainly

#: How far the weight goes in each step, exact in 32 bits.
WAYS = np.float32([8, -2, 4, 16, -8, 2, 1])


def by_the_paper(step_size: float, period: int) -> list[float]:
    """Run algorithm 1: an inner loop of `period` steps, then one of the slow weights."""
    slow = fast = 1.0
    seen = []
    for number, way in enumerate(WAYS, start=1):
        fast += float(way)
        if number % period == 0:
            slow = fast = slow + step_size * (fast - slow)
        seen.append(fast)
    return seen


def laned(step_size: float, period: int) -> list[float]:
    hooks = TECHNIQUE.hooks({})
    values = {"step_size": np.float32(step_size), "period": np.float32(period)}
    weights = [np.float32([1.0])]
    state, seen = hooks.start(weights), []
    for number, way in enumerate(WAYS):
        update = Update(weights, (True,), ((0,),), Moment(number, 4, 3), np.float32(1), lambda: ())
        stepped = [weight + way for weight in weights]
        state, weights = hooks.update(values, state, stepped, update)
        seen.append(float(weights[0][0]))
    return seen


def plainly_trained(step_size: float, period: int) -> list[float]:
    recipe = f"lookahead(step_size={step_size}, period={period})"
    optimizer = plainly(recipe, "optimizer", keras.optimizers.SGD(1.0))
    weight = keras.Variable(np.float32([1.0]))
    optimizer.build([weight])
    seen = []
    for way in WAYS:
        optimizer.apply([np.float32([-way])], [weight])
        seen.append(float(weight.numpy()[0]))
    return seen


@pytest.mark.parametrize("step_size", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("period", [1, 2, 3, 20])
def test_weights_go_where_the_paper_says(step_size: float, period: int) -> None:
    assert laned(step_size, period) == by_the_paper(step_size, period)
    assert plainly_trained(step_size, period) == by_the_paper(step_size, period)
