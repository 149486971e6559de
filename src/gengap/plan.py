"""What a study has to train: candidates become runs, runs become lanes of few programs.

Runs share a program where the same code serves them. Techniques that a run does without are there
at their neutral strength, which costs a little time; a program of its own costs a compilation. The
planner merges as long as the first costs less than the second. The plan follows from the study
alone, so that a study that is resumed has the same one.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import jax
import keras
import numpy as np

from gengap.candidates import BASELINE, Candidate
from gengap.lanes.program import Asked, Program, Run
from gengap.lanes.width import lane_bytes, lane_width
from gengap.networks.shapes import input_dtype, sample_shape
from gengap.networks.variants import Variant, variant_of
from gengap.progress import duration
from gengap.recipe import Part, Recipe
from gengap.splits import Split
from gengap.techniques.discovery import find_technique

__all__ = [
    "GRID_LIMIT",
    "Plan",
    "PlannedProgram",
    "Settings",
    "candidates_of",
    "make_plan",
    "steps_of",
]

#: Seconds of compiling a program, and of a lane's step besides its arithmetic, on one device;
#: and operations a second. Rough figures for a server's core, from which estimates are made.
COMPILE_SECONDS = 2.5
STEP_SECONDS = 1.4e-5
OPERATIONS_PER_SECOND = 8e10

#: The most grid points of a combination.
GRID_LIMIT = 16

#: Share of a fold's training rows that an epoch may leave out so that folds share a program.
LEFT_OUT = 0.02


@dataclass(frozen=True)
class Settings:
    """How every network of the study is trained."""

    epochs: int
    batch_size: int
    seed: int


@dataclass(frozen=True, eq=False)
class PlannedProgram:
    """A program with the runs that it trains.

    Attributes
    ----------
    variant : Variant
    program : Program
    runs : tuple of Run
        Fold by fold.
    width : int
        Lanes a device.
    """

    variant: Variant
    program: Program
    runs: tuple[Run, ...]
    width: int


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a study trains.

    Attributes
    ----------
    candidates : tuple of Candidate
        The baseline first.
    programs : tuple of PlannedProgram
    trials : int
    seconds : float
        Estimated.
    bytes : int
        Estimated peak of what training holds, besides the data.
    """

    candidates: tuple[Candidate, ...]
    programs: tuple[PlannedProgram, ...]
    trials: int
    seconds: float
    bytes: int

    @property
    def runs(self) -> int:
        """How many networks are trained."""
        return sum(len(planned.runs) for planned in self.programs)

    @property
    def width(self) -> int:
        """Lanes a device of the widest program."""
        return max(planned.width for planned in self.programs)

    def describe(self) -> str:
        """Say in one line what there is to train, and what it takes."""
        compared = len(self.candidates) - 1
        folds = len({run.split for planned in self.programs for run in planned.runs})
        return (
            f"{self.trials} trials ({compared} {'candidate' if compared == 1 else 'candidates'} "
            f"and the baseline, {folds} folds) from "
            f"{self.runs} runs in {len(self.programs)} compiled "
            f"{'program' if len(self.programs) == 1 else 'programs'}; "
            f"about {duration(self.seconds)} and {max(1, round(self.bytes / 2**20))} MiB"
        )

    def to_json(self) -> str:
        """Return the same as a JSON document."""
        record = {
            "trials": self.trials,
            "runs": self.runs,
            "programs": len(self.programs),
            "lane_width": self.width,
            "candidates": [candidate.name for candidate in self.candidates],
            "estimated_seconds": round(self.seconds, 1),
            "estimated_bytes": self.bytes,
        }
        return json.dumps(record, indent=2)


def candidates_of(
    recipes: Sequence[Recipe], *, seed: int, grid_limit: int = GRID_LIMIT
) -> tuple[Candidate, ...]:
    """Lay out the grids of the recipes, the baseline first.

    Parameters
    ----------
    recipes : sequence of Recipe
        What the user wants compared, without the baseline.
    seed : int
        Of the grid points of a combination that has more than `grid_limit`.
    grid_limit : int
    """
    unique = dict.fromkeys((Recipe(), *recipes))
    return tuple(_candidate(recipe, seed, grid_limit) for recipe in unique)


def _candidate(recipe: Recipe, seed: int, grid_limit: int) -> Candidate:
    grid = recipe.grid(limit=grid_limit, seed=seed)
    open_strengths = [
        (technique, strength)
        for technique, strength in recipe.open_strengths
        if len(find_technique(technique).strength(strength).grid) > 1
    ]
    return Candidate(
        name=BASELINE if recipe.is_baseline else str(recipe),
        grid=tuple(point.key_text for point in grid),
        strengths={point.key_text: point.strengths_record() for point in grid},
        single=open_strengths[0] if len(open_strengths) == 1 else None,
    )


def make_plan(
    model: keras.Model,
    candidates: Sequence[Candidate],
    splits: Sequence[Split],
    settings: Settings,
    *,
    task: str,
) -> Plan:
    """Plan a study.

    Parameters
    ----------
    model : keras.Model
        Compiled, as given.
    candidates : sequence of Candidate
    splits : sequence of Split
    settings : Settings
    task : {"classification", "regression"}
    """
    asked = _runs_asked(candidates, splits, settings)
    sizes = _epoch_rows([len(split.training) for split in splits])
    groups: dict[tuple[Variant, int], list[Run]] = defaultdict(list)
    for run in asked:
        groups[variant_of(run.recipe, model), sizes[len(splits[run.split].training)]].append(run)
    step_seconds = _step_seconds(model, settings.batch_size)
    devices = jax.device_count()
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    slots = len(model.optimizer.variables) // max(1, len(model.trainable_variables))
    programs = []
    for (variant, rows), runs in groups.items():
        for members in _merged(runs, rows * settings.epochs / settings.batch_size * step_seconds):
            program = Program(
                techniques=steps_of(run.recipe for run in members),
                judges=_judges(members),
                rows=rows,
                epochs=settings.epochs,
                batch_size=min(settings.batch_size, rows),
                task=task,
            )
            copies = 2 + slots + len(program.judges)
            width = lane_width(len(members), devices, parameters, copies)
            programs.append(PlannedProgram(variant, program, tuple(members), width))
    largest = max(
        p.width * lane_bytes(parameters, 2 + slots + len(p.program.judges)) for p in programs
    )
    return Plan(
        candidates=tuple(candidates),
        programs=tuple(programs),
        trials=sum(len(run.judgements) for run in asked),
        seconds=sum(_seconds(planned, step_seconds, devices) for planned in programs),
        bytes=2 * devices * largest,
    )


def _runs_asked(
    candidates: Sequence[Candidate], splits: Sequence[Split], settings: Settings
) -> list[Run]:
    """Collect the judgements that are asked of each run, fold by fold."""
    judgements: dict[Recipe, dict[Part | None, None]] = defaultdict(dict)
    for candidate in candidates:
        for text in candidate.grid:
            recipe = Recipe.parse(text)
            judgements[recipe.training][recipe.judgement] = None
    seeds = [
        int(np.random.SeedSequence([settings.seed, split.repeat, split.fold]).generate_state(1)[0])
        for split in splits
    ]
    return [
        Run(recipe, index, seed, tuple(parts))
        for index, seed in enumerate(seeds)
        for recipe, parts in judgements.items()
    ]


def _epoch_rows(sizes: Sequence[int]) -> dict[int, int]:
    """Map each fold's number of training rows to the rows that its epochs take."""
    rows: dict[int, int] = {}
    smallest = 0
    for size in sorted(set(sizes)):
        if not smallest or size - smallest > LEFT_OUT * size:
            smallest = size
        rows[size] = smallest
    return rows


def steps_of(recipes: Iterable[Recipe]) -> tuple[Asked, ...]:
    """Return the techniques of recipes that act within a step, in the order of the step."""
    return tuple(
        sorted(
            _forms(recipes),
            key=lambda asked: (find_technique(asked.technique).order, asked.technique),
        )
    )


def _forms(recipes: Iterable[Recipe]) -> set[Asked]:
    return {
        Asked.of(part)
        for recipe in recipes
        for part in recipe.parts
        if _acts_in_step(Asked.of(part))
    }


def _acts_in_step(asked: Asked) -> bool:
    hooks = asked.hooks
    return any((hooks.inputs, hooks.targets, hooks.activation, hooks.penalty, hooks.update))


def _merged(runs: Sequence[Run], run_seconds: float) -> list[list[Run]]:
    """Merge sets of techniques into programs while that costs less than another compilation."""
    by_forms: dict[frozenset[Asked], list[Run]] = defaultdict(list)
    for run in runs:
        by_forms[frozenset(_forms([run.recipe]))].append(run)
    merged: dict[frozenset[Asked], list[Run]] = {}
    # By the sorted words: the order within a set differs from process to process.
    ordered = sorted(by_forms.items(), key=lambda item: (len(item[0]), sorted(map(str, item[0]))))
    for forms, members in ordered:
        for other, others in list(merged.items()):
            unused = len(members) * _cost(other - forms) + len(others) * _cost(forms - other)
            if _compatible(forms, other) and unused * run_seconds < COMPILE_SECONDS:
                merged.pop(other)
                # The two may add up to a set that is there already.
                merged[other | forms] = [*merged.pop(other | forms, []), *others, *members]
                break
        else:
            merged[forms] = list(members)
    return [sorted(members, key=lambda run: run.split) for members in merged.values()]


def _compatible(first: frozenset[Asked], second: frozenset[Asked]) -> bool:
    """Tell whether one step can hold both: not two forms of one technique."""
    return all(a == b or a.technique != b.technique for a in first for b in second)


def _cost(forms: frozenset[Asked]) -> float:
    return math.fsum(find_technique(asked.technique).cost for asked in forms)


def _judges(runs: Sequence[Run]) -> tuple[Asked, ...]:
    """Return the slots that serve every run: as many of a kind as some run asks for."""
    most: dict[Asked, int] = {}
    for run in runs:
        counts: dict[Asked, int] = defaultdict(int)
        for part in run.judgements:
            if part is not None:
                counts[Asked.of(part)] += 1
        most |= {asked: max(count, most.get(asked, 0)) for asked, count in counts.items()}
    return tuple(asked for asked in sorted(most, key=str) for _ in range(most[asked]))


def _step_seconds(model: keras.Model, batch_size: int) -> float:
    """Estimate a lane's step on one device from the operations of a forward pass."""
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    inputs = jax.ShapeDtypeStruct((batch_size, *sample_shape(model)), input_dtype(model))
    lowered = jax.jit(lambda x: model.stateless_call(trainable, others, x)[0]).lower(inputs)
    analysis: Mapping[str, float] = lowered.cost_analysis() or {}
    # A gradient costs about twice a forward pass.
    return STEP_SECONDS + 3 * analysis.get("flops", 0.0) / OPERATIONS_PER_SECOND


def _seconds(planned: PlannedProgram, step_seconds: float, devices: int) -> float:
    program = planned.program
    per_step = step_seconds * (
        1 + sum(find_technique(a.technique).cost for a in program.techniques)
    )
    lanes = planned.width * devices
    waves = -(-len(planned.runs) // lanes)
    training = waves * planned.width * program.epochs * program.steps * per_step
    return COMPILE_SECONDS + 1.25 * training
