"""A lane's result does not depend on where it is, nor on what trains beside it."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

from lanes.cases import (
    compiled,
    lane_of,
    network_of,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)

WIDTH = 8
RECIPES = ("l2=0.01", "dropout=0.3", "l1=0.001", "label_smoothing=0.1", "weight_decay=0.1")
JUDGES = ("early_stopping(patience=2, min_delta=0)",)


def lane(program: Any, recipe: str, seed: int) -> Any:
    judge = {"patience": np.float32(2), "min_delta": np.float32(0)}
    return lane_of(program, recipe, seed=seed, judges=[judge])


def bits(state: dict[str, Any], index: int) -> list[bytes]:
    return [np.asarray(leaf[index]).tobytes() for leaf in jax.tree.leaves(state)]


@pytest.fixture(scope="module")
def setting() -> tuple[Any, Any, Any]:
    network = network_of(compiled(sequential(batch_norm=True), keras.optimizers.Adam(0.01)))
    return network, program_of(RECIPES, count=4, judges=JUDGES), shared_of(*table())


@pytest.mark.parametrize("recipe", ["baseline", *RECIPES])
def test_position_and_neighbors_change_no_bit(setting: Any, recipe: str) -> None:
    network, program, shared = setting
    one = lane(program, recipe, seed=7)
    others = [lane(program, RECIPES[i % len(RECIPES)], seed=i) for i in range(WIDTH - 1)]
    alike = train_lanes(network, program, [one] * WIDTH, shared, seeds=[7] * WIDTH)
    for position in (0, 3, WIDTH - 1):
        lanes = [*others[:position], one, *others[position:]]
        seeds = [*range(position), 7, *range(position, WIDTH - 1)]
        mixed = train_lanes(network, program, lanes, shared, seeds=seeds)
        assert bits(mixed, position) == bits(alike, 0)


def test_a_diverging_neighbor_changes_no_bit(setting: Any) -> None:
    network, program, shared = setting
    one = lane(program, "dropout=0.3", seed=7)
    wild = lane(program, "l2=10.0", seed=3)
    wild["values"]["l2"]["strength"] = np.float32(1e38)
    alike = train_lanes(network, program, [one] * WIDTH, shared)
    mixed = train_lanes(network, program, [wild, wild, one, *[wild] * (WIDTH - 3)], shared)
    assert mixed["diverged_in"][0] > 0
    assert mixed["diverged_in"][2] == 0
    assert bits(mixed, 2) == bits(alike, 0)


def test_lanes_of_one_seed_share_weights_and_batch_order(setting: Any) -> None:
    network, program, shared = setting
    lanes = [lane(program, "baseline", seed=5), lane(program, "baseline", seed=5)]
    lanes += [lane(program, "baseline", seed=6)]
    state = train_lanes(network, program, lanes, shared, seeds=[5, 5, 6])
    assert bits(state, 0) == bits(state, 1)
    assert bits(state, 0) != bits(state, 2)
