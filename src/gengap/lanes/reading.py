"""Trained weights are read out, as many at once as the layout says."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from gengap.interrupts import Interrupts
from gengap.lanes.compiled import Compiled
from gengap.lanes.data import StudyData
from gengap.lanes.ending import Ended, Judged
from gengap.lanes.records import LaneRecord, Trained

__all__ = ["read_lanes"]

#: Seconds that a run that has ended waits at most for others to be read out with.
PATIENCE_SECONDS = 5.0


def read_lanes(
    compiled: Compiled,
    ended: Iterable[tuple[Ended, ...]],
    data: StudyData,
    shared: Any,
    *,
    interrupts: Interrupts | None = None,
) -> Iterator[tuple[Trained, ...]]:
    """Read runs out as they end.

    Parameters
    ----------
    compiled : Compiled
    ended : iterable of tuple of Ended
    data : StudyData
    shared : tree of array
        The same on the devices.
    interrupts : Interrupts, optional
        Those of the training: what has ended is read all the same, and a second one ends it.

    Yields
    ------
    tuple of Trained
    """
    interrupts = interrupts or Interrupts()
    places = compiled.layout.devices * compiled.layout.readers
    waiting: list[Ended] = []
    since = time.perf_counter()
    try:
        for some in ended:
            if not waiting:
                since = time.perf_counter()
            waiting += some
            while sum(len(run.judged) for run in waiting) >= places:
                fitting = _fitting(waiting, places)
                yield _read(compiled, waiting[:fitting], data, shared, interrupts)
                waiting = waiting[fitting:]
            if waiting and time.perf_counter() - since > PATIENCE_SECONDS:
                yield _read(compiled, waiting, data, shared, interrupts)
                waiting = []
    except KeyboardInterrupt:
        # One that nobody put off: what has ended is kept.
        if waiting:
            yield _read(compiled, waiting, data, shared, interrupts)
        raise
    if waiting:
        yield _read(compiled, waiting, data, shared, interrupts)


def _fitting(waiting: list[Ended], places: int) -> int:
    """Return how many of the first runs fill the places, and at least one."""
    total = np.cumsum([len(run.judged) for run in waiting])
    return max(1, int(np.searchsorted(total, places, side="right")))


def _read(
    compiled: Compiled, ended: list[Ended], data: StudyData, shared: Any, interrupts: Interrupts
) -> tuple[Trained, ...]:
    judged = [(run.run.split, choice) for run in ended for choice in run.judged]
    records: dict[int, LaneRecord] = {}
    for several in (False, True):
        places = [i for i, (_, choice) in enumerate(judged) if bool(choice.further) == several]
        chosen = [judged[i] for i in places]
        some = _read_judged(compiled, chosen, data, shared, interrupts, several=several)
        records |= zip(places, some, strict=True)
    ordered = iter(records[i] for i in range(len(judged)))
    return tuple(Trained(run.run, tuple(next(ordered) for _ in run.judged)) for run in ended)


def _read_judged(
    compiled: Compiled,
    judged: list[tuple[int, Judged]],
    data: StudyData,
    shared: Any,
    interrupts: Interrupts,
    *,
    several: bool,
) -> Iterator[LaneRecord]:
    """Read weights out: of judgements that choose one network, or of those that average several."""
    places = compiled.layout.devices * compiled.layout.readers
    rows = len(data.targets)
    interrupts.wait(compiled.can_read)
    for first in range(0, len(judged), places):
        some = judged[first : first + places]
        padded = [*some, *some[:1] * (places - len(some))]
        lanes = [
            _ensemble(choice, split, compiled.most_members)
            if several
            else (list(choice.weights), list(choice.others), {"split": np.int32(split)})
            for split, choice in padded
        ]
        read = compiled.read_ensembles if several else compiled.read
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *lanes)
        reading = read(*compiled.by_lane(stacked), shared)
        interrupts.wait(partial(_is_there, reading))
        found = jax.device_get(reading)
        for i, (_, choice) in enumerate(some):
            yield LaneRecord(
                judgement=choice.judgement,
                diverged=choice.diverged,
                epochs=choice.epochs,
                best_epoch=choice.best_epoch,
                seconds=choice.seconds,
                predictions=data.in_unit(found["predictions"][i][:rows]),
                losses=found["losses"][i][:rows],
                noisy_predictions=data.in_unit(found["noisy_predictions"][i]),
                noisy_losses=found["noisy_losses"][i],
                zero_weights=float(found["zero_weights"][i]),
                weight_norm=float(found["weight_norm"][i]),
                curves=choice.curves,
            )


def _ensemble(choice: Judged, split: int, most: int) -> tuple[Any, Any, Any]:
    """Return the weights and others of all members, one behind the other, and the lane's record."""
    members = choice.members
    # Places without a member repeat the first one, and have no share.
    filled = [*members, *members[:1] * (most - len(members))]
    values = [(list(weights), list(others)) for weights, others in filled]
    weights, others = jax.tree.map(lambda *leaves: np.stack(leaves), *values)
    shares = np.zeros(most, np.float32)
    shares[: len(members)] = 1 / len(members)
    return weights, others, {"split": np.int32(split), "shares": shares}


def _is_there(tree: Any) -> bool:
    return all(leaf.is_ready() for leaf in jax.tree.leaves(tree))
