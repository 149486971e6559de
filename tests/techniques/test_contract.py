"""What every technique promises, whatever it does; found by discovery.

Across programs sums may round otherwise. How far that may lead is derived, not chosen: ten times
the distance between `fit` in 32 and in 64 bits on that very case.
"""

from __future__ import annotations

import functools
from typing import Any, get_args

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.export.blanks import filled as filled_in
from gengap.networks.insertion import insert
from gengap.random_bits import key as seed_key
from gengap.recipe import Recipe
from gengap.techniques.base import Batch, Family, Targets
from lanes.cases import (
    CLASSES,
    MODALITIES,
    NETWORKS,
    ROWS,
    WHOLE_BATCHES,
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
from techniques.forms import (
    CATALOGUE,
    FORMS,
    IN_STEP,
    JUDGES,
    RANDOM,
    filled,
    kinds,
    neutral,
    served,
    serves,
)


@functools.cache
def network(kind: str) -> Any:
    return network_of(compiled(NETWORKS[kind](), keras.optimizers.Adam(0.01)))


@functools.cache
def rows(kind: str) -> tuple[np.ndarray, np.ndarray]:
    # Those of a table end with a smaller batch.
    count = ROWS if kind == "table" else WHOLE_BATCHES
    return rows_of(network(kind).model.input_shape[1:], rows=count)


#: Forms that share a program at most: these tests take their time to compile.
TOGETHER = 8


@functools.cache
def programs(kind: str) -> tuple[tuple[str, ...], ...]:
    """Deal the forms that are tested on a network out to programs, what draws numbers first."""
    forms = sorted(
        (form for form in IN_STEP if kind in served(form)), key=lambda form: form not in RANDOM
    )
    count = -(-len(forms) // TOGETHER)
    dealt: list[list[str]] = [[] for _ in range(count)]
    for form in forms:
        # A program holds a technique once.
        free = [some for some in dealt if FORMS[form][0] not in {FORMS[f][0] for f in some}]
        if not free:
            dealt.append([])
            free = dealt[-1:]
        min(free, key=len).append(form)
    return tuple(map(tuple, dealt))


def beside(kind: str, form: str) -> tuple[str, ...]:
    """Return the forms of the program that a form is in."""
    return next(forms for forms in programs(kind) if form in forms)


#: Names of the lanes of a form: with it, again, and with another seed.
LANES = {"first": 0, "again": 0, "other": 1}


@functools.cache
def trained(kind: str, in_program: tuple[str, ...]) -> dict[tuple[str, str], list[np.ndarray]]:
    """Train a lane without techniques and three of every form, all in one program.

    Returns
    -------
    dict of (str, str) to list of ndarray
        The weights, by the form (or ``"baseline"``) and the lane's name.
    """
    program = program_of([filled(form) for form in in_program], rows=len(rows(kind)[1]))
    lanes = {("baseline", "first"): lane_of(program)}
    for form in in_program:
        lanes[form, "neutral"] = lane_of(program, neutral(form))
        for name, seed in LANES.items():
            lanes[form, name] = lane_of(program, filled(form), seed=seed)
    shared = shared_of(*rows(kind))
    state = train_lanes(network(kind), program, list(lanes.values()), shared)
    return {lane: [value[at] for value in state["weights"]] for at, lane in enumerate(lanes)}


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
        scope: dict[str, Any] = {"keras": keras, "jax": jax}
        exec("".join((*plain.shared_definitions, plain.definitions)), scope)
        if plain.insertions or plain.kernel_regularizer or plain.kernel_max_norm:
            changes = {"max_norm": plain.kernel_max_norm}
            model = insert(model, plain.insertions, plain.kernel_regularizer, **changes)
        if plain.network:
            expression = filled_in(plain.network, model, network="network")
            model = eval(expression, scope | {"network": model})
        optimizer: Any = keras.optimizers.Adam(0.01)
        if plain.optimizer:
            training = program_of(rows=len(rows(kind)[1]))
            scope |= {"steps": training.steps, "EPOCHS": training.epochs}
            expression = filled_in(plain.optimizer, model, optimizer="optimizer")
            optimizer = eval(expression, scope | {"optimizer": optimizer})
        loss: Any = "sparse_categorical_crossentropy"
        if plain.loss:
            loss = eval(plain.loss.format(loss="loss"), scope | {"loss": loss})
        model.compile(optimizer, loss)
        return model

    return fitted_twice(build, *rows(kind))


def rounding(kind: str) -> float:
    """Return how far apart rounding may take two trainings of the baseline."""
    return plainly_fitted(kind, "baseline")[1]


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_declares_itself(name: str) -> None:
    technique = CATALOGUE[name]
    assert technique.name == name
    assert technique.family in get_args(Family)
    assert all((technique.summary, technique.formula, technique.source))
    assert "\n" not in technique.summary
    for strength in technique.strengths:
        assert strength.low <= min(strength.grid) <= max(strength.grid) <= strength.high
        # From weak to strong: a limit is the stronger the lower it is.
        upwards = sorted(set(strength.grid))
        assert list(strength.grid) in (upwards, upwards[::-1])
        if strength.neutral is not None:
            assert strength.low <= strength.neutral <= strength.high
            assert strength.neutral not in strength.grid


@pytest.mark.parametrize("form", FORMS)
def test_it_serves_a_network_of_every_kind_of_data_that_it_names(form: str) -> None:
    for modality in FORMS[form][0].modalities:
        assert any(serves(kind, form) for kind in NETWORKS if MODALITIES[kind] == modality)


@pytest.mark.parametrize(("kind", "form"), kinds(IN_STEP))
def test_neutral_is_the_baseline(kind: str, form: str) -> None:
    lanes = trained(kind, beside(kind, form))
    (without,) = trained(kind, ()).values()
    assert distance(lanes[form, "neutral"], lanes["baseline", "first"]) == 0
    assert distance(lanes[form, "neutral"], without) <= rounding(kind)


@pytest.mark.parametrize(("kind", "form"), kinds(IN_STEP))
def test_it_changes_training(kind: str, form: str) -> None:
    lanes = trained(kind, beside(kind, form))
    assert distance(lanes[form, "first"], lanes["baseline", "first"]) > 1e-5


@pytest.mark.parametrize(("kind", "form"), [(served(form)[0], form) for form in IN_STEP])
def test_it_shifts_nobody_elses_draws(kind: str, form: str) -> None:
    together = beside(kind, form)
    other = next(some for some in together if some in RANDOM and some != form)
    lane = (other, "first")
    assert distance(trained(kind, (other,))[lane], trained(kind, together)[lane]) <= rounding(kind)


@pytest.mark.parametrize(("kind", "form"), kinds(IN_STEP))
def test_it_says_whether_it_draws(kind: str, form: str) -> None:
    lanes = trained(kind, beside(kind, form))
    first, again, other = (lanes[form, name] for name in LANES)
    assert distance(first, again) == 0
    assert (distance(first, other) > 0) == FORMS[form][0].random


@pytest.mark.parametrize(("kind", "form"), kinds(form for form in IN_STEP if form not in RANDOM))
def test_it_trains_what_its_plain_keras_form_trains(kind: str, form: str) -> None:
    reference, rounds = plainly_fitted(kind, form)
    assert distance(trained(kind, beside(kind, form))[form, "first"], reference) <= rounds


def of_batches() -> list[str]:
    """Name the forms that change a batch of what may hold codes: of tables and sequences."""
    return [
        form
        for form, (technique, options) in FORMS.items()
        if technique.hooks(options).batch and technique.modalities != ("image",)
    ]


@pytest.mark.parametrize("form", of_batches())
def test_it_says_whether_it_makes_other_numbers_of_codes(form: str) -> None:
    technique, options = FORMS[form]
    values = {s.name: jnp.float32(s.grid[-1]) for s in technique.strengths}
    codes = np.random.default_rng(0).integers(1, 9, (32, 5, 2)).astype("float32")
    if "table" in technique.modalities:
        codes = codes[..., 0]
    classes = jnp.tile(jnp.arange(CLASSES)[:, None], 32)
    batch = Batch(
        jnp.asarray(codes),
        Targets(
            jnp.arange(32)[None] % CLASSES,
            jnp.ones(1),
            classes=classes,
        ),
        value_range=jnp.array([1.0, 9.0]),
        columns=jnp.arange(5),
    )
    given = technique.hooks(options).batch(values, seed_key(0), batch).inputs
    # A code of padding, 0, may come in.
    assert technique.of_numbers == bool(set(np.unique(given)) - {0.0, *np.unique(codes)})


@functools.cache
def judged(kind: str, forms: tuple[str, ...]) -> dict[str, Any]:
    """Train a lane that is judged by some recipes; return its state, without a lane axis."""
    program = program_of(judges=forms, rows=len(rows(kind)[1]))
    parts = [Recipe.parse(form).parts[0] for form in forms]
    judges = [{name: np.float32(value) for name, value in part.strengths} for part in parts]
    lane = lane_of(program, judges=judges)
    state = train_lanes(network(kind), program, [lane], shared_of(*rows(kind)))
    return jax.tree.map(lambda leaf: leaf[0], state)


@pytest.mark.parametrize(("kind", "form"), kinds(JUDGES))
def test_a_judgement_leaves_training_alone(kind: str, form: str) -> None:
    plain, with_it = judged(kind, ())["weights"], judged(kind, (filled(form),))["weights"]
    assert distance(plain, with_it) <= rounding(kind)


@pytest.mark.parametrize(("kind", "form"), kinds(form for form in JUDGES if FORMS[form][0].keeps))
def test_what_is_kept_is_the_last_weights_at_the_neutral_strength(kind: str, form: str) -> None:
    technique, options = FORMS[form]
    keep = technique.hooks(options).keep
    state = judged(kind, (neutral(form),))
    members = keep.members(state["judged"][0]["kept"], state["others"])
    assert 1 <= len(members) <= keep.most
    assert distance(members[-1][0], state["weights"]) == 0
    assert all((a == b).all() for a, b in zip(members[-1][1], state["others"], strict=True))
    if len(members) == 1 and keep.stale:
        assert not keep.stale(state["judged"][0]["kept"])


@pytest.mark.parametrize("name", CATALOGUE)
def test_out_of_bounds_is_refused_with_the_bounds(name: str) -> None:
    for strength in CATALOGUE[name].strengths:
        with pytest.raises(ValueError, match=r"(?s)between|at least|bounds"):
            Recipe.parse(f"{name}({strength.name}={strength.low - 1})")
