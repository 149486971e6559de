"""What a study has to train: candidates become runs, runs become lanes of few programs.

Which programs there are follows from the study alone; where their lanes lie follows from the
machine's devices and memory too, and is stored with the study, so that one that is resumed goes on
as it began.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import jax
import keras

from gengap.candidates import BASELINE, Candidate
from gengap.costs import (
    PROGRAM_BYTES,
    Besides,
    compiling_bytes,
    device_breadth,
    epoch_seconds,
    footprint_of,
    held_values,
    lone_layout,
    preparing_seconds,
    program_seconds,
    scoring_seconds,
)
from gengap.lanes.layout import Footprint, Layout, choose_layout, lanes_bytes
from gengap.lanes.program import Asked, Program, Run
from gengap.memory import Room, available_bytes, lanes_on_host, process_bytes
from gengap.networks.variants import Variant, variant_of
from gengap.programs import epoch_rows, judges_of, merged, runs_asked, steps_of
from gengap.recipe import Recipe
from gengap.splits import Split
from gengap.step_time import StepTime, step_time
from gengap.techniques.discovery import find_technique
from gengap.wording import duration, plural

__all__ = ["GRID_LIMIT", "Plan", "PlannedProgram", "Settings", "candidates_of", "make_plan"]

#: The most grid points of a combination.
GRID_LIMIT = 16

#: Devices that merging programs reckons with. Not those that there are: what a study's programs are
#: must not hang on the machine, so that one that goes on elsewhere finds its lanes again.
RECKONED_DEVICES = 2


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
    layout : Layout
        Where its lanes are.
    footprint : Footprint
        What one of them takes.
    step : StepTime
        Of a lane, with the layers of its variant.
    resumed : bool
        Whether its lanes are as wide as those that the study began with, whatever would be planned
        now.
    """

    variant: Variant
    program: Program
    runs: tuple[Run, ...]
    layout: Layout
    footprint: Footprint
    step: StepTime
    resumed: bool = False

    @property
    def seconds(self) -> float:
        """Estimated, with compiling."""
        return program_seconds(self.program, len(self.runs), self.layout, self.step)

    @property
    def epoch_seconds(self) -> float:
        """Estimated, of an epoch of a group of lanes."""
        return epoch_seconds(self.program, self.layout, self.step)

    @property
    def lanes_bytes(self) -> int:
        """What its lanes take, over all devices."""
        return lanes_bytes(self.layout, self.footprint)

    def explain(self) -> str:
        """Say in some lines what the program trains, where, and why so."""
        program, layout, lane = self.program, self.layout, self.footprint.touched_bytes
        names = ", ".join(asked.technique for asked in program.techniques) or "no technique"
        steps = f"{program.full_steps} steps of {program.batch_size} rows"
        if program.remainder:
            steps += f" and one of {program.remainder}"
        early = sum(run.may_end_early for run in self.runs)
        lines = [
            f"{len(self.runs)} runs with {names} in every step ({self.variant.describe()})",
            f"{program.epochs} epochs of {steps}; {early} runs may end early",
            f"{plural(layout.devices, 'device')} x {plural(layout.groups, 'group')} x "
            f"{plural(layout.width, 'lane')}; a look every {plural(layout.chunk, 'epoch')}; "
            f"{plural(layout.readers * layout.devices, 'lane')} read out at once",
            f"a lane's step takes {_mebibytes(lane)} MiB, and {_kept(lane * layout.width)}",
            f"about {duration(self.seconds)} with compiling, {_mebibytes(self.lanes_bytes)} MiB",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a study trains.

    Attributes
    ----------
    candidates : tuple of Candidate
        The baseline first.
    programs : tuple of PlannedProgram
    trials : int
    held_bytes : int
        Estimated, of the process while lanes train, besides them: what it held before, the rows on
        the devices, compiling, the values that runs begin with.
    refit_bytes : int
        Estimated, of the process while the best is trained on all rows.
    besides : Besides
        What takes time, besides the programs.
    room : Room
        The memory that there is.
    devices : int
        Those that train.
    folds, repeats : int
    """

    candidates: tuple[Candidate, ...]
    programs: tuple[PlannedProgram, ...]
    trials: int
    held_bytes: int
    refit_bytes: int
    besides: Besides
    room: Room
    devices: int
    folds: int
    repeats: int

    @property
    def seconds(self) -> float:
        """Estimated, of the whole call.

        It follows from the study, not from what the clock says when the plan is made: what a budget
        gives up must be the same when the study goes on.
        """
        return self.besides.seconds + sum(planned.seconds for planned in self.programs)

    @property
    def bytes(self) -> int:
        """Estimated peak of the process."""
        lanes = max(planned.lanes_bytes for planned in self.programs)
        return max(self.held_bytes + lanes, self.refit_bytes)

    @property
    def runs(self) -> int:
        """How many networks are trained."""
        return sum(len(planned.runs) for planned in self.programs)

    @property
    def width(self) -> int:
        """Lanes of a group of the widest program."""
        return max(planned.layout.width for planned in self.programs)

    def describe(self) -> str:
        """Say in one line what there is to train, and what it takes."""
        compared = plural(len(self.candidates) - 1, "candidate")
        repeats = f" x {self.repeats} repeats" if self.repeats > 1 else ""
        return (
            f"{plural(self.trials, 'trial')} ({compared} and the baseline, "
            f"{plural(self.folds, 'fold')}{repeats}) from {plural(self.runs, 'run')} in "
            f"{plural(len(self.programs), 'compiled program')}; about {duration(self.seconds)} "
            f"and {_mebibytes(self.bytes)} MiB of memory"
        )

    def explain(self) -> str:
        """Say what every program trains, where its lanes are, and why so."""
        parts = [self.describe()]
        for number, planned in enumerate(self.programs, 1):
            first, *others = planned.explain().splitlines()
            parts += [f"program {number}: {first}", *(f"  {line}" for line in others)]
        parts.append(self.besides.explain())
        return "\n".join(parts)

    def to_json(self) -> str:
        """Return the same as a JSON document."""
        record = {
            "trials": self.trials,
            "runs": self.runs,
            "programs": len(self.programs),
            "lane_width": self.width,
            "candidates": [candidate.name for candidate in self.candidates],
            "estimated_seconds": round(self.seconds, 1),
            "estimated_seconds_besides": {
                what: round(seconds, 1) for what, seconds in asdict(self.besides).items()
            },
            "estimated_bytes": self.bytes,
            "devices": self.devices,
            "layouts": [
                {
                    "runs": len(planned.runs),
                    "techniques": [asked.technique for asked in planned.program.techniques],
                    "lanes_a_group": planned.layout.width,
                    "groups_a_device": planned.layout.groups,
                    "epochs_a_chunk": planned.layout.chunk,
                    "lane_bytes": planned.footprint.state_bytes,
                    "estimated_seconds": round(planned.seconds, 1),
                }
                for planned in self.programs
            ],
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


def _kept(group: int) -> str:
    """Say where what a group of lanes goes through is kept."""
    cache = device_breadth().touched_bytes
    taken = f"a group's {_mebibytes(group)} MiB"
    if math.isinf(cache):
        return f"{taken} are in the memory of the device"
    kept = "stays in" if group <= cache else "is larger than"
    return f"{taken} {kept} a core's share of the cache ({_mebibytes(int(cache))} MiB)"


def _mebibytes(count: int) -> int:
    return max(1, round(count / 2**20))
