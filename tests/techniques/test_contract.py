"""What every technique promises, whatever it does; found by discovery.

Across programs sums may round otherwise. How far that may lead is derived, not chosen: ten times
the distance between `fit` in 32 and in 64 bits on that very case.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest

from gengap.networks.insertion import insert
from gengap.recipe import Recipe
from gengap.techniques.base import Technique
from gengap.techniques.discovery import techniques
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

CATALOGUE = techniques()
FAMILIES = {"penalty", "noise", "normalization", "stopping", "targets"}


def filled(technique: Technique) -> str:
    """Return a recipe of one technique with the strongest point of its grid."""
    strengths = ", ".join(f"{s.name}={s.grid[-1]!r}" for s in technique.strengths)
    return f"{technique.name}({strengths})" if strengths else technique.name


def neutral(technique: Technique) -> str:
    strengths = ", ".join(f"{s.name}={s.neutral!r}" for s in technique.strengths)
    return f"{technique.name}({strengths})"


def in_step(technique: Technique) -> bool:
    hooks = technique.hooks({o.name: o.choices[0] for o in technique.options})
    return any((hooks.inputs, hooks.targets, hooks.activation, hooks.penalty, hooks.update))


IN_STEP = [name for name, technique in CATALOGUE.items() if in_step(technique)]
RANDOM = ["dropout", "gaussian_noise", "input_dropout"]


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
def plainly_fitted(name: str) -> tuple[list[np.ndarray], float]:
    """Return what a technique's plain Keras form trains, and how far rounding may lead from it."""

    def build() -> keras.Model:
        model = compiled(sequential(), keras.optimizers.Adam(0.01))
        if name == "baseline":
            return model
        technique = CATALOGUE[name]
        recipe = Recipe.parse(filled(technique))
        plain = technique.plain_keras(recipe.values()[name], recipe.options()[name])
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


def three_lanes(name: str) -> tuple[list[np.ndarray], ...]:
    """Return the weights at the neutral strength, without the technique, and with it."""
    technique = CATALOGUE[name]
    return trained((filled(technique),), (neutral(technique), "baseline", filled(technique)))


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_declares_itself(name: str) -> None:
    technique = CATALOGUE[name]
    assert technique.name == name
    assert technique.family in FAMILIES
    assert all((technique.summary, technique.formula, technique.source))
    assert "\n" not in technique.summary
    for strength in technique.strengths:
        assert strength.low <= min(strength.grid) <= max(strength.grid) <= strength.high
        assert list(strength.grid) == sorted(set(strength.grid))
        if strength.neutral is not None:
            assert strength.low <= strength.neutral <= strength.high
            assert strength.neutral not in strength.grid


@pytest.mark.parametrize("name", IN_STEP)
def test_neutral_is_the_baseline(name: str) -> None:
    at_neutral, without, _ = three_lanes(name)
    (alone, _) = trained((), ("baseline", "baseline"))
    assert distance(at_neutral, without) == 0
    assert distance(at_neutral, alone) <= rounding()


@pytest.mark.parametrize("name", IN_STEP)
def test_it_changes_training(name: str) -> None:
    _, without, strong = three_lanes(name)
    assert distance(without, strong) > 1e-5


@pytest.mark.parametrize("name", IN_STEP)
def test_it_shifts_nobody_elses_draws(name: str) -> None:
    others = tuple(filled(CATALOGUE[other]) for other in RANDOM if other != name)
    recipe = " + ".join(others)
    (alone, _) = trained(others, (recipe, recipe))
    (beside, _) = trained((*others, neutral(CATALOGUE[name])), (recipe, recipe))
    assert distance(alone, beside) <= rounding()


@pytest.mark.parametrize("name", [name for name in IN_STEP if name not in RANDOM])
def test_it_trains_what_its_plain_keras_form_trains(name: str) -> None:
    _, _, laned = three_lanes(name)
    reference, rounds = plainly_fitted(name)
    assert distance(laned, reference) <= rounds


@pytest.mark.parametrize("name", CATALOGUE)
def test_out_of_bounds_is_refused_with_the_bounds(name: str) -> None:
    for strength in CATALOGUE[name].strengths:
        with pytest.raises(ValueError, match=r"(?s)between|at least|bounds"):
            Recipe.parse(f"{name}({strength.name}={strength.low - 1})")
