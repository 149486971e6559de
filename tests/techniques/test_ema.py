"""The average that is scored is the one that `fit` ends with, and the formula's over all epochs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from gengap.errors import UserError
from gengap.techniques.ema import TECHNIQUE
from lanes.cases import (
    BATCH,
    compiled,
    distance,
    fit,
    lane_of,
    network_of,
    orders,
    precision,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)
from techniques.forms import plainly

DECAYS = (0.0, 0.5, 0.9)


def judged(decays: tuple[float, ...], **program: int) -> tuple[Any, list[Any]]:
    """Train one lane; return its last weights, and what each decay kept of them."""
    recipes = [f"ema={decay}" for decay in decays]
    made = program_of(judges=recipes, **program)
    network = network_of(compiled(sequential(), keras.optimizers.Adam(0.01)))
    lane = lane_of(made, judges=[{"decay": np.float32(decay)} for decay in decays])
    state = train_lanes(network, made, [lane], shared_of(*table()))
    kept = [[value[0] for value in slot["kept"]] for slot in state["judged"]]
    assert all(slot["best_epoch"] == slot["needed"] == made.epochs for slot in state["judged"])
    return [value[0] for value in state["weights"]], kept


def fitted(kind: str, decay: float) -> list[np.ndarray]:
    start = sequential().get_weights()
    with precision(kind):
        optimizer = plainly(f"ema={decay}", "optimizer", keras.optimizers.Adam(0.01))
        model = compiled(sequential(), optimizer)
        model.set_weights(start)
        inputs, targets = table()
        # Keras cannot call `fit` again on an optimizer that averages weights.
        return fit(model, inputs.astype(kind), targets, orders(program_of(count=1)))


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_the_average_is_what_fit_ends_with(decay: float) -> None:
    last, (kept,) = judged((decay,), count=1)
    single, double = fitted("float32", decay), fitted("float64", decay)
    assert distance(kept, single) <= 10 * distance(single, double)
    assert distance(kept, last) > 1e-3


def test_it_goes_on_over_the_epochs() -> None:
    """With one step an epoch, shorter trainings show the weights after every step."""
    steps = [judged((0.5,), count=count, rows=BATCH)[0] for count in (1, 2, 3)]
    _, averages = judged(DECAYS, count=3, rows=BATCH)
    for decay, found in zip(DECAYS, averages, strict=True):
        expected = steps[0]
        for weights in steps[1:]:
            expected = [decay * a + (1 - decay) * w for a, w in zip(expected, weights, strict=True)]
        assert distance(found, expected) <= 1e-6
    assert distance(averages[0], steps[-1]) == 0  # decay 0 is the last weights


def test_an_optimizer_that_averages_itself_is_refused() -> None:
    model = compiled(sequential(), keras.optimizers.SGD(use_ema=True))
    with pytest.raises(UserError, match="use_ema=True") as caught:
        TECHNIQUE.check(model, {})
    assert caught.value.code == "optimizer-not-served"
