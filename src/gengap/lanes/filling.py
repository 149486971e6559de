"""How a run fills a lane of a program: judgements in slots, strengths as values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gengap.lanes.program import Asked, Program, Run
from gengap.techniques.discovery import find_technique

__all__ = ["judge_strengths_of", "slots_of", "strengths_of"]


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


def strengths_of(program: Program, run: Run) -> dict[str, dict[str, np.float32]]:
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


def judge_strengths_of(
    program: Program, run: Run, slots: Sequence[int | None]
) -> list[dict[str, np.float32]]:
    """Return the strengths of a lane's judgements, slot by slot; the lowest for idle slots."""
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
