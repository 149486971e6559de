"""Train what a plan asks for and the store does not hold yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from gengap.data.dataset import Output
from gengap.identity import digest, initial_digest, split_digest
from gengap.interrupts import Interrupts, deferred_interrupts
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import Compiled, compile_program, on_devices
from gengap.lanes.data import StudyData
from gengap.lanes.initial import Initial, initial_values
from gengap.lanes.network import lane_network
from gengap.lanes.program import Run
from gengap.lanes.reading import read_lanes
from gengap.lanes.records import Trained
from gengap.memory import Room
from gengap.networks.variants import Variant, build_variant
from gengap.plan import Plan, PlannedProgram
from gengap.progress import Progress, counted
from gengap.recipe import Part
from gengap.resuming import check_memory
from gengap.scoring import judged_recipe, score
from gengap.statistics.metrics import Task
from gengap.store import Store
from gengap.trials import Trial
from gengap.wording import duration

__all__ = [
    "Material",
    "starting_values",
    "train_plan",
]

#: Seconds from which on it is said how long an interrupt waits.
LONG = 10.0


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
    outputs : tuple of Output
        Of a network with several; task and classes are those of the one that decides.
    output : str, optional
        Its name.
    """

    model: keras.Model
    data: StudyData
    task: Task
    classes: int
    key: str
    seed: int
    outputs: tuple[Output, ...] = ()
    output: str | None = None

    @property
    def rows(self) -> dict[str, Any]:
        """What `lane_network` asks about one row: its inputs and its outputs."""
        return {
            "sample_shape": self.data.sample_shape,
            "modalities": self.data.modalities,
            "outputs": self.outputs,
            "output": self.output,
        }


@dataclass(frozen=True, eq=False)
class _Missing:
    """The runs of a program of which the store lacks a trial, ready to be trained."""

    runs: tuple[Run, ...]
    compiled: Compiled
    initial: Mapping[int, Initial]
    key: Callable[[Run, Part | None], str]
    epoch_seconds: float


class _Epochs:
    """Counts the epochs of all runs, and says how many there are by now."""

    def __init__(self, programs: Sequence[_Missing], say: Callable[[str], None]) -> None:
        self._most = sum(len(p.runs) * p.compiled.program.epochs for p in programs)
        self._trained = 0
        self._say = say

    def count(self, epochs: int) -> None:
        self._trained += epochs
        self._say(f"{self._trained:,} of at most {self._most:,} epochs")


def train_plan(
    plan: Plan,
    material: Material,
    store: Store,
    progress: Progress,
    on_trials: Callable[[Sequence[Trial]], None] = lambda trials: None,
) -> tuple[Trial, ...]:
    """Train the runs whose trials are not stored, and return the trials of the whole plan.

    The first interrupt waits until the host looks at the lanes and the runs that have ended by then
    are stored; see `gengap.interrupts`.

    Parameters
    ----------
    plan : Plan
    material : Material
    store : Store
        Trials are stored as they are read out.
    progress : Progress
    on_trials : callable
        Called with all trials so far, whenever there are new ones.

    Raises
    ------
    UnfinishedError
        ``memory-short`` where lanes of a study that goes on do not fit, before any is trained.
    KeyboardInterrupt
        When interrupted.
    """
    with counted(progress, plan.trials):
        return _trained(plan, material, store, progress, on_trials)


def _trained(
    plan: Plan,
    material: Material,
    store: Store,
    progress: Progress,
    on_trials: Callable[[Sequence[Trial]], None],
) -> tuple[Trial, ...]:
    trials: list[Trial] = []
    prepared: list[_Missing] = []
    # Small programs first: while the largest goes on, fold by fold, folds become complete.
    for planned in sorted(plan.programs, key=lambda planned: len(planned.runs)):
        stored, missing = _prepare(planned, material, store, plan.room)
        trials += stored
        prepared += missing
    if trials:
        progress.advance(len(trials), "")
        on_trials(trials)
    if prepared:
        shared = on_devices(material.data, prepared[0].compiled.layout)
        done = {trial.key for trial in trials}
        epochs = _Epochs(prepared, lambda text: progress.advance(len(trials), text))

        def announce_stop(passed: float, expected: float) -> None:
            progress.announce(_stopping(passed, expected))

        for program in prepared:
            program.compiled.wait()
            with deferred_interrupts(announce_stop) as interrupts:
                for read in _read(program, material.data, shared, epochs.count, interrupts):
                    scored = score(read, material.data, material.task, program.key)
                    new = [trial for trial in scored if trial.key not in done]
                    store.put(new)
                    trials += new
                    progress.advance(len(trials), scored[-1].recipe)
                    on_trials(trials)
    return tuple(trials)


def _read(
    program: _Missing,
    data: StudyData,
    shared: Any,
    on_epochs: Callable[[int], None],
    interrupts: Interrupts,
) -> Iterator[tuple[Trained, ...]]:
    """Train the runs of a program, and read them out as they end."""
    ended = train_lanes(
        program.compiled,
        program.runs,
        data,
        shared,
        program.initial,
        on_epochs=on_epochs,
        interrupts=interrupts,
        epoch_seconds=program.epoch_seconds,
    )
    return read_lanes(program.compiled, ended, data, shared, interrupts=interrupts)


def _stopping(passed: float, expected: float) -> str:
    """Say that training stops after a chunk that has trained for some seconds, and when that is."""
    if expected - passed >= LONG:
        when = f", in about {duration(expected - passed)}"
    elif passed >= max(LONG, expected):
        when = f", which has taken {duration(passed)} so far"
    else:
        when = ""
    return f"stopping after this chunk of epochs{when}; press Ctrl-C again to stop now"


def _prepare(
    planned: PlannedProgram, material: Material, store: Store, room: Room
) -> tuple[list[Trial], list[_Missing]]:
    """Return the stored trials of a program, and what is left to train, compiling."""
    model = build_variant(material.model, planned.variant)
    initial = starting_values(material.model, planned.variant, {run.seed for run in planned.runs})
    key = _keys(planned, material, initial)
    stored = store.get(key(run, part) for run in planned.runs for part in run.judgements)
    runs = tuple(
        run for run in planned.runs if any(key(run, part) not in stored for part in run.judgements)
    )
    if not runs:
        return list(stored.values()), []
    check_memory(planned, room)
    network = lane_network(
        model,
        **material.rows,
        task=material.task,
        classes=material.classes,
        off=planned.variant.off,
    )
    compiled = compile_program(
        network,
        planned.program,
        material.data,
        planned.layout,
        starts=len(initial),
        seed=material.seed,
    )
    return list(stored.values()), [_Missing(runs, compiled, initial, key, planned.epoch_seconds)]


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
