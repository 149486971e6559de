"""Train what a plan asks for and the store does not hold yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import keras

from gengap.identity import digest, initial_digest, split_digest
from gengap.lanes.data import StudyData
from gengap.lanes.initial import Initial, initial_values
from gengap.lanes.network import lane_network
from gengap.lanes.program import Run
from gengap.lanes.waves import train
from gengap.networks.variants import Variant, build_variant
from gengap.plan import Plan, PlannedProgram
from gengap.progress import Progress
from gengap.recipe import Part
from gengap.scoring import judged_recipe, score
from gengap.statistics.metrics import Task
from gengap.store import Store
from gengap.trials import Trial

__all__ = ["Material", "settle_widths", "starting_values", "train_plan"]


@dataclass(frozen=True, eq=False)
class Material:
    """What all trials of a study have in common.

    Attributes
    ----------
    model : keras.Model
        Compiled, as given.
    data : StudyData
    task : {"classification", "regression"}
    classes : int
    key : str
        Hash of everything that determines a trial, besides its fold and its recipe.
    seed : int
    """

    model: keras.Model
    data: StudyData
    task: Task
    classes: int
    key: str
    seed: int

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one row's inputs."""
        return tuple(self.data.inputs.shape[1:])


def train_plan(
    plan: Plan,
    material: Material,
    store: Store,
    progress: Progress,
    on_wave: Callable[[Sequence[Trial]], None] = lambda trials: None,
) -> tuple[Trial, ...]:
    """Train the runs whose trials are not stored, and return the trials of the whole plan.

    Parameters
    ----------
    plan : Plan
    material : Material
    store : Store
        Every wave of trials is stored as it ends.
    progress : Progress
    on_wave : callable
        Called with all trials so far, whenever a wave ended.
    """
    progress.start(plan.trials)
    trials: list[Trial] = []
    # Small programs first: while the largest goes on, fold by fold, folds become complete.
    for planned in sorted(plan.programs, key=lambda planned: len(planned.runs)):
        for new in _train_program(planned, material, store):
            trials += new
            progress.advance(len(trials), new[-1].recipe if new else "")
            on_wave(trials)
    progress.finish()
    return tuple(trials)


def settle_widths(plan: Plan, store: Store) -> Plan:
    """Return the plan with the lane widths that the study began with, and keep those of a new one.

    On a machine with other devices the plan would have other widths, and the same run other bits.
    """
    stored = store.load_blob("widths")
    widths = [planned.width for planned in plan.programs]
    if stored is None:
        store.save_blob("widths", json.dumps(widths).encode())
        return plan
    programs = zip(plan.programs, json.loads(stored), strict=True)
    return replace(plan, programs=tuple(replace(p, width=width) for p, width in programs))


def _train_program(
    planned: PlannedProgram, material: Material, store: Store
) -> Iterator[list[Trial]]:
    """Yield the stored trials of a program, then those of every wave that had to be trained."""
    model = build_variant(material.model, planned.variant)
    initial = starting_values(material.model, planned.variant, {run.seed for run in planned.runs})
    key = _keys(planned, material, initial)
    stored = store.get(key(run, part) for run in planned.runs for part in run.judgements)
    missing = [
        run for run in planned.runs if any(key(run, part) not in stored for part in run.judgements)
    ]
    yield list(stored.values())
    if not missing:
        return
    network = lane_network(
        model,
        sample_shape=material.sample_shape,
        task=material.task,
        classes=material.classes,
        off=planned.variant.off,
    )
    for wave in train(
        network,
        planned.program,
        missing,
        material.data,
        initial,
        width=planned.width,
        seed=material.seed,
    ):
        scored = score(wave, material.data, material.task, key)
        new = [trial for trial in scored if trial.key not in stored]
        store.put(new)
        yield new


def starting_values(
    model: keras.Model, variant: Variant, seeds: Sequence[int] | set[int]
) -> Mapping[int, Initial]:
    """Return the values from which runs of a variant start, by seed."""
    return {
        seed: initial_values(model, seed, lambda copy: build_variant(copy, variant))
        for seed in sorted(seeds)
    }


def _keys(
    planned: PlannedProgram, material: Material, initial: Mapping[int, Initial]
) -> Callable[[Run, Part | None], str]:
    program = planned.program
    settings = [program.epochs, program.batch_size, program.rows]
    starts = {seed: initial_digest(values) for seed, values in initial.items()}
    splits = [split_digest(split) for split in material.data.splits]

    def key(run: Run, part: Part | None) -> str:
        recipe = judged_recipe(run, part).key_text
        return digest(material.key, settings, splits[run.split], starts[run.seed], run.seed, recipe)

    return key
