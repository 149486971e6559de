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
from gengap.lanes.initial import Initial
from gengap.lanes.loop import batch_order, epochs, readout, start_state
from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Asked, Program, Run
from gengap.random_bits import key as seed_key
from gengap.recipe import Part
from gengap.techniques.discovery import find_technique

__all__ = ["LaneRecord", "Trained", "train"]

Array = Any

#: Epochs after which the host looks whether a wave can end; fewer where their batch orders would
#: take more than so many bytes.
CHUNK_EPOCHS = 10
ORDER_BYTES = 64_000_000


@dataclass(frozen=True, eq=False)
class LaneRecord:
    """What one judgement of a run found.

    Attributes
    ----------
    judgement : Part or None
    diverged : bool
        Whether the judged weights come from an epoch in which something was not finite.
    epochs, best_epoch : int
    seconds : float
        Its share of the time of its wave.
    predictions : ndarray (N, C) or (N,)
        Of all rows; values in the target's own unit.
    losses : ndarray (N,)
    noisy_predictions : ndarray (n, C) or (n,)
        Of the fold's test rows.
    noisy_losses : ndarray (n,)
    zero_weights, weight_norm : float
    curves : ndarray (epochs, 4)
        See `gengap.lanes.loop.CURVES`.
    weights, others : tuple of ndarray, optional
        The judged values, where they were asked for.
    """

    judgement: Part | None
    diverged: bool
    epochs: int
    best_epoch: int
    seconds: float
    predictions: np.ndarray
    losses: np.ndarray
    noisy_predictions: np.ndarray
    noisy_losses: np.ndarray
    zero_weights: float
    weight_norm: float
    curves: np.ndarray
    weights: tuple[np.ndarray, ...] | None = None
    others: tuple[np.ndarray, ...] | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """A run that ended, with a record a judgement, in the order asked."""

    run: Run
    records: tuple[LaneRecord, ...]


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
    read: tuple[Callable[..., Any], ...]  # the last epoch's, then each judge's
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
    advance = over_lanes(epochs(network, program), by_lane=3, alike=2)
    judges = (None, *range(len(program.judges)))
    return _Compiled(
        network=network,
        program=program,
        devices=len(devices),
        width=width,
        advance=_Ahead(jax.jit(advance, donate_argnums=0)),
        read=tuple(
            jax.jit(over_lanes(read, by_lane=2, alike=1))
            for read in (readout(network, program, j, noise_key=noise_key) for j in judges)
        ),
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
    asked = [_slots(program, run) for run in padded]
    slots_at_start = jax.device_get([v.value for v in compiled.network.model.optimizer.variables])
    states, records = [], []
    for run, slots in zip(padded, asked, strict=True):
        start = initial[run.seed]
        states.append(start_state(program, start.weights, start.others, slots_at_start))
        records.append(
            {
                **data.lane(run.split),
                "key": seed_key(run.seed),
                "values": _values(program, run),
                "judges": _judge_values(program, run, slots),
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
    return _read_wave(
        compiled,
        data,
        wave,
        asked,
        state,
        lane,
        keep_weights,
        trained,
        time.perf_counter() - (started or 0.0),
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


def _read_wave(
    compiled: _Compiled,
    data: StudyData,
    wave: Sequence[Run],
    asked: Sequence[tuple[int | None, ...]],
    state: Any,
    lane: Any,
    keep_weights: bool,
    trained: int,
    seconds: float,
) -> tuple[Trained, ...]:
    wanted = {slot for slots in asked[: len(wave)] for slot in slots}
    read = {
        slot: jax.device_get(
            compiled.read[0 if slot is None else slot + 1](state, lane, compiled.shared)
        )
        for slot in sorted(wanted, key=lambda slot: -1 if slot is None else slot)
    }
    small = jax.device_get({name: state[name] for name in ("curves", "diverged_in")})
    judged = jax.device_get(
        [{name: slot[name] for name in ("best_epoch", "needed")} for slot in state["judged"]]
    )
    rows = len(compiled.shared["targets"])
    ended = []
    for i, (run, slots) in enumerate(zip(wave, asked, strict=False)):
        records = []
        for part, slot in zip(run.judgements, slots, strict=True):
            diverged_in = int(small["diverged_in"][i])
            if slot is None:
                needed = diverged_in or trained
                best, diverged = needed, diverged_in > 0
            else:
                needed = int(judged[slot]["needed"][i])
                best = int(judged[slot]["best_epoch"][i])
                # What was best before something went wrong is a result like any other.
                diverged = best == 0
            found = {name: value[i] for name, value in read[slot].items()}
            records.append(
                LaneRecord(
                    judgement=part,
                    diverged=diverged,
                    epochs=needed,
                    best_epoch=max(1, best),
                    seconds=seconds / len(wave) * needed / trained,
                    predictions=data.in_unit(found["predictions"][:rows]),
                    losses=found["losses"][:rows],
                    noisy_predictions=data.in_unit(found["noisy_predictions"]),
                    noisy_losses=found["noisy_losses"],
                    zero_weights=float(found["zero_weights"]),
                    weight_norm=float(found["weight_norm"]),
                    curves=small["curves"][i][:needed],
                    **(_weights(state, slot, i, compiled.network) if keep_weights else {}),
                )
            )
        ended.append(Trained(run, tuple(records)))
    return tuple(ended)


def _weights(state: Any, slot: int | None, i: int, network: LaneNetwork) -> dict[str, Any]:
    if slot is None:
        slots = [value[i] for value in state["slots"]]
        weights = network.final_weights([value[i] for value in state["weights"]], slots)
        source = {"weights": weights, "others": [value[i] for value in state["others"]]}
    else:
        source = {
            name: [value[i] for value in state["judged"][slot][name]]
            for name in ("weights", "others")
        }
    return {name: tuple(jax.device_get(values)) for name, values in source.items()}


def _slots(program: Program, run: Run) -> tuple[int | None, ...]:
    """Assign each judgement of a run a slot of the program."""
    free = list(range(len(program.judges)))
    slots: list[int | None] = []
    for part in run.judgements:
        if part is None:
            slots.append(None)
            continue
        slot = next(i for i in free if program.judges[i] == Asked.of(part))
        free.remove(slot)
        slots.append(slot)
    return tuple(slots)


def _values(program: Program, run: Run) -> dict[str, dict[str, np.ndarray]]:
    """Return the strengths of a lane; neutral ones for what its recipe does without."""
    given = run.recipe.values()
    options = run.recipe.options()
    return {
        asked.technique: {
            strength.name: np.float32(
                given[asked.technique][strength.name]
                if options.get(asked.technique) == dict(asked.options)
                else strength.neutral
            )
            for strength in find_technique(asked.technique).strengths
        }
        for asked in program.techniques
    }


def _judge_values(
    program: Program, run: Run, slots: Sequence[int | None]
) -> list[dict[str, np.ndarray]]:
    values = []
    for slot, asked in enumerate(program.judges):
        part = next((p for p, s in zip(run.judgements, slots, strict=True) if s == slot), None)
        given = dict(part.strengths) if part else {}
        values.append(
            {
                strength.name: np.float32(given.get(strength.name, strength.low))
                for strength in find_technique(asked.technique).strengths
            }
        )
    return values


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
