"""What every technique promises, whatever it does; found by discovery.

Across programs sums may round otherwise. How far that may lead is derived, not chosen: ten times
the distance between `fit` in 32 and in 64 bits on that very case.
"""

from __future__ import annotations

import functools
from typing import Any, get_args

import keras
import numpy as np
import pytest

from gengap.networks.insertion import insert
from gengap.recipe import Recipe
from gengap.techniques.base import Family
from lanes.cases import (
    NETWORKS,
    compiled,
    distance,
    fitted_twice,
    lane_of,
    network_of,
    program_of,
    rows_of,
    shared_of,
    train_lanes,
)
from techniques.forms import CATALOGUE, FORMS, IN_STEP, RANDOM, filled, kinds, neutral


@functools.cache
def network(kind: str) -> Any:
    return network_of(compiled(NETWORKS[kind](), keras.optimizers.Adam(0.01)))


@functools.cache
def rows(kind: str) -> tuple[np.ndarray, np.ndarray]:
    return rows_of(network(kind).model.input_shape[1:])


@functools.cache
def trained(
    kind: str, in_program: tuple[str, ...], lanes: tuple[str, ...]
) -> tuple[list[np.ndarray], ...]:
    """Train lanes of some recipes in a program that serves others too; return their weights."""
    program = program_of(in_program)
    records = [lane_of(program, recipe) for recipe in lanes]
    state = train_lanes(network(kind), program, records, shared_of(*rows(kind)))
    return tuple([value[lane] for value in state["weights"]] for lane in range(len(lanes)))


@functools.cache
def plainly_fitted(kind: str, form: str) -> tuple[list[np.ndarray], float]:
    """Return what a technique's plain Keras form trains, and how far rounding may lead from it."""

    def build() -> keras.Model:
        model = compiled(NETWORKS[kind](), keras.optimizers.Adam(0.01))
        if form == "baseline":
            return model
        technique, options = FORMS[form]
        recipe = Recipe.parse(filled(form))
        plain = technique.plain_keras(recipe.values()[technique.name], options)
        scope: dict[str, Any] = {"keras": keras}
        exec(plain.definitions, scope)
        if plain.insertions or plain.kernel_regularizer:
            model = insert(model, plain.insertions, plain.kernel_regularizer)
        optimizer: Any = keras.optimizers.Adam(0.01)
        if plain.optimizer:
            optimizer = eval(
                plain.optimizer.format(optimizer="optimizer"), scope | {"optimizer": optimizer}
            )
        loss: Any = "sparse_categorical_crossentropy"
        if plain.loss:
            loss = eval(plain.loss.format(loss="loss"), scope | {"loss": loss})
        model.compile(optimizer, loss)
        return model

    return fitted_twice(build, *rows(kind))


def rounding(kind: str) -> float:
    """Return how far apart rounding may take two trainings of the baseline."""
    return plainly_fitted(kind, "baseline")[1]


def three_lanes(kind: str, form: str) -> tuple[list[np.ndarray], ...]:
    """Return the weights at the neutral strength, without the technique, and with it."""
    return trained(kind, (filled(form),), (neutral(form), "baseline", filled(form)))


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_declares_itself(name: str) -> None:
    technique = CATALOGUE[name]
    assert technique.name == name
    assert technique.family in get_args(Family)
    assert all((technique.summary, technique.formula, technique.source))
    assert "\n" not in technique.summary
    for strength in technique.strengths:
        assert strength.low <= min(strength.grid) <= max(strength.grid) <= strength.high
        assert list(strength.grid) == sorted(set(strength.grid))
        if strength.neutral is not None:
            assert strength.low <= strength.neutral <= strength.high
            assert strength.neutral not in strength.grid


@pytest.mark.parametrize(("kind", "form"), kinds(IN_STEP))
def test_neutral_is_the_baseline(kind: str, form: str) -> None:
    at_neutral, without, _ = three_lanes(kind, form)
    (alone, _) = trained(kind, (), ("baseline", "baseline"))
    assert distance(at_neutral, without) == 0
    assert distance(at_neutral, alone) <= rounding(kind)


@pytest.mark.parametrize(("kind", "form"), kinds(IN_STEP))
def test_it_changes_training(kind: str, form: str) -> None:
    _, without, strong = three_lanes(kind, form)
    assert distance(without, strong) > 1e-5


def compatible(form: str, kind: str) -> list[str]:
    """Return random forms that can be combined with a form and with each other."""
    chosen: list[str] = []
    for other in RANDOM:
        technique = FORMS[other][0]
        beside = [FORMS[some][0] for some in (form, *chosen)]
        if kind in technique.modalities and not any(
            technique.name in {some.name, *some.excludes} or some.name in technique.excludes
            for some in beside
        ):
            chosen.append(other)
    return chosen


@pytest.mark.parametrize("form", IN_STEP)
def test_it_shifts_nobody_elses_draws(form: str) -> None:
    kind = FORMS[form][0].modalities[0]
    others = tuple(map(filled, compatible(form, kind)))
    recipe = " + ".join(others)
    (alone, _) = trained(kind, others, (recipe, recipe))
    (beside, _) = trained(kind, (*others, neutral(form)), (recipe, recipe))
    assert distance(alone, beside) <= rounding(kind)


@pytest.mark.parametrize(("kind", "form"), kinds(IN_STEP))
def test_it_says_whether_it_draws(kind: str, form: str) -> None:
    program = program_of([filled(form)])
    lanes = [lane_of(program, filled(form), seed=seed) for seed in (1, 1, 2)]
    state = train_lanes(network(kind), program, lanes, shared_of(*rows(kind)))
    first, again, other = ([value[lane] for value in state["weights"]] for lane in range(3))
    assert distance(first, again) == 0
    assert (distance(first, other) > 0) == FORMS[form][0].random


@pytest.mark.parametrize(("kind", "form"), kinds(form for form in IN_STEP if form not in RANDOM))
def test_it_trains_what_its_plain_keras_form_trains(kind: str, form: str) -> None:
    _, _, laned = three_lanes(kind, form)
    reference, rounds = plainly_fitted(kind, form)
    assert distance(laned, reference) <= rounds


@pytest.mark.parametrize("name", CATALOGUE)
def test_out_of_bounds_is_refused_with_the_bounds(name: str) -> None:
    for strength in CATALOGUE[name].strengths:
        with pytest.raises(ValueError, match=r"(?s)between|at least|bounds"):
            Recipe.parse(f"{name}({strength.name}={strength.low - 1})")
