"""Studies in which nothing helps: new data, real trainings, techniques that do nothing.

Many studies are trained at once: their rows are stacked into one table and their folds are splits
of that table, so that one compiled program serves them all. Each is then analysed by itself, as
`gengap.compare` does it.

A technique does nothing in one of two ways: it is the baseline under another seed, or a strength
just above neutral under the same seeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
from scipy.stats import binom

from gengap.analysis.analyse import analyse
from gengap.backend import ensure_backend
from gengap.candidates import BASELINE, Candidate
from gengap.data.arrays import from_arrays
from gengap.data.encoding import encode
from gengap.data.preprocessing import fit_preprocessing
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.data import StudyData, study_data
from gengap.lanes.initial import initial_values
from gengap.lanes.layout import Layout
from gengap.lanes.network import lane_network
from gengap.lanes.program import Program, Run
from gengap.lanes.reading import read_lanes
from gengap.networks.models import resolve_model
from gengap.programs import steps_of
from gengap.recipe import Recipe
from gengap.results import CandidateResult
from gengap.scoring import score
from gengap.splits import Split, make_splits
from gengap.statistics.metrics import Task
from gengap.techniques.discovery import find_technique
from gengap.trials import Trial

__all__ = [
    "ANOTHER_SEED",
    "METRICS",
    "MOST_TECHNIQUES",
    "NullStudy",
    "claims",
    "just_above_neutral",
    "most_claims",
    "null_studies",
]

ROWS, COLUMNS, FOLDS = 120, 5, 10
MODEL, EPOCHS, BATCH = "mlp:8", 20, 32

#: Effect of the inputs on the target: a tenth to a quarter of what there is to know.
SIGNAL = 0.5

#: Studies that are stacked into one table. A run is read out on all its rows, hence not more.
STACKED = 50

#: Lanes a device: twice what a study takes, since these networks are tiny. More than 32 times a
#: block of rows is more than XLA reduces rightly at once (jaxlib 0.10.2 on CPU).
WIDTH = 32

#: Runs start from one of so many initial weights: drawing them costs more than training.
STARTS = 200

#: The most techniques that a study compares.
MOST_TECHNIQUES = 12

_JUST_ABOVE_NEUTRAL = (
    "l2=1e-7",
    "dropout=1e-4",
    "weight_decay=1e-6",
    "l1=1e-7",
    "input_dropout=1e-4",
    "gaussian_noise=1e-5",
    "label_smoothing=1e-5",
    "elastic_net(l1=1e-8, l2=1e-8)",
    "l2=1e-8",
    "dropout=1e-5",
    "weight_decay=1e-7",
    "l1=1e-8",
    "gaussian_noise=1e-6",
)

#: Names of candidates that are the baseline under another seed.
ANOTHER_SEED = tuple(f"seed {number + 1}" for number in range(MOST_TECHNIQUES))

#: What decides: the metric of the default, and one that does not move in steps.
METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "log_loss"),
    "regression": ("rmse",),
}


@dataclass(frozen=True, eq=False)
class NullStudy:
    """A study, trained.

    Attributes
    ----------
    task : {"classification", "regression"}
    target : ndarray (n,)
    rows_tested : tuple of int
        One a fold.
    trials : mapping of str to tuple of Trial
        One a fold, by the name of the candidate.
    """

    task: Task
    target: np.ndarray
    rows_tested: tuple[int, ...]
    trials: Mapping[str, tuple[Trial, ...]]

    def compare(self, names: Sequence[str], metric: str) -> tuple[CandidateResult, ...]:
        """Compare some candidates with the baseline; return their rows of the result."""
        wanted = (BASELINE, *names)
        analysis = analyse(
            [trial for name in wanted for trial in self.trials[name]],
            [Candidate(name, (name,), {name: {}}) for name in wanted],
            metric=metric,
            target=self.target,
            task=self.task,
            rows=len(self.target),
            rows_tested=self.rows_tested,
            epochs=EPOCHS,
        )
        return analysis.recipes[1:]


def just_above_neutral(task: Task) -> tuple[str, ...]:
    """Return recipes whose strengths change next to nothing."""
    recipes = (Recipe.parse(text) for text in _JUST_ABOVE_NEUTRAL)
    fitting = [
        str(recipe)
        for recipe in recipes
        if all(task in find_technique(part.technique).tasks for part in recipe.parts)
    ]
    return tuple(fitting[:MOST_TECHNIQUES])


def claims(rows: Sequence[CandidateResult]) -> bool:
    """Tell whether a study calls anything a help or a harm."""
    return any(row.verdict in {"helps", "hurts"} for row in rows)


def most_claims(studies: int) -> int:
    """Return how many studies may do so before a binomial test rejects "at most 5 %" at 0.01.

    Examples
    --------
    >>> most_claims(200)
    18
    """
    return int(binom.isf(0.01, studies, 0.05))


def null_studies(
    count: int,
    *,
    strengths: Sequence[str],
    seeds: int,
    task: Task,
    seed: int,
    rows: int = ROWS,
    folds: int = FOLDS,
) -> Iterator[NullStudy]:
    """Train studies on newly drawn data.

    Parameters
    ----------
    count : int
    strengths : sequence of str
        Recipes just above neutral; candidates of the same name.
    seeds : int
        How often the baseline is trained again under another seed; candidates of the names
        `ANOTHER_SEED`.
    task : {"classification", "regression"}
    seed : int
        Of the data.
    rows, folds : int
        Of a study.
    """
    ensure_backend()
    classes = 2 if task == "classification" else 0
    model = resolve_model(MODEL, input_shape=(COLUMNS,), outputs=classes or 1, task=task)
    network = lane_network(model, sample_shape=(COLUMNS,), task=task, classes=classes)
    starts = [initial_values(model, number) for number in range(STARTS)]
    recipes = {BASELINE: Recipe()} | {name: Recipe.parse(name) for name in strengths}
    generator = np.random.default_rng(seed)
    for first in range(0, count, STACKED):
        data = _stacked(generator, min(STACKED, count - first), rows, folds, task)
        names: dict[Run, str] = {}
        for split in range(len(data.splits)):
            own, *others = (int(n) for n in generator.integers(2**31, size=1 + seeds))
            names |= {Run(recipe, split, own, (None,)): name for name, recipe in recipes.items()}
            names |= {
                Run(Recipe(), split, other, (None,)): name
                for name, other in zip(ANOTHER_SEED, others, strict=False)
            }
        layout = Layout(WIDTH, 1, chunk=EPOCHS, readers=WIDTH, devices=jax.device_count())
        program = Program(
            techniques=steps_of(recipes.values()),
            judges=(),
            rows=min(len(split.training) for split in data.splits),
            epochs=EPOCHS,
            batch_size=BATCH,
            task=task,
        )
        initial = {run.seed: starts[run.seed % STARTS] for run in names}
        found: dict[int, dict[str, list[Trial]]] = defaultdict(lambda: defaultdict(list))
        compiled = compile_program(network, program, data, layout, starts=STARTS)
        shared = on_devices(data, compiled.layout)
        ended = train_lanes(compiled, list(names), data, shared, initial)
        for read in read_lanes(compiled, ended, data, shared):
            for trial in score(read, data, task, lambda run, _: names[run]):  # noqa: B023
                found[trial.repeat][trial.key].append(replace(trial, recipe=trial.key, repeat=0))
        for number, trials in sorted(found.items()):
            target = data.targets[number * rows : (number + 1) * rows]
            tested = tuple(len(split.test) for split in data.splits[:folds])
            by_fold = {
                name: tuple(sorted(of_name, key=lambda trial: trial.fold))
                for name, of_name in trials.items()
            }
            yield NullStudy(task, target, tested, by_fold)


def _stacked(
    generator: np.random.Generator, studies: int, rows: int, folds: int, task: Task
) -> StudyData:
    """Draw the data of some studies and stack them; a split's repeat is the number of its study."""
    inputs = generator.normal(size=(studies, rows, COLUMNS))
    direction = generator.normal(size=(studies, COLUMNS, 1))
    direction *= SIGNAL / np.linalg.norm(direction, axis=1, keepdims=True)
    if task == "classification":
        # The classes alternate, so that one partition serves all studies: rows are in no order.
        target = np.tile(np.arange(rows) % 2, (studies, 1))
        inputs += (2 * target[..., None] - 1) * direction.swapaxes(1, 2)
    else:
        target = (inputs @ direction)[..., 0] + generator.normal(size=(studies, rows))
    dataset = from_arrays(inputs.reshape(-1, COLUMNS), target.reshape(-1), task=task)
    encoded = encode(dataset.columns, dataset.rows.features)
    partition = make_splits(target[0], task=task, folds=folds)
    splits = [
        Split(study, split.fold, *(study * rows + part for part in _parts(split)))
        for study in range(studies)
        for split in partition
    ]
    prepared = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    return study_data(dataset, encoded, splits, prepared)


def _parts(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return split.training, split.validation, split.test
