"""Moving statistics of batch normalization, measured anew where they are of other weights.

An average of weights has never been trained: what its layers make of the rows has another mean and
variance than those that were gathered along the way. One pass over the training rows in training
mode, in batches as they are trained on, measures them; batches count by their rows [1]_.

References
----------
.. [1] Izmailov et al. (2018), Averaging weights leads to wider optima and better generalization,
   UAI, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from gengap.interrupts import Interrupts
from gengap.lanes.filling import lane_record, slots_of
from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Program
from gengap.lanes.step import of_fold, training_pass
from gengap.random_bits import fold_in, named

if TYPE_CHECKING:
    from gengap.lanes.compiled import Compiled
    from gengap.lanes.ending import Ended, Judged

__all__ = ["measured", "measures", "with_own_statistics"]

Array = Any
Lane = Mapping[str, Any]


def measures(network: LaneNetwork, program: Program) -> bool:
    """Tell whether a judgement of the program may need statistics that the network has."""
    asked = any(asked.hooks.keep and asked.hooks.keep.stale for asked in program.judges)
    return asked and bool(_normalizations(network.model))


def measured(
    network: LaneNetwork, program: Program
) -> Callable[[Any, Any, Lane, Array, Lane], Any]:
    """Make the function that measures the moving statistics of one lane.

    Returns
    -------
    callable
        ``(w, o, lane, rows, shared) -> o``, with the rows (n,) of an epoch in their order.
    """
    forwards = training_pass(network, program)
    full = program.full_steps * program.batch_size

    def measure(weights: Any, others: Any, lane: Lane, rows: Array, shared: Lane) -> Any:
        lane = of_fold(lane, shared)
        key = named(lane["key"], "statistics")

        def one(others: Any, batch: Array, number: Array) -> Any:
            before = number * program.batch_size
            # All batches so far count by their rows: the first one replaces what was there.
            momentum = before / (before + len(batch))
            with _momentum(network.model, momentum):
                return forwards(weights, others, batch, fold_in(key, number), lane, shared)

        others = list(others)
        if program.full_steps:
            batches = rows[:full].reshape(program.full_steps, program.batch_size)
            numbered = (batches, jnp.arange(program.full_steps))
            others, _ = jax.lax.scan(lambda o, batch: (one(o, *batch), None), others, numbered)
        if program.remainder:
            others = one(others, rows[full:], jnp.asarray(program.full_steps))
        return others

    return measure


def with_own_statistics(
    compiled: Compiled,
    ended: Sequence[Ended],
    shared: Any,
    order_of: Callable[[int, int, int], np.ndarray],
    interrupts: Interrupts,
) -> tuple[Ended, ...]:
    """Measure the moving statistics of judged weights that have none of their own.

    Parameters
    ----------
    compiled : Compiled
    ended : sequence of Ended
    shared : tree of array
        What all lanes read, on the devices.
    order_of : callable
        ``(seed, split, epoch) -> rows``: the order of a fold's training rows.
    interrupts : Interrupts
        Those of the training.
    """
    stale = [(run.run, judged) for run in ended for judged in run.judged if judged.stale]
    if not stale:
        return tuple(ended)
    interrupts.wait(compiled.can_read)
    measure = compiled.measure
    if measure is None:
        return tuple(ended)
    own: dict[int, Judged] = {}
    program = compiled.program
    places = compiled.layout.devices * compiled.layout.readers
    for first in range(0, len(stale), places):
        some = stale[first : first + places]
        padded = [*some, *some[:1] * (places - len(some))]
        values = [
            (
                list(judged.weights),
                list(judged.others),
                lane_record(program, run, slots_of(program, run), 0),
                order_of(run.seed, run.split, program.epochs),
            )
            for run, judged in padded
        ]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *values)
        found = jax.device_get(measure(*compiled.by_lane(stacked), shared))
        for place, (_, judged) in enumerate(some):
            others = tuple(np.array(leaf[place]) for leaf in found)
            own[id(judged)] = replace(judged, others=others, stale=False)
    return tuple(
        replace(run, judged=tuple(own.get(id(judged), judged) for judged in run.judged))
        for run in ended
    )


def _normalizations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the layers that gather statistics."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


@contextmanager
def _momentum(model: keras.Model, momentum: Array) -> Iterator[None]:
    """Let what was gathered before count so much, while the network is traced."""
    given = [(layer, layer.momentum) for layer in _normalizations(model)]
    for layer, _ in given:
        object.__setattr__(layer, "momentum", momentum)
    try:
        yield
    finally:
        for layer, before in given:
            object.__setattr__(layer, "momentum", before)
