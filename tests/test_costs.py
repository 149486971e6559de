"""What a lane's step takes of the memory, and what takes time besides lanes."""

from __future__ import annotations

import jax
import keras
import pytest

from gengap.costs import REPORT_SECONDS, Besides, footprint_of, preparing_seconds, scoring_seconds
from gengap.lanes.program import Program


def test_preparing_goes_with_the_cells_and_a_part_of_it_with_the_folds() -> None:
    assert preparing_seconds(0, folds=10) == 0
    once = preparing_seconds(10**8, folds=1)
    assert preparing_seconds(2 * 10**8, folds=1) == pytest.approx(2 * once)
    assert once < preparing_seconds(10**8, folds=10) < 5 * once


def test_scoring_goes_with_trials_and_rows() -> None:
    once = scoring_seconds(1, 10**6, outputs=2, seconds_of_row=1e-6, devices=1)
    assert scoring_seconds(30, 10**6, 2, 1e-6, 1) == pytest.approx(30 * once)
    assert scoring_seconds(1, 3 * 10**6, 2, 1e-6, 1) == pytest.approx(3 * once)
    # More devices read out faster; the host scores alone.
    many = scoring_seconds(1, 10**6, 2, 1e-6, devices=10**9)
    assert 0 < many < once
    assert scoring_seconds(1, 10**6, 4, 1e-6, devices=10**9) == pytest.approx(2 * many)


def test_what_comes_besides_is_said() -> None:
    besides = Besides(preparing=28.4, scoring=65, refit=5)
    assert besides.seconds == pytest.approx(28.4 + 65 + 5 + REPORT_SECONDS)
    assert besides.explain() == (
        "besides about 28 s for reading, auditing and preparing the rows, 1 min 5 s for scoring, "
        "at most 5 s for the training on all rows, and 3 s for the report"
    )


def test_a_step_keeps_what_the_gradient_needs_of_every_row() -> None:
    def kept(batch_size: int, *layers: keras.layers.Layer) -> int:
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        program = Program((), (), 64, 1, batch_size, "regression")
        return footprint_of(model, program, rows=64, outputs=1).step_bytes

    dense = (keras.Input((5,)), keras.layers.Dense(7, activation="relu"))
    # At least the inputs of both layers, in 32 bits.
    assert kept(8, *dense) >= 8 * (5 + 7) * 4
    assert kept(16, *dense) == 2 * kept(8, *dense)
    # A recurrent layer keeps four gates of every time step.
    assert kept(8, keras.Input((30, 5)), keras.layers.LSTM(7)) >= 8 * 30 * 4 * 7 * 4


def test_lanes_that_take_turns_keep_nothing_for_each_other() -> None:
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    program = Program((), (), 64, 1, 8, "regression")
    kept = footprint_of(model, program, rows=64, outputs=1).step_bytes
    # Only on CPUs do lanes of convolutions take turns.
    assert (kept == 0) == (jax.default_backend() == "cpu")
