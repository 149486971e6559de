"""Weights at the ends of equal parts of the training predict together, in lanes and in Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from gengap.errors import UserError
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.initial import initial_values
from gengap.lanes.layout import Layout
from gengap.lanes.network import lane_network
from gengap.lanes.program import Run
from gengap.lanes.reading import read_lanes
from gengap.recipe import Part, Recipe
from gengap.techniques.base import Moment
from gengap.techniques.snapshot_ensemble import TECHNIQUE
from lanes.cases import (
    BATCH,
    COLUMNS,
    compiled,
    distance,
    lane_of,
    network_of,
    program_of,
    sequential,
    shared_of,
    study_of,
    table,
)
from lanes.cases import (
    train_lanes as train,
)

OPTIONS = {"members": "3"}
KEEP = TECHNIQUE.hooks(OPTIONS).keep
THREE = "snapshot_ensemble(members=3)"


@pytest.mark.parametrize(
    ("epochs", "taken"), [(3, [1, 2, 3]), (9, [3, 6, 9]), (10, [3, 6, 10]), (2, [1, 2]), (1, [1])]
)
def test_the_last_epoch_of_every_part_is_kept(epochs: int, taken: list[int]) -> None:
    kept = KEEP.start([np.zeros(1, np.float32)], [np.zeros((), np.int32)])
    for epoch in range(1, epochs + 1):
        moment = Moment(np.int32(7 * epoch - 1), 7, epochs)
        kept = KEEP.update({}, kept, [np.float32([epoch])], [np.int32(-epoch)], moment)
    members = KEEP.members(kept, [])
    assert [int(weights[0][0]) for weights, _ in members] == taken
    assert [int(others[0]) for _, others in members] == [-epoch for epoch in taken]


def test_a_lane_keeps_what_shorter_trainings_end_with() -> None:
    network = network_of(compiled(sequential(batch_norm=True), keras.optimizers.Adam(0.01)))
    shared = shared_of(*table())

    def trained(count: int, judges: list[str]) -> dict[str, Any]:
        program = program_of(count=count, judges=judges)
        return train(network, program, [lane_of(program, judges=[{}] * len(judges))], shared)

    (judged,) = trained(6, [THREE])["judged"]
    kept = {
        "weights": [value[0] for value in judged["kept"]["weights"]],
        "others": [value[0] for value in judged["kept"]["others"]],
        "taken": judged["kept"]["taken"][0],
    }
    for (weights, others), epochs in zip(KEEP.members(kept, []), (2, 4, 6), strict=True):
        alone = trained(epochs, [])
        assert distance(weights, [value[0] for value in alone["weights"]]) <= 1e-6
        assert distance(others, [value[0] for value in alone["others"]]) <= 1e-6


def network(head: str) -> tuple[Any, Any]:
    """Return a network with outputs of some kind, and data for it."""
    softmax, units, classes = head == "softmax", 1 if head == "one logit" else 3, 3
    loss: Any = "sparse_categorical_crossentropy"
    if head == "logits":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    elif head == "one logit":
        loss, classes = keras.losses.BinaryCrossentropy(from_logits=True), 2
    elif head == "values":
        loss, units, classes = "mse", 1, 0
    keras.utils.set_random_seed(1)
    out = keras.layers.Dense(units, "softmax" if softmax else None)
    hidden = keras.layers.Dense(8, "relu")
    model = keras.Sequential([keras.Input((COLUMNS,)), hidden, out])
    model.compile(keras.optimizers.Adam(0.02), loss)
    task = "classification" if classes else "regression"
    lanes = lane_network(model, sample_shape=(COLUMNS,), task=task, classes=classes)
    return lanes, study_of(folds=3, classes=classes)


@pytest.mark.parametrize("head", ["softmax", "logits", "one logit", "values"])
def test_what_is_scored_is_the_mean_of_what_the_members_predict(head: str) -> None:
    lanes, data = network(head)
    task = "regression" if head == "values" else "classification"
    program = program_of(count=6, judges=[THREE], rows=min(len(s.training) for s in data.splits))
    program = replace(program, task=task)
    layout = Layout(width=2, groups=1, chunk=4, readers=2, devices=1)
    built = compile_program(lanes, program, data, layout, starts=3)
    shared = on_devices(data, layout)
    initial = {seed: initial_values(lanes.model, seed) for seed in range(3)}
    runs = [Run(Recipe(), fold, fold, (None, Part.parse(THREE))) for fold in range(3)]
    ended = list(train_lanes(built, runs, data, shared, initial))

    def read(some: Any) -> list[Any]:
        return [records for read in read_lanes(built, some, data, shared) for records in read]

    together = read(ended)
    # Members by themselves, as if each were all that a judgement chose.
    alone = read(
        [
            tuple(
                replace(
                    run,
                    judged=tuple(
                        replace(run.judged[1], weights=weights, others=others, further=())
                        for weights, others in run.judged[1].members
                    ),
                )
                for run in some
            )
            for some in ended
        ]
    )
    for trained, parts in zip(together, alone, strict=True):
        last, judged = trained.records
        predictions = np.mean([part.predictions for part in parts.records], axis=0)
        np.testing.assert_allclose(judged.predictions, predictions, rtol=1e-4, atol=1e-5)
        assert np.abs(judged.predictions - last.predictions).max() > 1e-3
        assert len(parts.records) == 3
        targets = data.targets
        if task == "classification":
            losses = -np.log(predictions[np.arange(len(targets)), targets])
        else:
            split = trained.run.split
            scale, shift = (data.folds[n][split] for n in ("target_scale", "target_shift"))
            carried = (predictions - data.target_offset) / data.target_unit
            losses = ((carried - targets) / scale) ** 2
            assert shift == pytest.approx(np.mean(targets[data.splits[split].training]), abs=1e-5)
        np.testing.assert_allclose(judged.losses, losses, rtol=1e-3, atol=1e-5)
        norms = [part.weight_norm for part in parts.records]
        assert judged.weight_norm == pytest.approx(np.mean(norms), rel=1e-5)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear"])
def test_the_plain_form_predicts_with_the_mean(activation: str) -> None:
    plain = TECHNIQUE.plain_keras({}, OPTIONS)
    scope: dict[str, Any] = {"keras": keras, "np": np}
    exec(plain.definitions, scope)
    (callback,) = plain.callbacks
    units = 1 if activation == "sigmoid" else 3
    model = keras.Sequential([keras.Input((COLUMNS,)), keras.layers.Dense(units)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    inputs, _ = table()
    targets = inputs[:, :units]
    seen = []
    after = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    callbacks = [eval(f"({callback})", scope), after]
    model.fit(inputs, targets, BATCH, 6, verbose=0, callbacks=callbacks)
    names = {"network": "model", "activation": f'"{activation}"'}
    predictor = eval(plain.trained.format(**names), scope | {"model": model})
    outputs = []
    for weights in (seen[1], seen[3], seen[5]):
        model.set_weights(weights)
        outputs.append(keras.activations.get(activation)(model.predict(inputs, verbose=0)))
    found = predictor.predict(inputs, verbose=0)
    found = keras.activations.get(activation)(found)
    np.testing.assert_allclose(found, np.mean(outputs, axis=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_logits_of_a_plain_ensemble_are_finite(activation: str) -> None:
    model = keras.Sequential([keras.Input((COLUMNS,)), keras.layers.Dense(2)])
    scope: dict[str, Any] = {"keras": keras, "np": np}
    exec(TECHNIQUE.plain_keras({}, {"members": "3"}).definitions, scope)
    snapshots = scope["Snapshots"](3)
    snapshots.kept = {0: [1000 * weight for weight in model.get_weights()]}
    found = scope["Ensemble"](model, snapshots, activation).predict(table()[0], verbose=0)
    assert np.isfinite(found).all()


def test_an_optimizer_that_averages_itself_is_refused() -> None:
    model = compiled(sequential(), keras.optimizers.SGD(use_ema=True))
    with pytest.raises(UserError, match="snapshot_ensemble averages weights"):
        TECHNIQUE.check(model, OPTIONS)
