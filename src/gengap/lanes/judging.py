"""Judgements of a lane: what they keep while it trains, and what they see at an epoch's end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gengap.lanes.program import Program
from gengap.techniques.base import Hooks, Keep, Moment, Monitored

__all__ = ["judgement", "keeping", "start_judged", "where"]

Array = Any
Lane = Mapping[str, Any]
Judged = dict[str, Any]

#: What judgements keep that look at every step, by their slots.
Kept = dict[int, Any]


def start_judged(hooks: Hooks, weights: Any, others: Any) -> Judged:
    """Make the state of a judgement before the first epoch.

    A judgement that chooses an epoch has its own ``state``, and the ``weights`` and ``others`` of
    the best one so far; one by other weights has what it has ``kept``.
    """
    counted = {
        "best_epoch": np.zeros((), np.int32),
        "needed": np.zeros((), np.int32),
        "done": np.zeros((), bool),
    }
    if hooks.keep:
        return {"kept": hooks.keep.start(list(weights), list(others)), **counted}
    return {
        "state": hooks.judgement_start(),  # type: ignore[misc]
        "weights": list(weights),
        "others": list(others),
        **counted,
    }


def keeping(
    program: Program,
) -> tuple[Callable[[list[Judged]], Kept], Callable[[Kept, Lane, tuple[Any, Any], Array], Kept]]:
    """Make the functions that let judgements look at every step, where some want to.

    Returns
    -------
    begin : callable
        ``(judged) -> kept``, before the first step of an epoch.
    keep : callable
        ``(kept, lane, (w, o), number) -> kept``, after each of its steps.
    """
    keeps: dict[int, Keep] = {
        slot: own
        for slot, asked in enumerate(program.judges)
        if (own := asked.hooks.keep) is not None and own.every == "step"
    }

    def begin(judged: list[Judged]) -> Kept:
        return {slot: judged[slot]["kept"] for slot in keeps}

    def keep(kept: Kept, lane: Lane, trained: tuple[Any, Any], number: Array) -> Kept:
        moment = Moment(number, program.steps, program.laid_out_for)
        return {
            slot: own.update(lane["judges"][slot], kept[slot], *trained, moment)
            for slot, own in keeps.items()
        }

    return begin, keep


def judgement(program: Program) -> Callable[..., list[Judged]]:
    """Make the function that lets every judgement look at an epoch.

    Returns
    -------
    callable
        ``(judged, kept, lane, curves, w, o, epoch, gone) -> judged``; the epochs are counted from
        1, and `gone` tells that the run had ended before this one.
    """
    hooks = [asked.hooks for asked in program.judges]

    def judge(
        judged: list[Judged],
        kept: Kept,
        lane: Lane,
        curves: Array,
        weights: Any,
        others: Any,
        epoch: Array,
        gone: Array,
    ) -> list[Judged]:
        loss, metric = curves[2], curves[3]
        error = 1 - metric if program.task == "classification" else metric
        finite = jnp.isfinite(curves).all()

        def by_an_epoch(own: Hooks, before: Judged, values: Lane) -> Judged:
            state, improved, done = own.judgement(  # type: ignore[misc]
                values, before["state"], Monitored(loss=loss, metric=error)
            )
            open_ = ~before["done"] & ~gone
            # What diverged is never the best of a run.
            better = improved & open_ & finite
            return {
                "state": _tree_where(open_, state, before["state"]),
                "weights": where(better, weights, before["weights"]),
                "others": where(better, others, before["others"]),
                "best_epoch": jnp.where(better, epoch, before["best_epoch"]),
                "needed": jnp.where(open_, epoch, before["needed"]),
                "done": before["done"] | done & open_,
            }

        def by_what_is_kept(slot: int, keep: Keep, before: Judged, values: Lane) -> Judged:
            new = kept.get(slot)
            if new is None:
                last = Moment(epoch * program.steps - 1, program.steps, program.laid_out_for)
                new = keep.update(values, before["kept"], weights, others, last)
            return {
                "kept": _tree_where(~gone, new, before["kept"]),
                # What diverged has no best epoch.
                "best_epoch": jnp.where(gone, before["best_epoch"], epoch * finite),
                "needed": jnp.where(gone, before["needed"], epoch),
                "done": before["done"],
            }

        return [
            by_what_is_kept(slot, own.keep, before, values)
            if own.keep
            else by_an_epoch(own, before, values)
            for slot, (own, before, values) in enumerate(
                zip(hooks, judged, lane["judges"], strict=True)
            )
        ]

    return judge


def where(condition: Array, new: Any, old: Any) -> list[Array]:
    """Choose between two lists of arrays."""
    return [jnp.where(condition, a, b) for a, b in zip(new, old, strict=True)]


def _tree_where(condition: Array, new: Any, old: Any) -> Any:
    kept = where(condition, jax.tree.leaves(new), jax.tree.leaves(old))
    return jax.tree.unflatten(jax.tree.structure(old), kept)
