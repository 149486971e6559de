"""Train the chosen recipe once more, on all rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gengap.costs import lone_layout
from gengap.data.dataset import Dataset
from gengap.data.joint import AnyEncoded, AnyPreprocessing, fit
from gengap.identity import digest, initial_digest
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.data import study_data
from gengap.lanes.ending import Member
from gengap.lanes.network import lane_network
from gengap.lanes.program import Program, Run
from gengap.networks.variants import Variant, build_variant, variant_of
from gengap.programs import judges_of, steps_of
from gengap.progress import Progress, counted
from gengap.recipe import Recipe
from gengap.scoring import judged_recipe
from gengap.splits import Split
from gengap.store import Store
from gengap.techniques.discovery import find_technique
from gengap.training import Material, starting_values
from gengap.wording import plural

__all__ = ["Refit", "refit"]


@dataclass(frozen=True, eq=False)
class Refit:
    """A recipe, trained on all rows.

    Attributes
    ----------
    recipe : Recipe
        What it was trained with, every strength given, and judged by where that is an average.
    variant : Variant
    epochs : int
    weights, others : tuple of ndarray
        Values of the variant's trainable and other variables, in the order of the network.
    further : tuple of (weights, others)
        Those of networks whose outputs are averaged with its own.
    preprocessing : Preprocessing or JointPreprocessing
        Fitted on all rows.
    """

    recipe: Recipe
    variant: Variant
    epochs: int
    weights: tuple[np.ndarray, ...]
    others: tuple[np.ndarray, ...]
    preprocessing: AnyPreprocessing
    further: tuple[Member, ...] = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """All networks whose outputs are averaged."""
        return ((self.weights, self.others), *self.further)


def refit(
    recipe: Recipe,
    epochs: int,
    *,
    material: Material,
    dataset: Dataset,
    encoded: AnyEncoded,
    batch_size: int,
    planned_epochs: int,
    class_weight: str | None,
    store: Store,
    progress: Progress,
) -> Refit:
    """Train a recipe on all rows, unless the store holds it.

    There is no validation part left: the number of epochs was chosen on the folds, and nothing
    that is measured here is reported.

    Parameters
    ----------
    recipe : Recipe
        Every strength given; a part that chooses an epoch is left out.
    epochs : int
    material : Material
        Of the study.
    dataset : Dataset
    encoded : Encoded, or mapping of such
    batch_size : int
    planned_epochs : int
        Those of the study, by which schedules of the learning rate go.
    class_weight : {"balanced"}, optional
    store : Store
        Where the weights are kept.
    progress : Progress
        Told of every epoch.
    """
    everything = np.arange(len(dataset.rows))
    # The fold's other parts have a row each: nothing is measured here.
    one = everything[:1]
    split = Split(0, 0, training=everything, validation=one, test=one)
    preprocessing = fit(dataset, encoded, everything)
    training, judgement = recipe.training, recipe.judgement
    # Which epoch is the best one has been chosen already; an average is made anew.
    if judgement is not None and not find_technique(judgement.technique).keeps:
        judgement = None
    variant = variant_of(training, material.model)
    seed = int(np.random.SeedSequence([material.seed, 2**31]).generate_state(1)[0])
    run = Run(training, 0, seed, (judgement,))
    initial = starting_values(material.model, variant, {seed})
    scored = judged_recipe(run, judgement)
    key = digest(
        "refit",
        material.key,
        scored.key_text,
        [epochs, planned_epochs, batch_size],
        initial_digest(initial[seed]),
    )
    blob = store.load_blob(key)
    if blob is None:
        progress.announce(f"training {training} on all rows, for {plural(epochs, 'epoch')}")
        data = study_data(dataset, encoded, (split,), (preprocessing,), class_weight=class_weight)
        program = Program(
            techniques=steps_of([training]),
            judges=judges_of([run]),
            rows=len(everything),
            epochs=epochs,
            batch_size=min(batch_size, len(everything)),
            task=dataset.task,
            watched=False,
            planned_epochs=planned_epochs,
        )
        network = lane_network(
            build_variant(material.model, variant),
            **material.rows,
            task=dataset.task,
            classes=material.classes,
            off=variant.off,
        )
        layout = lone_layout(material.model, program)
        with counted(progress, epochs, "epochs"):
            compiled = compile_program(network, program, data, layout, starts=1, reads=False)
            ((ended,),) = train_lanes(
                compiled,
                [run],
                data,
                on_devices(data, layout),
                initial,
                on_epochs=_adding_up(lambda trained: progress.advance(trained, "")),
            )
        blob = _to_bytes(ended.judged[0].members)
        store.save_blob(key, blob)
    (weights, others), *further = _from_bytes(blob)
    return Refit(scored, variant, epochs, weights, others, preprocessing, tuple(further))


def _adding_up(say: Callable[[int], None]) -> Callable[[int], None]:
    """Return what is told of some more, and says how many there are by now."""
    total = 0

    def add(more: int) -> None:
        nonlocal total
        total += more
        say(total)

    return add


def _to_bytes(members: Sequence[Member]) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        f"{kind}-{number}-{i}": value
        for number, values in enumerate(members)
        for kind, some in zip(("weight", "other"), values, strict=True)
        for i, value in enumerate(some)
    }
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _from_bytes(blob: bytes) -> list[Member]:
    with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:

        def some(kind: str, number: int) -> tuple[np.ndarray, ...]:
            count = sum(name.startswith(f"{kind}-{number}-") for name in arrays.files)
            return tuple(arrays[f"{kind}-{number}-{i}"] for i in range(count))

        members = 1 + max(int(name.split("-")[1]) for name in arrays.files)
        return [(some("weight", number), some("other", number)) for number in range(members)]
