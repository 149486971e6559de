"""The mean of the last epochs' weights has statistics of its own, as with a callback of `fit`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.errors import UserError
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.initial import initial_values
from gengap.lanes.layout import Layout
from gengap.lanes.program import Run
from gengap.lanes.statistics import measured
from gengap.recipe import Part, Recipe
from gengap.techniques.base import Moment
from gengap.techniques.swa import TECHNIQUE
from lanes.cases import (
    BATCH,
    compiled,
    distance,
    jitted_epochs,
    lane_of,
    network_of,
    orders,
    precision,
    program_of,
    sequential,
    shared_of,
    started,
    study_of,
    table,
)

EPOCHS = 4
SWA = "swa=0.5"


@pytest.mark.parametrize(("start", "taken"), [(0.0, 4), (0.5, 2), (0.75, 1), (0.9, 1), (1.0, 1)])
def test_it_is_the_mean_of_the_last_epochs(start: float, taken: int) -> None:
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=(3, 2)).astype(np.float32) for _ in range(EPOCHS)]
    keep = TECHNIQUE.hooks({}).keep
    kept = keep.start([weights[0] * 9], [])
    for epoch, weight in enumerate(weights):
        moment = Moment(np.int32(7 * (epoch + 1) - 1), 7, EPOCHS)
        kept = keep.update({"start": np.float32(start)}, kept, [weight], [], moment)
    (((mean,), _),) = keep.members(kept, [])
    assert distance([mean], [np.mean(weights[-taken:], axis=0)]) <= 1e-6
    assert keep.stale(kept) == (taken > 1)
    if taken == 1:
        assert (np.asarray(mean) == weights[-1]).all()


def averaged_by_fit(kind: str) -> list[np.ndarray]:
    """Return all values of a network that is fitted with the plain form's callback."""
    start = sequential(batch_norm=True).get_weights()
    with precision(kind):
        model = compiled(sequential(batch_norm=True), keras.optimizers.Adam(0.01))
        model.set_weights(start)
        inputs, targets = table()
        (order,) = orders(program_of(count=1))
        inputs, targets = inputs[order].astype(kind), targets[order]
        plain = TECHNIQUE.plain_keras({"start": 0.5}, {})
        scope: dict[str, Any] = {"keras": keras, "inputs": inputs, "BATCH_SIZE": BATCH}
        exec(plain.definitions, scope)
        # In the order in which a lane measures.
        callbacks = [scope["WeightAveraging"](0.5, inputs, BATCH)]
        model.fit(inputs, targets, BATCH, EPOCHS, shuffle=False, verbose=0, callbacks=callbacks)
        assert model.layers[1].momentum == 0.9
        return [np.asarray(v.value, "float64") for v in (*model.weights,)]


def test_a_lane_ends_as_fit_does() -> None:
    model = compiled(sequential(batch_norm=True), keras.optimizers.Adam(0.01))
    network, program = network_of(model), program_of(count=EPOCHS, judges=[SWA])
    lane = lane_of(program, judges=[{"start": np.float32(0.5)}])
    (order,) = orders(program_of(count=1))
    shared = shared_of(*table())
    alone: Any = jax.tree.map(
        lambda leaf: np.asarray(leaf)[None], (started(network, program), lane)
    )
    same = np.stack([order] * EPOCHS)[None]
    state = jitted_epochs(network, program)(*alone, same, shared, jnp.asarray(EPOCHS, jnp.int32))
    mean = [value[0] for value in state["judged"][0]["kept"]["mean"]]
    before = [value[0] for value in state["others"]]
    others = jax.jit(measured(network, program))(mean, before, lane, order, shared)
    assert model.layers[1].momentum == 0.9

    values = dict(zip(map(id, model.trainable_variables), mean, strict=True))
    values |= dict(zip(map(id, model.non_trainable_variables), others, strict=True))
    found = [values[id(v)] for v in model.weights]
    single, double = averaged_by_fit("float32"), averaged_by_fit("float64")
    assert distance(found, single) <= 10 * distance(single, double)
    assert distance(before, others) > 1e-3


def test_a_plain_program_measures_statistics_on_shuffled_rows() -> None:
    generator = np.random.default_rng(0)
    inputs = np.sort(generator.normal(size=(400, 1)).astype(np.float32), axis=0)
    network = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization()])
    network.compile(keras.optimizers.SGD(0.0), "mse")
    plain = TECHNIQUE.plain_keras({"start": 0.0}, {})
    scope: dict[str, Any] = {"keras": keras, "BATCH_SIZE": 40}
    exec(plain.definitions, scope)
    shuffled = generator.permutation(inputs)
    callbacks = [eval(text, scope | {"shuffled": shuffled}) for text in plain.callbacks]
    network.fit(inputs, inputs, 40, 2, verbose=0, callbacks=callbacks)
    # A batch of neighbours would have about a hundredth of it.
    assert network.layers[0].moving_variance.numpy()[0] > 0.8 * inputs.var()


@pytest.fixture(scope="module")
def ended() -> Any:
    """Train a run through the batching of lanes, judged by its last epoch and by two averages."""
    data = study_of(folds=3)
    network = network_of(compiled(sequential(batch_norm=True), keras.optimizers.Adam(0.05)))
    program = program_of(["dropout=0.3"], count=EPOCHS, judges=[SWA, SWA])
    program = replace(program, rows=min(len(split.training) for split in data.splits))
    layout = Layout(width=2, groups=1, chunk=3, readers=2, devices=1)
    built = compile_program(network, program, data, layout, starts=3, reads=False)
    initial = {seed: initial_values(network.model, seed) for seed in range(3)}
    parts = (None, Part.parse(SWA), Part.parse("swa=1"))
    runs = [Run(Recipe.parse("dropout=0.3"), fold, fold, parts) for fold in range(3)]
    return [
        run
        for some in train_lanes(built, runs, data, on_devices(data, layout), initial)
        for run in some
    ]


def test_judged_weights_have_statistics_of_their_own(ended: Any) -> None:
    assert len(ended) == 3
    for run in ended:
        last, mean, neutral = run.judged
        assert distance(last.weights, neutral.weights) == 0
        assert distance(last.others, neutral.others) == 0
        assert distance(last.weights, mean.weights) > 1e-3
        assert distance(last.others, mean.others) > 1e-3
        assert not any(judged.stale or judged.diverged for judged in run.judged)
        assert [judged.best_epoch for judged in run.judged] == [EPOCHS] * 3
        (statistics,) = {len(judged.others) for judged in run.judged}
        assert statistics == 2


def test_an_optimizer_that_averages_itself_is_refused() -> None:
    model = compiled(sequential(), keras.optimizers.SGD(use_ema=True))
    with pytest.raises(UserError, match="swa averages weights"):
        TECHNIQUE.check(model, {})
