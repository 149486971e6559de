"""What augmentations make of images, and whether their labels still fit.

The baseline is trained a little, on the training rows of the first fold, and scored on its
validation rows: as they are, and changed by each augmentation at its strongest. Where the score
falls far, such images either no longer show what their labels say, or look like nothing that there
is in the data; a comparison with that augmentation is then to be read with care.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gengap.candidates import BASELINE, Candidate
from gengap.costs import lone_layout
from gengap.identity import digest, split_digest
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.network import LaneNetwork, lane_network
from gengap.lanes.program import Asked, Program, Run
from gengap.lanes.step import batch_of, changed_by_hooks, of_fold, prepared
from gengap.networks.variants import Variant
from gengap.plan import Plan, Settings
from gengap.random_bits import key as seed_key
from gengap.random_bits import named
from gengap.recipe import Part, Recipe
from gengap.report.numbers import scale_of, share
from gengap.report.samples import shown_side, side_by_side
from gengap.results import Augmented, Finding
from gengap.statistics.metrics import Metric, constant_prediction, evaluate
from gengap.store import Store
from gengap.techniques.base import Batch, Targets
from gengap.techniques.discovery import find_technique
from gengap.training import Material, starting_values

__all__ = ["augmentations", "check_labels", "look_at_augmented"]

Array = Any

#: Steps that the baseline is trained for, at most.
STEPS = 2000

#: Changed rows that a score is taken of: at least, and about.
FEWEST, ROWS = 20, 1024

#: Images that are shown of each augmentation.
SHOWN = 8

#: Share of what the network has above guessing that a harmless change leaves to it.
LOST = 1 / 3


def augmentations(candidates: Sequence[Candidate]) -> tuple[Part, ...]:
    """Return the augmentations among candidates, each in its forms, at its strongest.

    Parameters
    ----------
    candidates : sequence of Candidate
    """
    strongest: dict[Asked, Part] = {}
    for candidate in candidates:
        for text in candidate.grid:
            for part in Recipe.parse(text).parts:
                if find_technique(part.technique).family == "augmentation":
                    asked = Asked.of(part)
                    strongest[asked] = max(
                        part, strongest.get(asked, part), key=lambda part: part.strengths
                    )
    return tuple(sorted(strongest.values(), key=str))


def look_at_augmented(
    plan: Plan, material: Material, metric: Metric, settings: Settings, store: Store
) -> tuple[Augmented, ...]:
    """Show and score what the augmentations of a study make of images or sequences.

    Parameters
    ----------
    plan : Plan
    material : Material
    metric : Metric
        The one that decides.
    settings : Settings
    store : Store
        What was seen is kept there.

    Returns
    -------
    tuple of Augmented
        Images as they are first; empty for tables, where nothing is augmented, and for several
        inputs, of which a study's notes say so.
    """
    parts = augmentations(plan.candidates)
    inputs = material.data.inputs
    if not parts or isinstance(inputs, Mapping) or inputs.ndim < 3:
        return ()
    split = material.data.splits[0]
    key = digest(
        "augmented",
        material.key,
        split_digest(split),
        [settings.epochs, settings.batch_size, metric.name],
        [str(part) for part in parts],
    )
    blob = store.load_blob(key)
    if blob is None:
        seen = _Seen(plan, material, metric, settings)
        found = [seen.as_they_are(), *(seen.changed_by(part) for part in parts)]
        blob = json.dumps([asdict(one) for one in found]).encode()
        store.save_blob(key, blob)
    return tuple(Augmented(**one) for one in json.loads(blob))


def check_labels(looked_at: Sequence[Augmented], metric: Metric) -> tuple[Finding, ...]:
    """Warn of augmentations that take too much from a network that learned without them.

    Parameters
    ----------
    looked_at : sequence of Augmented
    metric : Metric
    """
    scale = scale_of(metric.name)
    return tuple(
        Finding(
            code="augmentation-changes-labels",
            severity="warn",
            message=f"Trained without {one.recipe}, the network has {scale.label} "
            f"{scale.value(one.score)} on the rows that it changes ({share(one.changed)} of them); "
            f"as they are, {scale.value(one.plain)}.",
            why="Where such rows no longer show what their labels say, as a mirrored digit does, "
            "a network that must learn them learns what is wrong.",
            action="Look at the samples in the report. Where you would not give them these labels, "
            f"leave {Recipe.parse(one.recipe).names[0]} out, or give it less strength.",
        )
        for one in looked_at
        if _lost(one, metric) > LOST
    )


def _lost(one: Augmented, metric: Metric) -> float:
    """Return which share of what a network has above guessing is lost; 0 where it has nothing."""
    if one.score is None or one.plain is None or one.guess is None:
        return 0.0
    sign = 1 if metric.greater_is_better else -1
    learned = sign * (one.plain - one.guess)
    return sign * (one.plain - one.score) / learned if learned > 0 else 0.0


class _Seen:
    """Validation rows of the first fold, as a network sees them that was trained a little."""

    def __init__(self, plan: Plan, material: Material, metric: Metric, settings: Settings) -> None:
        self._metric = metric
        self._material = material
        data = material.data
        validation = data.splits[0].validation
        # Few rows are looked at several times: what is drawn for them differs.
        count = max(ROWS // 2, min(ROWS, len(validation)))
        self._rows = np.resize(validation, count).astype(np.int32)
        network, weights, others, lane, shared = _trained_a_little(plan, material, settings)
        lane = of_fold(lane, shared)
        self._inputs, targets, _ = batch_of(self._rows, lane, shared)
        self._targets = Targets(network.encode_targets(targets)[None], jnp.ones(1, jnp.float32))
        self._lane = lane
        self._range = prepared(lane["value_range"], lane) if "value_range" in lane else None
        self._key = jnp.asarray(seed_key(settings.seed))
        self._shown = min(SHOWN, len(validation))
        self._side = shown_side(self._shown * (1 + len(augmentations(plan.candidates))))

        def predict(inputs: Array) -> Array:
            predictions = network.predictions(network.outputs(weights, others, inputs))
            if material.task == "regression":
                return predictions * lane["target_scale"] + lane["target_shift"]
            return predictions

        self._predict = jax.jit(predict)
        self._truth = data.in_unit(data.targets)[self._rows]
        self._plain = self._predictions(self._inputs)

    def as_they_are(self) -> Augmented:
        """Return the record of rows that nothing changed."""
        every = np.ones(len(self._rows), bool)
        score, guess = self._score(self._plain, every), self._guess(every)
        return Augmented(BASELINE, score, score, guess, 0.0, self._samples(self._inputs))

    def changed_by(self, part: Part) -> Augmented:
        """Return the record of rows that an augmentation changed."""
        technique = find_technique(part.technique)
        hook = technique.hooks(dict(Asked.of(part).options)).batch
        assert hook is not None
        values = {name: jnp.float32(value) for name, value in part.strengths}
        batch = Batch(self._inputs, self._targets, self._range)

        def change(key: Array) -> tuple[Array, Array]:
            after = batch

            def hooked(inputs: Array) -> Array:
                nonlocal after
                after = hook(values, key, dataclasses.replace(batch, inputs=inputs))
                return after.inputs

            return changed_by_hooks(batch.inputs, self._lane, hooked), after.targets.weights

        inputs, alternatives = jax.jit(change)(named(self._key, part.technique))
        axes = tuple(range(1, inputs.ndim))
        other = np.asarray((inputs != self._inputs).any(axis=axes))
        record: Mapping[str, Any] = {
            "recipe": str(part),
            "changed": float(other.mean()),
            "samples": self._samples(inputs),
        }
        # Where rows are mixed, so are their labels: there is nothing to score.
        if len(alternatives) > 1 or other.sum() < FEWEST:
            return Augmented(score=None, plain=None, guess=None, **record)
        return Augmented(
            score=self._score(self._predictions(inputs), other),
            plain=self._score(self._plain, other),
            guess=self._guess(other),
            **record,
        )

    def _predictions(self, inputs: Array) -> np.ndarray:
        return self._material.data.in_unit(np.asarray(self._predict(inputs)))

    def _score(self, predictions: np.ndarray, rows: np.ndarray) -> float | None:
        found = evaluate(self._material.task, self._truth[rows], predictions[rows])
        value = float(found[self._metric.name])
        return value if np.isfinite(value) else None

    def _guess(self, rows: np.ndarray) -> float | None:
        outputs = constant_prediction(self._material.task, self._truth[rows])
        if self._material.task == "classification":
            classes = self._plain.shape[1]
            outputs = np.pad(outputs, ((0, 0), (0, classes - outputs.shape[1])))
        found = evaluate(self._material.task, self._truth[rows], outputs)
        value = float(found[self._metric.name])
        return value if np.isfinite(value) else None

    def _samples(self, inputs: Array) -> str:
        # Of images alone a range is known; grey ones may come without a channel axis.
        if self._range is None or inputs.ndim > 4:
            return ""
        low, high = map(float, self._range)
        shown = np.asarray(inputs[: self._shown])
        shown = shown.reshape(*shown.shape[:3], -1)
        return side_by_side(shown, (low, high), self._side)


def _trained_a_little(
    plan: Plan, material: Material, settings: Settings
) -> tuple[LaneNetwork, Any, Any, Mapping[str, Any], Mapping[str, Any]]:
    """Train the baseline of the first fold for some steps.

    Returns
    -------
    network, weights, others, lane, shared
    """
    seed = next(
        run.seed
        for planned in plan.programs
        for run in planned.runs
        if run.split == 0 and run.recipe.is_baseline
    )
    rows = len(material.data.splits[0].training)
    batch_size = min(settings.batch_size, rows)
    program = Program(
        techniques=(),
        judges=(),
        rows=rows,
        epochs=max(1, min(settings.epochs, STEPS * batch_size // rows)),
        batch_size=batch_size,
        task=material.task,
        watched=False,
        planned_epochs=settings.epochs,
    )
    network = lane_network(
        material.model,
        **material.rows,
        task=material.task,
        classes=material.classes,
    )
    layout = lone_layout(material.model, program)
    compiled = compile_program(network, program, material.data, layout, starts=1, reads=False)
    shared = on_devices(material.data, layout)
    initial = starting_values(material.model, Variant(), {seed})
    run = Run(Recipe(), 0, seed, (None,))
    ((ended,),) = train_lanes(compiled, [run], material.data, shared, initial)
    judged = ended.judged[0]
    return network, judged.weights, judged.others, {"split": 0}, shared
