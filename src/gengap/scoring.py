"""Trained lanes become trials: predictions are scored on each part of their fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gengap.lanes.data import StudyData
from gengap.lanes.program import Run
from gengap.lanes.records import LaneRecord, Trained
from gengap.recipe import Part, Recipe
from gengap.splits import Split
from gengap.statistics.metrics import Task, evaluate
from gengap.trials import Curves, Trial

__all__ = ["judged_recipe", "score"]

Keys = Callable[[Run, Part | None], str]


def judged_recipe(run: Run, judgement: Part | None) -> Recipe:
    """Return the recipe of a trial: what the run trained with and how it was judged."""
    if judgement is None:
        return run.recipe
    return replace(run.recipe, parts=(*run.recipe.parts, judgement))


def score(wave: Sequence[Trained], data: StudyData, task: Task, keys: Keys) -> tuple[Trial, ...]:
    """Score the runs of a wave.

    Parameters
    ----------
    wave : sequence of Trained
    data : StudyData
    task : {"classification", "regression"}
    keys : callable
        ``(run, judgement) -> key``; with None for the judgement of the run itself.

    Returns
    -------
    tuple of Trial
        One a judgement of each run.
    """
    by_split: dict[int, list[tuple[Run, LaneRecord]]] = defaultdict(list)
    for trained in wave:
        for record in trained.records:
            by_split[trained.run.split].append((trained.run, record))
    return tuple(
        trial
        for split, judged in by_split.items()
        for trial in _score_split(judged, data.splits[split], data, task, keys)
    )


def _score_split(
    judged: Sequence[tuple[Run, LaneRecord]],
    split: Split,
    data: StudyData,
    task: Task,
    keys: Keys,
) -> list[Trial]:
    records = [record for _, record in judged]
    outputs = np.stack([record.predictions for record in records])
    targets = data.in_unit(data.targets)
    losses = np.stack([record.losses for record in records]).astype(np.float64)
    parts = {"train": split.training, "validation": split.validation, "test": split.test}
    scores = {
        name: evaluate(task, targets[rows], outputs[:, rows])
        | {"loss": losses[:, rows].mean(axis=1)}
        for name, rows in parts.items()
    }
    tested = len(split.test)
    noisy = np.stack([record.noisy_predictions[:tested] for record in records])
    noisy_losses = np.stack([record.noisy_losses[:tested] for record in records])
    scores["noisy"] = evaluate(task, targets[split.test], noisy) | {
        "loss": noisy_losses.astype(np.float64).mean(axis=1)
    }
    return [
        Trial(
            key=keys(run, record.judgement),
            run=keys(run, None),
            recipe=judged_recipe(run, record.judgement).key_text,
            fold=split.fold,
            repeat=split.repeat,
            seed=run.seed,
            status="diverged" if record.diverged else "finished",
            epochs=record.epochs,
            best_epoch=record.best_epoch,
            seconds=record.seconds,
            scores={
                part: {name: _finite(values[i]) for name, values in metrics.items()}
                for part, metrics in scores.items()
            },
            zero_weights=record.zero_weights,
            weight_norm=record.weight_norm,
            curves=_curves(record),
        )
        for i, (run, record) in enumerate(judged)
    ]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _curves(record: LaneRecord) -> Curves:
    train_loss, train_metric, validation_loss, validation_metric = (
        tuple(column.tolist()) for column in record.curves.T
    )
    return Curves(train_loss, validation_loss, train_metric, validation_metric)
