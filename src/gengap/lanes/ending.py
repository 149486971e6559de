"""What is left of a run that has ended: the weights that its judgements chose, on the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gengap.lanes.compiled import Compiled
from gengap.lanes.program import Run
from gengap.lanes.slots import Occupant
from gengap.recipe import Part

__all__ = ["Ended", "Judged", "Member", "ended_runs"]

Tree = Any

#: Weights and others of a network.
Member = tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]


@dataclass(frozen=True, eq=False)
class Judged:
    """The weights that a judgement of a run chose.

    Attributes
    ----------
    judgement : Part or None
    weights, others : tuple of ndarray
    further : tuple of (weights, others)
        Those of networks whose outputs are averaged with theirs.
    stale : bool
        Whether the moving statistics are of other weights, see `gengap.lanes.statistics`.
    diverged : bool
        Whether they come from an epoch in which something was not finite.
    epochs, best_epoch : int
        How many the judgement needed, the one in which its run diverged included; the one whose
        weights they are.
    seconds : float
        That the judgement would have needed alone.
    curves : ndarray (epochs, 4)
        See `gengap.lanes.loop.CURVES`.
    """

    judgement: Part | None
    weights: tuple[np.ndarray, ...]
    others: tuple[np.ndarray, ...]
    diverged: bool
    epochs: int
    best_epoch: int
    seconds: float
    curves: np.ndarray
    further: tuple[Member, ...] = ()
    stale: bool = False

    @property
    def members(self) -> tuple[Member, ...]:
        """All networks whose outputs are averaged; most judgements choose one."""
        return ((self.weights, self.others), *self.further)


@dataclass(frozen=True, eq=False)
class Ended:
    """A run that ended, with what each of its judgements chose, in the order asked."""

    run: Run
    judged: tuple[Judged, ...]


def ended_runs(
    compiled: Compiled,
    state: Tree,
    signals: np.ndarray,
    finished: Sequence[tuple[int, Occupant]],
) -> tuple[Ended, ...]:
    """Take what is judged of some lanes to the host.

    Parameters
    ----------
    compiled : Compiled
    state : tree of array
        Of all lanes, on the devices.
    signals : ndarray (lanes, ...)
        What `Compiled.advance` signals.
    finished : sequence of (int, Occupant)
        Lanes with the runs in them.
    """

    def host(tree: Tree) -> Tree:
        found = jax.device_get(tree)
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), found)

    wanted = {slot for _, occupant in finished for slot in occupant.slots}
    curves = host(state["curves"])
    values = {slot: host(_judged_values(compiled, state, slot)) for slot in wanted}
    chosen = {
        slot: host({name: state["judged"][slot][name] for name in ("best_epoch", "needed")})
        for slot in wanted - {None}
    }
    ended = []
    for lane, occupant in finished:
        diverged_in = int(signals[lane, 1])
        judged = []
        for part, slot in zip(occupant.run.judgements, occupant.slots, strict=True):
            if slot is None:
                best = needed = diverged_in or occupant.epoch
                diverged = diverged_in > 0
            else:
                best, needed = (int(chosen[slot][name][lane]) for name in ("best_epoch", "needed"))
                # What was best before something went wrong is a result like any other.
                diverged = best == 0
            own = jax.tree.map(lambda leaf, lane=lane: np.array(leaf[lane]), values[slot])
            keep = None if slot is None else compiled.program.judges[slot].hooks.keep
            (weights, others), *further = keep.members(*own) if keep else [own]
            judged.append(
                Judged(
                    judgement=part,
                    weights=tuple(weights),
                    others=tuple(others),
                    further=tuple((tuple(w), tuple(o)) for w, o in further),
                    stale=bool(keep and keep.stale and keep.stale(own[0])),
                    diverged=diverged,
                    epochs=needed,
                    best_epoch=max(1, best),
                    seconds=occupant.seconds * needed / occupant.epoch,
                    curves=np.array(curves[lane, :needed]),
                )
            )
        ended.append(Ended(occupant.run, tuple(judged)))
    return tuple(ended)


def _judged_values(compiled: Compiled, state: Tree, slot: int | None) -> tuple[Tree, Tree]:
    """Return what a judgement scores: weights, or what it kept of them, and the others."""
    if slot is None:
        weights = compiled.network.final_weights(state["weights"], state["slots"])
        return weights, state["others"]
    judged = state["judged"][slot]
    if "kept" in judged:
        return judged["kept"], state["others"]
    return judged["weights"], judged["others"]
