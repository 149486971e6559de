"""Trained lanes are read out, judgement by judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gengap.lanes.data import StudyData
from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Run
from gengap.lanes.records import LaneRecord, Trained

__all__ = ["read_wave"]


def read_wave(
    network: LaneNetwork,
    read: Callable[[int | None], Mapping[str, np.ndarray]],
    data: StudyData,
    wave: Sequence[Run],
    asked: Sequence[tuple[int | None, ...]],
    state: Any,
    *,
    keep_weights: bool,
    trained: int,
    seconds: float,
) -> tuple[Trained, ...]:
    """Read the runs of a wave out.

    Parameters
    ----------
    network : LaneNetwork
    read : callable
        ``(slot) -> record`` of all lanes: what `gengap.lanes.loop.readout` says of a slot's
        weights; None is the last epoch's.
    data : StudyData
    wave : sequence of Run
    asked : sequence of tuple
        The slots of each run's judgements, in their order.
    state : tree of array
        Of all lanes.
    keep_weights : bool
    trained : int
        Epochs that the wave trained.
    seconds : float
        That it took.
    """
    wanted = {slot for slots in asked[: len(wave)] for slot in slots}
    found_in = {slot: read(slot) for slot in wanted}
    small = jax.device_get({name: state[name] for name in ("curves", "diverged_in")})
    judged = jax.device_get(
        [{name: slot[name] for name in ("best_epoch", "needed")} for slot in state["judged"]]
    )
    rows = len(data.targets)
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
            found = {name: value[i] for name, value in found_in[slot].items()}
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
                    **(_weights(state, slot, i, network) if keep_weights else {}),
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
