"""How a run fills a lane of a program: judgements in slots, strengths as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gengap.lanes.program import Asked, Program, Run
from gengap.random_bits import key as seed_key
from gengap.recipe import Recipe
from gengap.techniques.discovery import find_technique

__all__ = ["empty_record", "lane_record", "slots_of"]


def slots_of(program: Program, run: Run) -> tuple[int | None, ...]:
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


def lane_record(
    program: Program, run: Run, slots: Sequence[int | None], start: int
) -> dict[str, Any]:
    """Return what a lane carries of its run while it trains.

    Parameters
    ----------
    program : Program
    run : Run
    slots : sequence of int or None
        Of its judgements.
    start : int
        Where its initial values are in the table on the devices.

    Returns
    -------
    dict
        ``split``, ``start``, ``key`` (of its random bits), ``values`` (strengths by technique) and
        ``judges`` (strengths by slot).
    """
    return {
        "split": np.int32(run.split),
        "start": np.int32(start),
        "key": seed_key(run.seed),
        **_strengths_of(program, run, slots),
    }


def empty_record(program: Program) -> dict[str, Any]:
    """Return the record of a lane that nothing trains in."""
    return lane_record(program, Run(Recipe(), 0, 0, ()), (), 0)


def _strengths_of(program: Program, run: Run, slots: Sequence[int | None]) -> dict[str, Any]:
    """Return the strengths that a lane carries: of its recipe's techniques, and of its judgements.

    Idle ones stand for what its recipe does without, the lowest for idle slots.

    Parameters
    ----------
    program : Program
    run : Run
    slots : sequence of int or None
        Of its judgements.
    """
    given = run.recipe.values()
    options = run.recipe.options()
    values = {
        asked.technique: {
            strength.name: np.float32(
                given[asked.technique][strength.name]
                if options.get(asked.technique) == dict(asked.options)
                else strength.idle
            )
            for strength in find_technique(asked.technique).strengths
        }
        for asked in program.techniques
    }
    judges = []
    for slot, asked in enumerate(program.judges):
        part = next((p for p, s in zip(run.judgements, slots, strict=True) if s == slot), None)
        chosen = dict(part.strengths) if part else {}
        judges.append(
            {
                strength.name: np.float32(chosen.get(strength.name, strength.low))
                for strength in find_technique(asked.technique).strengths
            }
        )
    return {"values": values, "judges": judges}
