"""Plan a study: candidates become runs, runs become lanes of few programs.

Which programs there are follows from the study alone; where their lanes lie follows from the
machine's devices and memory too, and is stored with the study, so that one that is resumed goes on
as it began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import jax
import keras

from gengap.candidates import BASELINE, Candidate
from gengap.costs import (
    PROGRAM_BYTES,
    Besides,
    compiling_bytes,
    device_breadth,
    footprint_of,
    held_values,
    lone_layout,
    preparing_seconds,
    scoring_seconds,
)
from gengap.lanes.layout import choose_layout
from gengap.lanes.program import Asked, Program, Run
from gengap.memory import Room, available_bytes, lanes_on_host, process_bytes
from gengap.networks.variants import Variant, variant_of
from gengap.plan import Plan, PlannedProgram, Settings
from gengap.programs import epoch_rows, judges_of, merged, runs_asked, steps_of
from gengap.recipe import Recipe
from gengap.splits import Split
from gengap.step_time import StepTime, step_time
from gengap.techniques.discovery import find_technique

__all__ = ["GRID_LIMIT", "candidates_of", "make_plan"]

#: The most grid points of a combination.
GRID_LIMIT = 16

#: Devices that merging programs reckons with. Not those that there are: what a study's programs are
#: must not hang on the machine, so that one that goes on elsewhere finds its lanes again.
RECKONED_DEVICES = 2


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
    outputs: int = 2,
    cells: int = 0,
    data_bytes: int = 0,
    refits: int = 1,
    devices: int | None = None,
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
    outputs : int
        Classes, or 1.
    cells : int
        Rows times columns of the encoded table; 0 for tensors.
    data_bytes : int
        Of the rows, as the lanes read them.
    refits : int
        Trainings on all rows: of the best, and of the baseline where there is a test part.
    devices : int, optional
        The most that may train: all that there are by default. Fewer do where memory is short,
        since each of them has its own lanes and its own copy of the rows.
    """
    asked = runs_asked(candidates, splits, settings.seed)
    step = step_time(model, settings.batch_size)
    members = _members(model, asked, splits, settings, task, step)
    rows = max(len(s.training) + len(s.validation) + len(s.test) for s in splits)

    steps = [step.with_techniques(variant.inserting) for variant, _, _ in members]
    seeds = [len({run.seed for run in runs}) for _, _, runs in members]
    footprints = [
        footprint_of(model, program, rows, outputs, starts)
        for (_, program, _), starts in zip(members, seeds, strict=True)
    ]
    # Programs are prepared together, each with the values that its runs begin with.
    on_host = compiling_bytes(len(members)) + sum(
        starts * footprint.start_bytes for starts, footprint in zip(seeds, footprints, strict=True)
    )

    devices = devices or jax.device_count()
    room = Room(
        free=tuple(available_bytes(count) for count in range(1, devices + 1)),
        rows=data_bytes,
        programs=on_host * lanes_on_host(),
    )

    def laid_out(devices: int) -> list[PlannedProgram]:
        return [
            PlannedProgram(
                variant,
                program,
                runs,
                choose_layout(
                    len(runs),
                    devices,
                    footprint,
                    epoch_seconds=program.steps * taken.seconds,
                    ends_early=any(run.may_end_early for run in runs),
                    limit=room.for_lanes(devices),
                    breadth=device_breadth(),
                ),
                footprint,
                taken,
            )
            for (variant, program, runs), footprint, taken in zip(
                members, footprints, steps, strict=True
            )
        ]

    programs = laid_out(devices)
    # The rows lie on the devices once for all programs, which therefore have the same ones.
    while any(planned.layout.devices < devices for planned in programs):
        devices -= 1
        programs = laid_out(devices)
    lone = _lone(model, [program for _, program, _ in members], settings, rows, step)
    trials = sum(len(run.judgements) for run in asked)
    return Plan(
        candidates=tuple(candidates),
        programs=tuple(programs),
        trials=trials,
        held_bytes=process_bytes() + on_host + devices * data_bytes,
        refit_bytes=process_bytes()
        + compiling_bytes(1)
        + len(programs) * PROGRAM_BYTES
        + data_bytes
        + lone.lanes_bytes,
        besides=Besides(
            preparing=preparing_seconds(cells, len(splits)),
            scoring=scoring_seconds(
                trials,
                rows + max(len(split.test) for split in splits),
                outputs,
                step.seconds / settings.batch_size,
                devices,
            ),
            refit=refits * lone.seconds,
        ),
        room=room,
        devices=devices,
        folds=len({split.fold for split in splits}),
        repeats=len({split.repeat for split in splits}),
    )


def _lone(
    model: keras.Model,
    programs: Sequence[Program],
    settings: Settings,
    rows: int,
    step: StepTime,
) -> PlannedProgram:
    """Return the program of the lane that learns from all rows, with what it may have to hold."""
    carrying = {a for program in programs for a in program.techniques if a.hooks.start}
    keeping: set[tuple[Asked, ...]] = {
        (a,) for program in programs for a in program.judges if a.hooks.keep
    }
    batch_size, task = min(settings.batch_size, rows), programs[0].task
    # It is judged once, by what holds most at worst.
    program = max(
        (
            Program(
                tuple(sorted(carrying, key=str)), judges, rows, settings.epochs, batch_size, task
            )
            for judges in sorted(keeping, key=str) or [()]
        ),
        key=lambda program: sum(held_values(model, program)),
    )
    footprint = footprint_of(model, program, rows=1, outputs=1)
    run = Run(Recipe(), 0, 0, (None,))
    layout = lone_layout(model, program)
    return PlannedProgram(Variant(), program, (run,), layout, footprint, step)


def _members(
    model: keras.Model,
    asked: Sequence[Run],
    splits: Sequence[Split],
    settings: Settings,
    task: str,
    step: StepTime,
) -> list[tuple[Variant, Program, tuple[Run, ...]]]:
    """Return the programs that a study needs, whatever trains them, and the runs of each."""
    sizes = epoch_rows([len(split.training) for split in splits])
    groups: dict[tuple[Variant, int], list[Run]] = defaultdict(list)
    for run in asked:
        groups[variant_of(run.recipe, model), sizes[len(splits[run.split].training)]].append(run)
    found = []
    for (variant, epoch), runs in groups.items():
        steps = epoch * settings.epochs / settings.batch_size
        for together in merged(runs, step, steps / RECKONED_DEVICES):
            program = Program(
                techniques=steps_of(run.recipe for run in together),
                judges=judges_of(together),
                rows=epoch,
                epochs=settings.epochs,
                batch_size=min(settings.batch_size, epoch),
                task=task,
            )
            found.append((variant, program, tuple(together)))
    return found
