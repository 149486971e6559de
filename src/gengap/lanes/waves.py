"""Runs packed into lanes, wave after wave, over all devices.

A wave is one filling of all lanes: `width` on each device. Every lane of a program has the same
width in every wave (a last, smaller wave is padded with copies of its first run), so that a run's
result does not depend on where it lands or beside what.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gengap.lanes.data import BLOCK, StudyData
from gengap.lanes.filling import judge_strengths_of, slots_of, strengths_of
from gengap.lanes.fusion import compiler_options
from gengap.lanes.initial import Initial
from gengap.lanes.loop import batch_order, epochs, readout, start_state
from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Program, Run
from gengap.lanes.reading import read_wave
from gengap.lanes.records import Trained
from gengap.random_bits import key as seed_key

__all__ = ["train"]

Array = Any

#: Epochs after which the host looks whether a wave can end; fewer where their batch orders would
#: take more than so many bytes.
CHUNK_EPOCHS = 10
ORDER_BYTES = 64_000_000


def train(
    network: LaneNetwork,
    program: Program,
    runs: Sequence[Run],
    data: StudyData,
    initial: Mapping[int, Initial],
    *,
    width: int,
    seed: int = 0,
    keep_weights: bool = False,
    on_epochs: Callable[[int, int], None] = lambda epochs, lanes: None,
) -> Iterator[tuple[Trained, ...]]:
    """Train runs in lanes.

    Parameters
    ----------
    network : LaneNetwork
    program : Program
    runs : sequence of Run
    data : StudyData
    initial : mapping of int to Initial
        By the runs' seeds.
    width : int
        Lanes a device.
    seed : int
        Of the noise that robustness is measured with.
    keep_weights : bool
        Whether the records hold the judged weights.
    on_epochs : callable
        ``(epochs, lanes)``, called whenever that many lanes have trained that many epochs more.

    Yields
    ------
    tuple of Trained
        The runs of a wave, once all of them ended.
    """
    compiled = _compile(network, program, data, width, seed)
    lanes = width * compiled.devices
    for start in range(0, len(runs), lanes):
        wave = tuple(runs[start : start + lanes])
        yield _train_wave(compiled, wave, data, initial, keep_weights, on_epochs)


class _Ahead:
    """A jitted function that is compiled when its arguments are first seen, before it runs."""

    def __init__(self, jitted: Any) -> None:
        self._jitted = jitted
        self._compiled: Any = None

    def ahead_of(self, *arguments: Any) -> Callable[..., Any]:
        """Return the compiled function; all later arguments have the shapes of the first."""
        if self._compiled is None:
            self._compiled = self._jitted.lower(*arguments).compile()
        compiled: Callable[..., Any] = self._compiled
        return compiled


@dataclass(frozen=True, eq=False)
class _Compiled:
    network: LaneNetwork
    program: Program
    devices: int
    width: int
    advance: _Ahead
    read: Mapping[int | None, Callable[..., Any]]  # by slot; None is the last epoch's
    shared: Mapping[str, Any]
    by_lane: NamedSharding


def _compile(
    network: LaneNetwork, program: Program, data: StudyData, width: int, seed: int
) -> _Compiled:
    devices = jax.devices()
    mesh = Mesh(np.array(devices), ("lanes",))
    lanes, same = PartitionSpec("lanes"), PartitionSpec()

    def over_lanes(function: Callable[..., Any], *, by_lane: int, alike: int) -> Callable[..., Any]:
        return jax.shard_map(
            jax.vmap(function, in_axes=(0,) * by_lane + (None,) * alike),
            mesh=mesh,
            in_specs=(lanes,) * by_lane + (same,) * alike,
            out_specs=lanes,
            check_vma=False,
        )

    rows = len(data.targets)
    block = min(BLOCK, rows)
    blocks = np.arange(-(-rows // block) * block, dtype=np.int32) % rows
    shared = {
        "inputs": data.inputs,
        "targets": data.targets,
        "row_weights": data.row_weights,
        "noise": data.noise,
        "blocks": blocks.reshape(-1, block),
    }
    noise_key = jnp.asarray(seed_key(seed))
    classes = max(1, network.head.targets.classes)
    options = compiler_options(width * max(block, program.batch_size * classes))
    advance = over_lanes(epochs(network, program), by_lane=3, alike=2)
    return _Compiled(
        network=network,
        program=program,
        devices=len(devices),
        width=width,
        advance=_Ahead(jax.jit(advance, donate_argnums=0, compiler_options=options)),
        read={
            slot: jax.jit(
                over_lanes(readout(network, program, slot, noise_key=noise_key), by_lane=2, alike=1)
            )
            for slot in (None, *range(len(program.judges)))
        },
        shared=jax.device_put(shared, NamedSharding(mesh, same)),
        by_lane=NamedSharding(mesh, lanes),
    )


def _train_wave(
    compiled: _Compiled,
    wave: Sequence[Run],
    data: StudyData,
    initial: Mapping[int, Initial],
    keep_weights: bool,
    on_epochs: Callable[[int, int], None],
) -> tuple[Trained, ...]:
    program = compiled.program
    lanes = compiled.width * compiled.devices
    padded = [*wave, *[wave[0]] * (lanes - len(wave))]
    asked = [slots_of(program, run) for run in padded]
    slots_at_start = compiled.network.slots_at_start()
    states, records = [], []
    for run, slots in zip(padded, asked, strict=True):
        start = initial[run.seed]
        states.append(start_state(program, start.weights, start.others, slots_at_start))
        records.append(
            {
                **data.lane(run.split),
                "key": seed_key(run.seed),
                "values": strengths_of(program, run),
                "judges": judge_strengths_of(program, run, slots),
            }
        )
    state = jax.device_put(_stacked(states), compiled.by_lane)
    lane = jax.device_put(_stacked(records), compiled.by_lane)
    trained = 0
    started: float | None = None
    chunk = max(1, min(CHUNK_EPOCHS, ORDER_BYTES // (4 * lanes * program.rows), program.epochs))
    while trained < program.epochs:
        count = min(chunk, program.epochs - trained)
        orders = jax.device_put(
            _batch_orders(program, padded, data, range(trained, trained + chunk)), compiled.by_lane
        )
        arguments = (state, lane, orders, compiled.shared, jnp.asarray(count, jnp.int32))
        advance = compiled.advance.ahead_of(*arguments)
        if started is None:
            # Compiling is the program's, not any run's.
            started = time.perf_counter()
        state = advance(*arguments)
        trained += count
        done = _done(state, asked[: len(wave)], program)
        on_epochs(count, len(wave))
        if done.all():
            break
    return read_wave(
        compiled.network,
        lambda slot: jax.device_get(compiled.read[slot](state, lane, compiled.shared)),
        data,
        wave,
        asked,
        state,
        keep_weights=keep_weights,
        trained=trained,
        seconds=time.perf_counter() - (started or 0.0),
    )


def _batch_orders(
    program: Program, runs: Sequence[Run], data: StudyData, epochs: range
) -> np.ndarray:
    """Return the batch orders of lanes (lanes, epochs, n); runs of one seed share theirs."""
    drawn: dict[tuple[int, int], np.ndarray] = {}
    for run in runs:
        if (run.seed, run.split) not in drawn:
            training = data.splits[run.split].training
            drawn[run.seed, run.split] = np.stack(
                [batch_order(run.seed, epoch, training, program.rows) for epoch in epochs]
            )
    return np.stack([drawn[run.seed, run.split] for run in runs])


def _done(state: Any, asked: Sequence[tuple[int | None, ...]], program: Program) -> np.ndarray:
    """Tell which lanes need no further epoch."""
    diverged = np.asarray(state["diverged_in"])[: len(asked)] > 0
    finished = np.asarray(state["epoch"])[: len(asked)] >= program.epochs
    judged = [np.asarray(slot["done"]) for slot in state["judged"]]
    complete = np.array(
        [
            all(slot is not None and judged[slot][i] for slot in slots)
            for i, slots in enumerate(asked)
        ]
    )
    return diverged | finished | complete


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
