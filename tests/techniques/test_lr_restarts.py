"""The learning rate is that of Keras' schedule, under any optimizer and over its own schedule."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.techniques.base import Moment
from gengap.techniques.lr_restarts import TECHNIQUE
from lanes.cases import (
    compiled,
    distance,
    fitted_twice,
    lane_of,
    network_of,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)
from techniques.forms import plainly

STEPS, EPOCHS = 4, 30


def factors(cycles: int, growth: float, steps: int = STEPS, epochs: int = EPOCHS) -> np.ndarray:
    schedule = TECHNIQUE.hooks({}).schedule
    values = {"cycles": np.float32(cycles), "growth": np.float32(growth)}
    every = np.arange(steps * epochs, dtype=np.int32)
    return np.asarray(schedule(values, Moment(every, steps, epochs)))


def by_the_paper(cycles: int, growth: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return eq. 5 with a highest rate of 1 and a lowest of 0, and which steps come near a restart.

    Near one, rounding decides on which side a step is.
    """
    ends = np.cumsum(growth ** np.arange(cycles))
    ends = np.concatenate([[0.0], ends / ends[-1] * steps])
    every = np.arange(steps)
    number = np.searchsorted(ends, every + 1e-9, side="right") - 1
    start, end = ends[number], ends[number + 1]
    near = np.min(np.abs(every[:, None] - ends), axis=1) < 1e-3
    return (1 + np.cos(np.pi * (every - start) / (end - start))) / 2, near


@pytest.mark.parametrize("steps", [1_000, 120_000, 500_000])
@pytest.mark.parametrize("cycles", [1, 2, 5])
def test_long_cycles_end_calmly_and_restart_on_time(cycles: int, steps: int) -> None:
    schedule = TECHNIQUE.hooks({}).schedule
    values = {"cycles": np.float32(cycles), "growth": np.float32(1)}
    ends = np.arange(1, cycles + 1) * (steps // cycles)
    last = np.asarray(schedule(values, Moment(ends.astype(np.int32) - 1, steps // 100, 100)))
    assert (last < 1e-3).all()
    first = np.asarray(schedule(values, Moment(ends[:-1].astype(np.int32), steps // 100, 100)))
    assert (first == 1).all()


@given(
    cycles=st.integers(1, 8),
    growth=st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    epochs=st.integers(8, 200),
)
def test_the_factor_is_the_papers(cycles: int, growth: float, epochs: int) -> None:
    expected, near = by_the_paper(cycles, growth, STEPS * epochs)
    found = factors(cycles, growth, STEPS, epochs)
    assert np.abs(found - expected)[~near].max(initial=0) < 1e-3
    # A restart is never missed: at its very step the rate is high again.
    assert (found[0], found.min() >= 0, found.max() <= 1) == (1, True, True)


@pytest.mark.parametrize(("cycles", "growth"), [(1, 1.0), (3, 1.0), (4, 1.0), (2, 2.0), (4, 2.0)])
def test_restarts_are_where_they_belong(cycles: int, growth: float) -> None:
    found = factors(cycles, growth)
    expected, _ = by_the_paper(cycles, growth, STEPS * EPOCHS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (np.diff(found) > 0.5).sum() == cycles - 1
    share = sum(growth**number for number in range(cycles))
    keras_own = keras.optimizers.schedules.CosineDecayRestarts(1.0, STEPS * EPOCHS / share, growth)
    there = [float(keras_own(step)) for step in range(STEPS * EPOCHS)]
    np.testing.assert_allclose(found, there, atol=1e-5)


def test_no_cycles_change_no_bit() -> None:
    assert (factors(0, 1.0) == 1).all()
    assert (factors(0, 2.0) == 1).all()


OPTIMIZERS: dict[str, Any] = {
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "decayed": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.02, decay_steps=10)
    ),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_lane_trains_what_the_plain_form_trains(optimizer: str) -> None:
    recipe = "lr_restarts(cycles=2, growth=1)"
    program = program_of([recipe])
    network = network_of(compiled(sequential(), OPTIMIZERS[optimizer]()))
    lanes = [lane_of(program, recipe), lane_of(program)]
    state = train_lanes(network, program, lanes, shared_of(*table()))
    laned, without = ([value[lane] for value in state["weights"]] for lane in (0, 1))

    def build() -> keras.Model:
        given = OPTIMIZERS[optimizer]()
        scope = {"steps": program.steps, "EPOCHS": program.epochs}
        return compiled(sequential(), plainly(recipe, "optimizer", given, **scope))

    reference, rounding = fitted_twice(build, *table())
    assert distance(laned, reference) <= rounding
    assert distance(laned, without) > 100 * rounding
    # What the optimizer counts and keeps is not multiplied along.
    index = next(
        (i for i, v in enumerate(network.model.optimizer.variables) if v.name == "learning_rate"),
        None,
    )
    if index is not None:
        assert (state["slots"][index] == network.slots_at_start()[index]).all()
