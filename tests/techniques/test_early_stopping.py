"""The lanes stop where Keras' own callback stops, and restore the weights that it restores."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.recipe import Recipe
from gengap.techniques.base import Monitored
from gengap.techniques.early_stopping import TECHNIQUE
from lanes.cases import (
    compiled,
    distance,
    lane_of,
    network_of,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)

EPOCHS = 30
#: Sums and differences of these are exact in 32 bits: no tie is broken by rounding.
EXACT = 1 / 64


def keras_stops(
    curve: list[float], patience: int, min_delta: float, monitor: str
) -> tuple[int, int]:
    """Drive the callback of the plain form with a curve; return the epoch restored and the last.

    The model that it watches has one weight, the number of the epoch.
    """
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    strengths = {"patience": float(patience), "min_delta": min_delta}
    (source,) = TECHNIQUE.plain_keras(strengths, {"monitor": monitor}).callbacks
    callback = eval(source, {"keras": keras})
    callback.set_model(model)
    callback.on_train_begin()
    model.stop_training = False
    quantity = {"loss": "val_loss", "metric": "val_metric"}[monitor]
    last = 0
    for epoch, value in enumerate(curve):
        last = epoch + 1
        model.set_weights([np.full((1, 1), float(last))])
        callback.on_epoch_end(epoch, {quantity: value})
        if model.stop_training:
            break
    callback.on_train_end()
    return int(model.get_weights()[0].item()), last


def lane_stops(
    curve: list[float], patience: int, min_delta: float, monitor: str
) -> tuple[int, int]:
    """Drive the judgement with a curve; return the best epoch and the last that was needed."""
    hooks = TECHNIQUE.hooks({"monitor": monitor})
    values = {"patience": np.float32(patience), "min_delta": np.float32(min_delta)}
    state, best, other = hooks.judgement_start(), 0, np.float32(0.5)
    for epoch, value in enumerate(map(np.float32, curve), start=1):
        seen = {"loss": other, "metric": other, monitor: value}
        state, improved, done = hooks.judgement(values, state, Monitored(**seen))
        best = epoch if improved else best
        if done:
            return best, epoch
    return best, len(curve)


@pytest.mark.parametrize("monitor", ["loss", "metric"])
@given(
    curve=st.lists(st.integers(0, 12), min_size=1, max_size=25),
    patience=st.integers(1, 5),
    min_delta=st.integers(0, 3),
)
def test_any_curve_ends_where_the_callback_ends(
    monitor: str, curve: list[int], patience: int, min_delta: int
) -> None:
    scores = [value * EXACT for value in curve]
    expected = keras_stops(scores, patience, min_delta * EXACT, monitor)
    assert lane_stops(scores, patience, min_delta * EXACT, monitor) == expected


@pytest.mark.parametrize("monitor", ["loss", "metric"])
@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (2, 0.015), (40, 0.0)])
def test_a_lane_ends_where_the_callback_ends(monitor: str, patience: int, min_delta: float) -> None:
    text = f"early_stopping(patience={patience}, min_delta={min_delta}, monitor={monitor})"
    network = network_of(compiled(sequential(), keras.optimizers.SGD(2.0)))
    state = trained(network, EPOCHS, judge=text)
    (judged,) = state["judged"]
    best, needed = int(judged["best_epoch"][0]), int(judged["needed"][0])

    # Columns of a lane's curves: the loss and the accuracy on validation rows come last.
    loss, accuracy = np.moveaxis(state["curves"][0][:, 2:], 1, 0)
    curve = [float(v) for v in (loss if monitor == "loss" else 1 - accuracy)]
    assert (best, needed) == keras_stops(curve, patience, min_delta, monitor)
    assert needed == EPOCHS if patience == 40 else needed < EPOCHS

    then = trained(network, best)
    restored = [value[0] for value in judged["weights"]]
    assert distance(restored, [value[0] for value in then["weights"]]) <= 1e-6
    if best < EPOCHS:
        assert distance(restored, [value[0] for value in state["weights"]]) > 1e-3


def trained(network: Any, count: int, judge: str | None = None) -> dict[str, Any]:
    """Train one lane for some epochs, with or without a judgement."""
    judges = [] if judge is None else [judge]
    program = program_of(count=count, judges=judges)
    values = [
        {
            name: np.float32(value)
            for name, value in Recipe.parse(text).values()[TECHNIQUE.name].items()
        }
        for text in judges
    ]
    lanes = [lane_of(program, judges=values)]
    return train_lanes(network, program, lanes, shared_of(*table()))
