"""How fast this machine is, and what a plan says of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import gengap
from gengap import pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Let rounds of the small training take these seconds, one after the other."""
    rounds: list[float] = []
    read = itertools.chain.from_iterable((0.0, taken) for taken in rounds)
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=lambda: next(read)))
    yield rounds
    assert next(read, None) is None, "fewer rounds than expected"


def test_the_shortest_round_counts_and_compiling_does_not(clock: list[float]) -> None:
    least = 3 * pace.REFERENCE_SECONDS
    clock += [0.1 * least, *(least + one for one in range(pace.ROUNDS))]
    assert pace.slowness(1) == pytest.approx(3)


@pytest.mark.parametrize("devices", [1, 2])
def test_all_devices_that_train_are_timed_at_once(devices: int) -> None:
    trained = pace.small_training(devices)()
    for leaf in jax.tree.leaves(trained):
        assert leaf.sharding.device_set == set(jax.devices()[:devices])
        assert len(leaf) == devices
        np.testing.assert_array_equal(leaf[0], leaf[-1])
    assert pace.slowness(devices) > 0


def test_devices_that_are_no_cores_are_not_timed(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "lanes_on_host", lambda: False)
    assert pace.slowness(1) == 1


def test_a_study_announces_its_seconds_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "slowness", lambda devices: 100.0 * devices)
    plan = gengap.compare("sklearn:iris", techniques="l2", folds=3, devices=1, dry_run=True).plan
    assert plan.slowness == 100
    assert plan.seconds == 100 * plan.nominal_seconds
