"""The design of a study: its network, candidates, folds and plan, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gengap.candidates import Candidate
from gengap.compared_recipes import acting_on, compared_recipes
from gengap.data.dataset import Dataset
from gengap.data.encoding import Encoded
from gengap.data.joint import AnyEncoded, fit
from gengap.data.several import in_order
from gengap.data.several_targets import outputs_in_order
from gengap.errors import UserError, suggest
from gengap.identity import NUMERICS, digest, network_digest
from gengap.lanes.data import study_data
from gengap.lanes.initial import fresh_copy
from gengap.lanes.inputs import input_kinds
from gengap.networks.existing import SWITCHABLE, Existing, existing_regularization
from gengap.networks.models import resolve_model
from gengap.networks.shapes import input_names, output_names
from gengap.plan import Plan, Settings
from gengap.planning import GRID_LIMIT, candidates_of, make_plan
from gengap.recipe import Recipe
from gengap.rows_as_taken import (
    check_rows_as_taken,
    encoded_rows,
    rows_as_taken,
    widened_columns,
)
from gengap.splits import Split, fewest_groups, make_splits
from gengap.statistics.metrics import Metric, default_metric, find_metric
from gengap.training import Material
from gengap.wording import duration, plural

if TYPE_CHECKING:
    import keras

__all__ = ["Design", "design_study"]

#: Grid points and folds that a study falls back to, in this order, to keep within a budget.
FEWER_GRID_POINTS = (8, 4, 3, 2, 1)
FEWER_FOLDS = (8, 5, 3, 2)


@dataclass(frozen=True, eq=False)
class Design:
    """All that is settled before training.

    Attributes
    ----------
    dataset : Dataset
        As it is split: copies settled.
    encoded : Encoded, or mapping of such
        By the names of the inputs where there are several.
    metric : Metric
        The one that decides.
    existing : tuple of Existing
        What regularizes the model already and can be switched off.
    splits : tuple of Split
    settings : Settings
    class_weight : {"balanced"}, optional
    folds, repeats : int
    plan : Plan
    material : Material
    notes : tuple of str
        What was left out or given up, for the user to read.
    """

    dataset: Dataset
    encoded: AnyEncoded
    metric: Metric
    existing: tuple[Existing, ...]
    splits: tuple[Split, ...]
    settings: Settings
    class_weight: str | None
    folds: int
    repeats: int
    plan: Plan
    material: Material
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """Hash of the whole study: what is compared on what, and how."""
        grids = [candidate.grid for candidate in self.plan.candidates]
        protocol = [self.metric.name, self.folds, self.repeats, self.settings.epochs]
        return digest(self.material.key, protocol, self.settings.batch_size, grids)

    @property
    def setting_key(self) -> str:
        """Hash of what studies that share a run folder agree in: data, network, training.

        They may differ in candidates, folds, repeats and the metric that decides.
        """
        return digest(self.material.key, self.settings.epochs, self.settings.batch_size)


def design_study(
    dataset: Dataset,
    *,
    model: str | Path | keras.Model | None,
    techniques: str | Iterable[str | Recipe] | None,
    metric: str | None,
    folds: int,
    repeats: int,
    epochs: int,
    batch_size: int,
    learning_rate: float | None,
    class_weight: str | None,
    seed: int,
    budget: float | None,
    devices: int | None = None,
) -> Design:
    """Settle what a study trains; the parameters are those of `gengap.compare`.

    Raises
    ------
    UserError
        Where a setting, the network or a candidate does not fit.
    """
    if class_weight is not None:
        _check_class_weight(class_weight, dataset)
    deciding = find_metric(
        metric or default_metric(dataset.task, dataset.rows.target), dataset.task
    )
    inputs = dataset.by_input()
    read = {name: encoded_rows(one) for name, one in (inputs or {"": dataset}).items()}
    # Where a single class was let pass, the network still has two outputs to choose from.
    classes = max(2, len(dataset.classes)) if dataset.task == "classification" else 0
    shapes = {name: tuple(one.values.shape[1:]) for name, one in read.items()}
    network = resolve_model(
        model,
        input_shape=shapes if inputs else shapes[""],
        outputs=classes or 1,
        task=dataset.task,
        learning_rate=learning_rate,
        widened=tuple(
            f"{name}.{column}" if inputs else column
            for name, one in read.items()
            for column in widened_columns((inputs.get(name) or dataset).columns, one)
        ),
        ragged=any(one.form is not None and one.form.padding is not None for one in read.values()),
        several=dataset.outputs,
    )
    # From here on in the order of the network.
    dataset = outputs_in_order(dataset, output_names(network))
    if inputs:
        dataset = in_order(dataset, input_names(network))
        inputs = dataset.by_input()
    encoded, found = rows_as_taken(dataset, read, network)
    parts = encoded if isinstance(encoded, Mapping) else {"": encoded}
    check_rows_as_taken(dataset, parts, network)
    fresh_copy(network, seed)  # every fold starts from one: refused now where it cannot be made
    # What belongs to the architecture stays on in `none`, which therefore says nothing about it.
    existing = tuple(p for p in existing_regularization(network) if p.kind in SWITCHABLE)
    recipes, notes = compared_recipes(techniques, network, dataset, existing)
    kinds = input_kinds(network, {name: one.modality for name, one in inputs.items()})
    notes = found + notes + (tuple(acting_on(recipes, kinds)) if kinds else ())
    notes += tuple(
        f"{recipe}: of the {recipe.grid_size} combinations of its strengths {GRID_LIMIT} are "
        "tried, a seeded sample"
        for recipe in recipes
        if recipe.grid_size > GRID_LIMIT
    )
    settings = Settings(epochs, batch_size, seed)
    tested = 0 if dataset.test is None else len(dataset.test)

    @cache
    def split(folds: int) -> tuple[Split, ...]:
        return make_splits(
            dataset.rows.target,
            task=dataset.task,
            folds=folds,
            repeats=repeats,
            seed=seed,
            groups=dataset.rows.groups,
        )

    def planned(grid_limit: int, folds: int) -> tuple[Plan, tuple[Split, ...]]:
        candidates = candidates_of(recipes, seed=seed, grid_limit=grid_limit)
        splits = split(folds)
        plan = make_plan(
            network,
            candidates,
            splits,
            settings,
            task=dataset.task,
            outputs=classes or 1,
            cells=(len(dataset.rows) + tested) * sum(one.width for one in parts.values()),
            data_bytes=sum(one.values.nbytes for one in parts.values()),
            refits=1 + (tested > 0),
            devices=devices,
        )
        return plan, splits

    plan, splits = planned(GRID_LIMIT, folds)
    if budget is not None and plan.nominal_seconds > budget:
        groups = dataset.rows.groups
        units = len(dataset.rows) if groups is None else len(np.unique(groups))
        for grid_limit, fewer in _smaller(plan.candidates, folds, units):
            plan, splits = planned(grid_limit, fewer)
            if plan.nominal_seconds <= budget:
                break
        notes += (_given_up(grid_limit, folds, fewer, budget),)
        folds = fewer
    key = digest(
        NUMERICS,
        dataset.fingerprint,
        dataset.task,
        network_digest(network),
        class_weight,
        settings.seed,
        *_given_digest(encoded, network),
        *_outputs_digest(dataset),
    )
    data = study_data(
        dataset,
        encoded,
        splits,
        [fit(dataset, encoded, split.training) for split in splits],
        class_weight=class_weight,
        seed=seed,
    )
    return Design(
        dataset=dataset,
        encoded=encoded,
        metric=deciding,
        existing=existing,
        splits=splits,
        settings=settings,
        class_weight=class_weight,
        folds=folds,
        repeats=repeats,
        plan=plan,
        material=Material(
            network,
            data,
            dataset.task,
            classes,
            key,
            seed,
            outputs=dataset.outputs,
            output=dataset.deciding,
        ),
        notes=notes,
    )


def _given_digest(encoded: AnyEncoded, network: keras.Model) -> list[Any]:
    """Return what a study's key says of numbers that the network gets in their own units.

    Of several inputs also which of them takes what: the network's own digest knows no names.
    """
    if isinstance(encoded, Encoded):
        return ["numbers as given"] if encoded.as_given else []
    return [[[name, encoded[name].as_given] for name in input_names(network)]]


def _outputs_digest(dataset: Dataset) -> list[Any]:
    """Return what a study's key says of which output learns what: the network has no names."""
    return [["outputs", *(one.name for one in dataset.outputs)]] if dataset.outputs else []


def _check_class_weight(class_weight: str, dataset: Dataset) -> None:
    if class_weight != "balanced":
        raise UserError(
            "unknown-class-weight",
            f"unknown class weight {class_weight!r}",
            suggest(class_weight, ["balanced"], noun="choices"),
        )
    if dataset.outputs:
        raise UserError(
            "class-weight-of-several-outputs",
            "rows cannot be weighted by their classes where the network has several outputs: a row "
            "has one weight in the losses of all (Keras' own fit refuses class_weight, too)",
            "leave class_weight out, or give every row a weight yourself: sample_weight=",
        )
    if dataset.task != "classification":
        raise UserError(
            "class-weight-without-classes",
            f"the target '{dataset.target_name}' has no classes to weight: this is a regression",
            "leave --class-weight out, or give --task classification",
        )


def _smaller(candidates: Sequence[Candidate], folds: int, units: int) -> Iterator[tuple[int, int]]:
    """Yield grid limits and folds, each cheaper than the one before: grid points go first.

    Folds for which the groups do not suffice, such as two folds of three groups, are left out.
    """
    largest = max(len(candidate.grid) for candidate in candidates)
    limits = [limit for limit in FEWER_GRID_POINTS if limit < largest] or [GRID_LIMIT]
    yield from ((limit, folds) for limit in limits)
    yield from (
        (limits[-1], fewer)
        for fewer in FEWER_FOLDS
        if fewer < folds and fewest_groups(fewer) <= units
    )


def _given_up(grid_limit: int, folds: int, fewer: int, budget: float) -> str:
    given_up = []
    if grid_limit < GRID_LIMIT:
        given_up.append(f"at most {plural(grid_limit, 'grid point')} a candidate")
    if fewer < folds:
        given_up.append(f"{fewer} folds instead of {folds}")
    return f"to keep within {duration(budget)}: {', '.join(given_up)}"
