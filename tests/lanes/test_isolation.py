"""A lane's result does not depend on where it is, nor on what trains beside it."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import keras
import numpy as np
import pytest

from gengap.recipe import Recipe
from lanes.cases import (
    NETWORKS,
    compiled,
    lane_of,
    network_of,
    program_of,
    rows_of,
    sequential,
    shared_of,
    train_lanes,
)
from techniques.forms import FORMS, IN_STEP, JUDGES, filled, served

WIDTH = 8
JUDGED_BY = [filled(form) for form in JUDGES]


def programs(kind: str, forms: list[str]) -> list[tuple[str, list[str]]]:
    """Return recipes that one program serves: a technique has one form in each."""
    found: list[dict[str, str]] = []
    for form in forms:
        name = FORMS[form][0].name
        place = next((p for p in found if name not in p), None)
        if place is None:
            found.append(place := {})
        place[name] = filled(form)
    return [(kind, list(recipes.values())) for recipes in found]


#: Every form once, on the first network that its technique serves.
PROGRAMS = [
    program
    for kind in NETWORKS
    for program in programs(kind, [form for form in IN_STEP if served(form)[0] == kind])
]
LANES = [(at, recipe) for at, (_, some) in enumerate(PROGRAMS) for recipe in ("baseline", *some)]


def lane(program: Any, recipe: str, seed: int) -> Any:
    judges = [
        {name: np.float32(value) for name, value in values.items()}
        for text in JUDGED_BY
        for values in Recipe.parse(text).values().values()
    ]
    return lane_of(program, recipe, seed=seed, judges=judges)


def bits(state: dict[str, Any], index: int) -> list[bytes]:
    return [np.asarray(leaf[index]).tobytes() for leaf in jax.tree.leaves(state)]


@functools.cache
def setting(at: int = 0) -> tuple[Any, Any, Any]:
    kind, recipes = PROGRAMS[at]
    model = sequential(batch_norm=True) if kind == "table" else NETWORKS[kind]()
    network = network_of(compiled(model, keras.optimizers.Adam(0.01)))
    shared = shared_of(*rows_of(model.input_shape[1:]))
    return network, program_of(recipes, count=4, judges=JUDGED_BY), shared


@pytest.mark.parametrize(("at", "recipe"), LANES)
def test_position_and_neighbors_change_no_bit(at: int, recipe: str) -> None:
    network, program, shared = setting(at)
    one = lane(program, recipe, seed=7)
    neighbors = itertools.cycle(PROGRAMS[at][1])
    others = [lane(program, next(neighbors), seed=i) for i in range(WIDTH - 1)]
    alike = train_lanes(network, program, [one] * WIDTH, shared, seeds=[7] * WIDTH)
    for position in range(WIDTH):
        lanes = [*others[:position], one, *others[position:]]
        seeds = [*range(position), 7, *range(position, WIDTH - 1)]
        mixed = train_lanes(network, program, lanes, shared, seeds=seeds)
        assert bits(mixed, position) == bits(alike, 0)


def test_every_form_of_every_technique_is_there() -> None:
    assert {recipe for _, recipe in LANES} == {"baseline", *map(filled, IN_STEP)}
    assert len(JUDGED_BY) >= 2


def test_a_diverging_neighbor_changes_no_bit() -> None:
    network, program, shared = setting()
    one = lane(program, "dropout=0.3", seed=7)
    wild = lane(program, "l2=10.0", seed=3)
    wild["values"]["l2"]["strength"] = np.float32(1e38)
    alike = train_lanes(network, program, [one] * WIDTH, shared)
    mixed = train_lanes(network, program, [wild, wild, one, *[wild] * (WIDTH - 3)], shared)
    assert mixed["diverged_in"][0] > 0
    assert mixed["diverged_in"][2] == 0
    assert bits(mixed, 2) == bits(alike, 0)


def test_lanes_of_one_seed_share_weights_and_batch_order() -> None:
    network, program, shared = setting()
    lanes = [lane(program, "baseline", seed=5), lane(program, "baseline", seed=5)]
    lanes += [lane(program, "baseline", seed=6)]
    state = train_lanes(network, program, lanes, shared, seeds=[5, 5, 6])
    assert bits(state, 0) == bits(state, 1)
    assert bits(state, 0) != bits(state, 2)
