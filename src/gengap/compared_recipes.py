"""The recipes that a study compares with its baseline, checked against network and data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gengap.data.dataset import Dataset, Task
from gengap.errors import UserError
from gengap.lanes.inputs import InputKind, input_kinds, served
from gengap.networks.existing import Existing
from gengap.networks.heads import head_of, heads_of
from gengap.networks.inputs import takes_codes
from gengap.networks.serving import check_parts
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe, parse_candidates
from gengap.techniques.base import Technique
from gengap.techniques.discovery import find_technique
from gengap.wording import listed

if TYPE_CHECKING:
    import keras

__all__ = ["DEFAULT_TECHNIQUES", "acting_on", "compared_recipes"]

#: What is compared where the user names nothing.
DEFAULT_TECHNIQUES = (
    "l1",
    "l2",
    "weight_decay",
    "dropout",
    "batch_norm",
    "early_stopping",
    "label_smoothing",
    "l2+dropout+early_stopping",
)


def compared_recipes(
    techniques: str | Iterable[str | Recipe] | None,
    network: keras.Model,
    dataset: Dataset,
    existing: Sequence[Existing],
) -> tuple[tuple[Recipe, ...], tuple[str, ...]]:
    """Return what is compared with the baseline, and what of the default had to be left out.

    Parameters
    ----------
    techniques : str, iterable of str or Recipe, optional
        As `gengap.compare` takes them; `DEFAULT_TECHNIQUES` where they are left out.
    network : keras.Model
        Compiled.
    dataset : Dataset
    existing : sequence of Existing
        What regularizes the network already: without it, as ``none``, it is compared, too.

    Raises
    ------
    UserError
        Where a recipe that was asked for does not go with the task or the network.
    """
    notes: tuple[str, ...] = ()
    if techniques is None:
        recipes: tuple[Recipe, ...] = ()
        for text in DEFAULT_TECHNIQUES:
            recipe = Recipe.parse(text)
            try:
                _check(recipe, network, dataset)
            except UserError as error:
                if text != "label_smoothing" or "classification" in _tasks(dataset):
                    notes += (f"{text} is left out: {error.message}",)
            else:
                recipes += (recipe,)
    else:
        recipes = parse_candidates(_as_listed(techniques))
        for recipe in recipes:
            _check(recipe, network, dataset)
    none = Recipe.parse("none")
    if existing and none not in recipes:
        recipes = (none, *recipes)
    return recipes, notes


def _as_listed(techniques: Any) -> str | list[str | Recipe]:
    if isinstance(techniques, str):
        return techniques
    if isinstance(techniques, Recipe):
        return [techniques]
    listed = list(techniques) if isinstance(techniques, Iterable) else [techniques]
    for item in listed:
        if not isinstance(item, str | Recipe):
            raise UserError(
                "bad-recipe",
                f"a candidate must be words or a Recipe, received {item!r}",
                "for example techniques=['l2', 'dropout=0.3', 'l2 + early_stopping']",
            )
    return listed


def _check(recipe: Recipe, network: keras.Model, dataset: Dataset) -> None:
    """Refuse a recipe that the task or the network rules out."""
    _check_task(recipe, dataset)
    kinds = input_kinds(network, {n: one.modality for n, one in dataset.by_input().items()})
    for part in recipe.parts:
        technique = find_technique(part.technique)
        _check_losses(technique, network, dataset)
        options = recipe.options()[technique.name]
        technique.check(network, options)
        if _meets_codes(technique, options, network, kinds):
            coded = [f"'{name}'" for name, kind in kinds.items() if kind.codes]
            where = f" for its input{'s' * (len(coded) > 1)} {listed(coded)}" if coded else ""
            raise UserError(
                "inputs-not-numbers",
                f"{technique.name} changes the values of inputs, and the network "
                f"{network.name} takes whole numbers as codes{where}, such as an Embedding's",
                f"leave {technique.name} out, or take dropout, which acts behind every layer",
            )
    check_parts(recipe, build_variant(network, variant_of(recipe, network)))


def _check_task(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse a technique that is made for no output, or for no input."""
    tasks = _tasks(dataset)
    for part in recipe.parts:
        serving = [task for task in tasks if task in find_technique(part.technique).tasks]
        Recipe((part,)).check((serving or tasks)[0], *dataset.modalities)


def _tasks(dataset: Dataset) -> list[Task]:
    """Return the task of every output; that of the one that decides first."""
    return [dataset.task, *(one.task for one in dataset.outputs)]


def _check_losses(technique: Technique, network: keras.Model, dataset: Dataset) -> None:
    """Refuse a technique that is not defined for the loss of an output on which it acts."""
    if not technique.losses:
        return
    serving = [one for one in dataset.outputs if one.task in technique.tasks]
    heads = {f" of the output '{n}'": head for n, head in heads_of(network, serving).items()}
    if not dataset.outputs:
        heads = {"": head_of(network, task=dataset.task, classes=len(dataset.classes))}
    for where, head in heads.items():
        if not (head.keras_loss and head.loss in technique.losses):
            own = "" if head.keras_loss else ", which is not one of Keras"
            raise UserError(
                "loss-not-served",
                f"{technique.name} is not defined for the loss {head.loss}{own}{where}",
                f"it is defined for {', '.join(technique.losses)}",
            )


def _meets_codes(
    technique: Technique,
    options: Mapping[str, str],
    network: keras.Model,
    kinds: Mapping[str, InputKind],
) -> bool:
    """Tell whether a network takes codes where a technique would change numbers.

    Of several inputs it changes those that are none; but rows are mixed whole.
    """
    if not kinds:
        return technique.of_numbers and takes_codes(network)
    if technique.of_numbers and technique.mixes:
        return any(kind.codes for kind in kinds.values())
    return _changes_inputs(technique, options) and not served(technique, kinds)


def _changes_inputs(technique: Technique, options: Mapping[str, str]) -> bool:
    batch = technique.hooks(options).batch is not None and technique.family != "targets"
    return technique.of_numbers or batch


def acting_on(recipes: Sequence[Recipe], kinds: Mapping[str, InputKind]) -> Iterator[str]:
    """Say of techniques that change some of several inputs only, which these are."""
    parts = {part.technique: recipe.options() for recipe in recipes for part in recipe.parts}
    for name, options in parts.items():
        technique = find_technique(name)
        acting = served(technique, kinds)
        if _changes_inputs(technique, options[name]) and len(acting) < len(kinds):
            inputs = listed([f"'{one}'" for one in acting])
            yield f"{name} acts on the input{'s' * (len(acting) > 1)} {inputs} alone"
        if technique.family == "augmentation":
            yield f"what {name} makes of rows is not shown: the network has several inputs"
