"""Labels are smoothed alike in lanes and in plain Keras, whatever form the loss takes them in."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from gengap.errors import UserError
from gengap.lanes.network import lane_network
from gengap.techniques.discovery import find_technique
from lanes.cases import COLUMNS, distance, fitted_twice, lane_of, program_of, shared_of, table
from lanes.cases import train_lanes as train

RECIPE = "label_smoothing=0.2"
#: Classes, units and activation of the output, loss.
HEADS: dict[str, tuple[int, int, str, Any]] = {
    "codes of logits": (
        3, 3, "linear", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ),
    "one-hot": (3, 3, "softmax", "categorical_crossentropy"),
    "one-hot of logits": (3, 3, "linear", keras.losses.CategoricalCrossentropy(from_logits=True)),
    "one-hot function": (3, 3, "softmax", keras.losses.categorical_crossentropy),
    "one unit": (2, 1, "sigmoid", "binary_crossentropy"),
    "one logit": (2, 1, "linear", keras.losses.BinaryCrossentropy(from_logits=True)),
    "two units": (2, 2, "sigmoid", "binary_crossentropy"),
}  # fmt: skip


def model_of(head: str, *, smoothed: bool) -> keras.Model:
    _, units, activation, loss = HEADS[head]
    keras.utils.set_random_seed(3)
    hidden, out = keras.layers.Dense(8, "relu"), keras.layers.Dense(units, activation)
    model = keras.Sequential([keras.Input((COLUMNS,)), hidden, out])
    if smoothed:
        loss = plain_loss(loss)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def plain_loss(loss: Any) -> Any:
    plain = find_technique("label_smoothing").plain_keras({"smoothing": 0.2}, {})
    scope: dict[str, Any] = {"keras": keras}
    exec(plain.definitions, scope)
    return eval(plain.loss.format(loss="loss"), scope | {"loss": loss})


@pytest.mark.parametrize("head", HEADS)
def test_a_lane_trains_what_the_plain_form_trains(head: str) -> None:
    classes = HEADS[head][0]
    inputs, codes = table()
    codes = np.minimum(codes, classes - 1)
    network = lane_network(
        model_of(head, smoothed=False),
        sample_shape=(COLUMNS,),
        task="classification",
        classes=classes,
    )
    program = program_of([RECIPE])
    lanes = [lane_of(program, RECIPE), lane_of(program)]
    state = train(network, program, lanes, shared_of(inputs, codes))
    laned, without = ([value[lane] for value in state["weights"]] for lane in (0, 1))
    targets = network.head.targets.encode(codes)
    reference, rounding = fitted_twice(lambda: model_of(head, smoothed=True), inputs, targets)
    assert distance(laned, reference) <= rounding
    assert distance(laned, without) > 100 * rounding


def of_the_users_own(targets: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.square(targets - outputs), axis=-1)


@pytest.mark.parametrize("loss", ["mse", "categorical_focal_crossentropy", of_the_users_own])
def test_another_loss_is_refused(loss: Any) -> None:
    with pytest.raises(ValueError, match="cannot be smoothed"):
        plain_loss(loss)
    import gengap

    out = keras.layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "relu"), out])
    model.compile("adam", loss)
    with pytest.raises(UserError, match="label_smoothing is not defined for the loss") as caught:
        gengap.compare("sklearn:iris", None, model, "label_smoothing", dry_run=True)
    assert caught.value.code == "loss-not-served"
