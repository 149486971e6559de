"""What changes a batch acts in one order: a row alone, erasing, mixing, smoothing, then noise."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.programs import steps_of
from gengap.random_bits import fold_in, named
from gengap.random_bits import key as seed_key
from gengap.recipe import Recipe
from gengap.techniques.base import Batch, Targets, Technique
from lanes.cases import (
    BATCH,
    CLASSES,
    COLUMNS,
    compiled,
    distance,
    lane_of,
    network_of,
    orders,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)
from techniques.by_hand import CLOSE, RATE, batch, start, stepped
from techniques.forms import CATALOGUE

ERASING = {"cutout", "random_erasing", "time_masking"}
MIXING = {"mixup", "cutmix"}
OF_BATCHES = {
    name: technique
    for name, technique in CATALOGUE.items()
    if technique.hooks(technique.forms()[0]).batch is not None
}


def place(technique: Technique) -> int:
    """Return the place of what a technique does in the order of a step."""
    if technique.family == "noise":
        return 4
    if technique.family == "targets":
        return 3
    if technique.name in MIXING:
        return 2
    assert technique.family == "augmentation"
    return 1 if technique.name in ERASING else 0


def pairs() -> list[tuple[str, str]]:
    """Return all pairs that can stand in one recipe, whatever is written first."""
    return [
        (first, second)
        for first, second in itertools.permutations(OF_BATCHES, 2)
        if place(OF_BATCHES[first]) < place(OF_BATCHES[second])
        and set(OF_BATCHES[first].modalities) & set(OF_BATCHES[second].modalities)
    ]


@pytest.mark.parametrize(("first", "second"), pairs())
def test_of_a_pair_the_earlier_kind_acts_first(first: str, second: str) -> None:
    for text in (f"{first} + {second}", f"{second} + {first}"):
        acting = [asked.technique for asked in steps_of([Recipe.parse(text)])]
        assert acting == [first, second]


def test_every_place_is_taken() -> None:
    assert {place(technique) for technique in OF_BATCHES.values()} == set(range(5))


def test_hooks_follow_each_other_in_a_step() -> None:
    """A step of many together is one on the batch that they make, each of the one before it."""
    recipe = "gaussian_noise=0.3 + label_smoothing=0.2 + mixup=0.4 + cutout=0.25"
    recipe += " + input_dropout=0.1"
    network = network_of(compiled(sequential(), keras.optimizers.SGD(RATE)))
    program = program_of([recipe], count=1, rows=BATCH)
    weights = np.linspace(0.5, 2, 100).astype(np.float32)
    shared = {**shared_of(*table()), "row_weights": weights}
    state = train_lanes(network, program, [lane_of(program, recipe)], shared)

    inputs, codes = batch()
    (order,) = orders(program)
    whole = Batch(
        jnp.asarray(inputs),
        Targets(
            jnp.asarray(codes)[None],
            jnp.ones(1),
            jnp.asarray(weights[order])[None],
            jnp.tile(jnp.arange(CLASSES)[:, None], (1, BATCH)),
        ),
        columns=jnp.arange(COLUMNS),
    )
    given = Recipe.parse(recipe).values()
    key = fold_in(named(jnp.asarray(seed_key(0)), "steps"), 0)
    for name in ("cutout", "mixup", "label_smoothing", "input_dropout", "gaussian_noise"):
        values = {strength: jnp.float32(value) for strength, value in given[name].items()}
        whole = CATALOGUE[name].hooks({}).batch(values, named(key, name), whole)

    def loss(weights: Any) -> Any:
        hidden = jnp.maximum(whole.inputs @ weights[0] + weights[1], 0)
        logs = jax.nn.log_softmax(hidden @ weights[2] + weights[3])
        of_rows = -logs[jnp.arange(BATCH), whole.targets.values]
        return jnp.sum(whole.targets.weights @ (whole.targets.row_weights * of_rows)) / BATCH

    assert len(whole.targets.weights) == 2 + 2 * CLASSES
    found = [value[0] for value in state["weights"]]
    assert distance(found, stepped(jax.grad(loss)(start()))) <= CLOSE
