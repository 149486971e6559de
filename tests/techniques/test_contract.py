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
    compiled,
    distance,
    fitted_twice,
    lane_of,
    network_of,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)
from techniques.forms import CATALOGUE, FORMS, IN_STEP, RANDOM, filled, neutral


@functools.cache
def network() -> Any:
    return network_of(compiled(sequential(), keras.optimizers.Adam(0.01)))


@functools.cache
def trained(in_program: tuple[str, ...], lanes: tuple[str, ...]) -> tuple[list[np.ndarray], ...]:
    """Train lanes of some recipes in a program that serves others too; return their weights."""
    program = program_of(in_program)
    records = [lane_of(program, recipe) for recipe in lanes]
    state = train_lanes(network(), program, records, shared_of(*table()))
    return tuple([value[lane] for value in state["weights"]] for lane in range(len(lanes)))


@functools.cache
def plainly_fitted(form: str) -> tuple[list[np.ndarray], float]:
    """Return what a technique's plain Keras form trains, and how far rounding may lead from it."""

    def build() -> keras.Model:
        model = compiled(sequential(), keras.optimizers.Adam(0.01))
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

    return fitted_twice(build, *table())


def rounding() -> float:
    """Return how far apart rounding may take two trainings of the baseline."""
    return plainly_fitted("baseline")[1]


def three_lanes(form: str) -> tuple[list[np.ndarray], ...]:
    """Return the weights at the neutral strength, without the technique, and with it."""
    return trained((filled(form),), (neutral(form), "baseline", filled(form)))


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


@pytest.mark.parametrize("form", IN_STEP)
def test_neutral_is_the_baseline(form: str) -> None:
    at_neutral, without, _ = three_lanes(form)
    (alone, _) = trained((), ("baseline", "baseline"))
    assert distance(at_neutral, without) == 0
    assert distance(at_neutral, alone) <= rounding()


@pytest.mark.parametrize("form", IN_STEP)
def test_it_changes_training(form: str) -> None:
    _, without, strong = three_lanes(form)
    assert distance(without, strong) > 1e-5


@pytest.mark.parametrize("form", IN_STEP)
def test_it_shifts_nobody_elses_draws(form: str) -> None:
    others = tuple(filled(other) for other in RANDOM if other != form)
    recipe = " + ".join(others)
    (alone, _) = trained(others, (recipe, recipe))
    (beside, _) = trained((*others, neutral(form)), (recipe, recipe))
    assert distance(alone, beside) <= rounding()


@pytest.mark.parametrize("form", IN_STEP)
def test_it_says_whether_it_draws(form: str) -> None:
    program = program_of([filled(form)])
    lanes = [lane_of(program, filled(form), seed=seed) for seed in (1, 1, 2)]
    state = train_lanes(network(), program, lanes, shared_of(*table()))
    first, again, other = ([value[lane] for value in state["weights"]] for lane in range(3))
    assert distance(first, again) == 0
    assert (distance(first, other) > 0) == FORMS[form][0].random


@pytest.mark.parametrize("form", [form for form in IN_STEP if form not in RANDOM])
def test_it_trains_what_its_plain_keras_form_trains(form: str) -> None:
    _, _, laned = three_lanes(form)
    reference, rounds = plainly_fitted(form)
    assert distance(laned, reference) <= rounds


@pytest.mark.parametrize("name", CATALOGUE)
def test_out_of_bounds_is_refused_with_the_bounds(name: str) -> None:
    for strength in CATALOGUE[name].strengths:
        with pytest.raises(ValueError, match=r"(?s)between|at least|bounds"):
            Recipe.parse(f"{name}({strength.name}={strength.low - 1})")
