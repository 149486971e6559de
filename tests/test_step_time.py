"""How long a step takes, and what techniques add to it."""

from __future__ import annotations

import keras
import pytest

from gengap.step_time import StepTime, kept_bytes, step_time
from gengap.techniques.discovery import find_technique


def convolutional(side: int, filters: int = 8) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((side, side, 1)),
            keras.layers.Conv2D(filters, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )


def dense(columns: int) -> keras.Model:
    return keras.Sequential(
        [keras.Input((columns,)), keras.layers.Dense(32), keras.layers.Dense(1)]
    )


def test_convolutions_also_take_the_time_of_what_they_keep() -> None:
    small, large = (step_time(convolutional(side), 32) for side in (12, 48))
    assert small.convolves
    assert large.image_seconds == pytest.approx(16 * small.image_seconds)
    assert large.seconds > 10 * small.seconds
    flat = step_time(dense(144), 32)
    assert not flat.convolves
    assert flat.image_seconds == 0
    assert flat.seconds < small.seconds


def test_rows_are_kept_each() -> None:
    network = convolutional(12)
    assert kept_bytes(network, 64) == 2 * kept_bytes(network, 32)
    # At least what the convolution makes, in 32 bits.
    assert kept_bytes(network, 32) >= 32 * 10 * 10 * 8 * 4


def test_masks_of_activations_cost_more_where_a_network_convolves() -> None:
    dropout, decay = find_technique("dropout"), find_technique("weight_decay")
    flat, deep = StepTime(1.0), StepTime(1.0, convolves=True, image_seconds=1.0)
    assert flat.added(dropout) == dropout.cost < deep.added(dropout)
    assert deep.added(decay) < flat.added(decay)


def test_what_changes_pixels_costs_the_same_before_any_network() -> None:
    shift = find_technique("random_shift")
    quick, slow = StepTime(1e-5, image_seconds=1e-3), StepTime(1e-2, image_seconds=1e-3)
    assert quick.added(shift) == slow.added(shift) == 1e-3 * shift.cost


def test_grey_images_may_lack_the_axis_of_channels() -> None:
    def taken(*shape: int) -> StepTime:
        flat = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)]
        return step_time(keras.Sequential(flat), 32)

    assert taken(12, 12).image_seconds == taken(12, 12, 1).image_seconds > 0


def test_layers_that_a_technique_inserts_are_part_of_the_step() -> None:
    plain = StepTime(2.0)
    normalized = plain.with_techniques(["batch_norm"])
    assert normalized.seconds == pytest.approx(2 * (1 + find_technique("batch_norm").cost))
    assert plain.with_techniques([]) == plain
