"""Continuous batching: a run that ends leaves its lane, and the next one that waits moves in.

The host looks at the lanes after every chunk of epochs. What a lane computes depends neither on
where it is nor on what trains beside it, so that runs can come and go. An interrupt waits for that
look: what has ended by then is not lost.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gengap.interrupts import Interrupts
from gengap.lanes.compiled import Compiled
from gengap.lanes.data import StudyData
from gengap.lanes.ending import Ended, ended_runs
from gengap.lanes.filling import empty_record, lane_record, slots_of
from gengap.lanes.initial import Initial
from gengap.lanes.loop import batch_order
from gengap.lanes.program import Run
from gengap.lanes.slots import Occupant, Slots
from gengap.lanes.statistics import with_own_statistics

__all__ = ["train_lanes"]

Tree = Any

#: Bytes of batch orders that are kept for the next run of the same fold.
KEPT_ORDER_BYTES = 64_000_000


def train_lanes(
    compiled: Compiled,
    runs: Sequence[Run],
    data: StudyData,
    shared: Tree,
    initial: Mapping[int, Initial],
    *,
    on_epochs: Callable[[int], None] = lambda epochs: None,
    interrupts: Interrupts | None = None,
    epoch_seconds: float = 0.0,
) -> Iterator[tuple[Ended, ...]]:
    """Train runs in the lanes of a program.

    Parameters
    ----------
    compiled : Compiled
    runs : sequence of Run
        Taken in this order.
    data : StudyData
    shared : tree of array
        The same, as `gengap.lanes.compiled.on_devices` puts it on the devices.
    initial : mapping of int to Initial
        By the runs' seeds.
    on_epochs : callable
        Told how many epochs were trained, over all lanes, whenever the host looks.
    interrupts : Interrupts, optional
        Where one waits, no further chunk is trained.
    epoch_seconds : float
        Estimate of an epoch of a group of lanes, until one was measured.

    Yields
    ------
    tuple of Ended
        The runs that ended in a chunk.
    """
    program, layout = compiled.program, compiled.layout
    slots = Slots([Occupant(run, slots_of(program, run)) for run in runs], layout)
    record = _Records(compiled, len(slots))
    starts = _Starts(compiled, initial)
    order_of = _order_drawer(data, program.rows)
    advance = compiled.advance
    state = compiled.empty_state()
    interrupts = interrupts or Interrupts()
    while not interrupts.pending:
        restart = np.zeros(len(slots), bool)
        admitted = slots.admit()
        if admitted:
            restart[admitted] = True
            living = dict(slots.live())
            starts.provide({living[lane].run.seed for lane in admitted})
            for lane in admitted:
                record.write(lane, living[lane], starts.place(living[lane].run.seed))
        else:
            source = slots.compact()
            if source is not None:
                state = _moved(compiled, state, source)
                record.move(source)
        live = list(slots.live())
        if not live:
            return
        count = min(layout.chunk, *(program.epochs - occupant.epoch for _, occupant in live))
        orders = np.zeros((len(slots), layout.chunk, program.rows), np.int32)
        for lane, occupant in live:
            for i in range(count):
                orders[lane, i] = order_of(
                    occupant.run.seed, occupant.run.split, occupant.epoch + i
                )
        groups = slots.live_groups()
        in_turn = count * int(groups.max())
        began = time.perf_counter()
        state, signals = advance(
            state,
            record.on_devices(),
            *compiled.by_lane((_grouped(compiled, restart), groups, _grouped(compiled, orders))),
            starts.on_devices(),
            shared,
            np.int32(count),
        )
        interrupts.wait(signals.is_ready, in_turn * epoch_seconds)
        seen = np.asarray(signals).reshape(len(slots), -1)
        seconds = time.perf_counter() - began
        epoch_seconds = seconds / in_turn
        for _, occupant in live:
            occupant.epoch += count
            occupant.seconds += seconds / len(live)
        on_epochs(count * len(live))
        finished = _finished(live, seen, program.epochs)
        if finished:
            ended = ended_runs(compiled, state, seen, finished)
            yield with_own_statistics(compiled, ended, shared, order_of, interrupts)
            for lane, _ in finished:
                slots.release(lane)


def _finished(
    live: Sequence[tuple[int, Occupant]], signals: np.ndarray, epochs: int
) -> list[tuple[int, Occupant]]:
    """Return the lanes that need no further epoch."""

    def is_finished(lane: int, occupant: Occupant) -> bool:
        epoch, diverged_in, *done = signals[lane]
        complete = all(slot is not None and done[slot] for slot in occupant.slots)
        return bool(epoch >= epochs or diverged_in > 0 or complete)

    return [(lane, occupant) for lane, occupant in live if is_finished(lane, occupant)]


def _moved(compiled: Compiled, state: Tree, source: np.ndarray) -> Tree:
    """Let every lane go on with the state of another."""

    def moved(leaf: Any) -> Any:
        found = np.asarray(leaf)
        flat = found.reshape(-1, *found.shape[2:])
        return flat[source].reshape(found.shape)

    return compiled.by_lane(jax.tree.map(moved, state))


def _grouped(compiled: Compiled, lanes: Any) -> Any:
    shape = compiled.layout.shape
    return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), lanes)


def _order_drawer(data: StudyData, rows: int) -> Callable[[int, int, int], np.ndarray]:
    """Return what draws batch orders; lanes of one fold want the same ones, at various times."""

    @functools.lru_cache(maxsize=max(1, KEPT_ORDER_BYTES // (4 * rows)))
    def order(seed: int, split: int, epoch: int) -> np.ndarray:
        return batch_order(seed, epoch, data.splits[split].training, rows)

    return order


class _Records:
    """What each lane carries of its run, on the host and, when it has changed, on the devices."""

    def __init__(self, compiled: Compiled, lanes: int) -> None:
        self._compiled = compiled
        one = empty_record(compiled.program)
        self._lanes = jax.tree.map(lambda leaf: np.stack([leaf] * lanes), one)
        self._put: Tree = None

    def write(self, lane: int, occupant: Occupant, start: int) -> None:
        record = lane_record(self._compiled.program, occupant.run, occupant.slots, start)

        def assign(leaves: Any, value: Any) -> None:
            leaves[lane] = value

        jax.tree.map(assign, self._lanes, record)
        self._put = None

    def move(self, source: np.ndarray) -> None:
        self._lanes = jax.tree.map(lambda leaf: leaf[source], self._lanes)
        self._put = None

    def on_devices(self) -> Tree:
        if self._put is None:
            self._put = self._compiled.by_lane(_grouped(self._compiled, self._lanes))
        return self._put


class _Starts:
    """Initial values of as many runs as may begin at once, on the devices.

    Runs come fold by fold and share the values of their fold: a table of a few serves them all.
    """

    def __init__(self, compiled: Compiled, initial: Mapping[int, Initial]) -> None:
        self._compiled = compiled
        self._initial = initial
        self._seeds: list[int] = []
        self._slots = compiled.everywhere(compiled.network.slots_at_start())
        self._put: Tree = None

    def provide(self, seeds: set[int]) -> None:
        """Make room for some seeds; those that are no longer asked for leave."""
        new = [seed for seed in sorted(seeds) if seed not in self._seeds]
        if not new:
            return
        places = self._compiled.starts
        kept = [seed for seed in self._seeds if seed in seeds]
        kept += [seed for seed in self._seeds if seed not in seeds]
        self._seeds = [*kept[: places - len(new)], *new]
        # A table that is not full yet repeats its first entry.
        padded = [*self._seeds, *self._seeds[:1] * (places - len(self._seeds))]
        values = [
            {"weights": list(initial.weights), "others": list(initial.others)}
            for initial in (self._initial[seed] for seed in padded)
        ]
        table = jax.tree.map(lambda *leaves: np.stack(leaves), *values)
        self._put = self._compiled.everywhere(table)

    def place(self, seed: int) -> int:
        return self._seeds.index(seed)

    def on_devices(self) -> Tree:
        return {**self._put, "slots": self._slots}
