"""Techniques at one place of a step act in a fixed order, which is that of their plain forms."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import keras
import numpy as np
import pytest

from gengap.export.blanks import filled as filled_in
from gengap.export.models import plain_keras_of
from gengap.networks.insertion import insert
from gengap.recipe import Recipe
from lanes.cases import (
    WHOLE_BATCHES,
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
from techniques.forms import CATALOGUE, FORMS

#: Within a place, what acts first stands first; what stands together excludes each other.
ORDER = {
    "two_pass": (("adversarial",), ("sam",)),
    "gradients": (("gradient_noise",), ("gradient_clipping",)),
    "update": (
        ("weight_decay",),
        ("l1", "elastic_net"),
        ("group_lasso",),
        ("max_norm",),
        ("lookahead",),
    ),
}
#: Strong enough that the order shows.
RECIPES = {
    "adversarial": "adversarial=0.2",
    "gradient_clipping": "gradient_clipping=0.3",
    "group_lasso": "group_lasso=0.05",
    "l1": "l1=0.01",
    "l2": "l2=0.05",
    "lookahead": "lookahead(step_size=0.5, period=3)",
    "lr_restarts": "lr_restarts(cycles=2, growth=1)",
    "max_norm": "max_norm=0.8",
    "sam": "sam=0.2",
    "weight_decay": "weight_decay=1",
}
ALL = " + ".join(RECIPES.values())
PAIRS = [" + ".join(pair) for pair in itertools.combinations(RECIPES.values(), 2)]


@pytest.mark.parametrize("place", ORDER)
def test_every_technique_has_its_place_in_the_order(place: str) -> None:
    there = {t.name: t.order for t, options in FORMS.values() if getattr(t.hooks(options), place)}
    assert set(there) == {name for names in ORDER[place] for name in names}
    for earlier, later in itertools.pairwise(ORDER[place]):
        assert max(there[name] for name in earlier) < min(there[name] for name in later)
    for names in ORDER[place]:
        for first, second in itertools.permutations(names, 2):
            assert second in {*CATALOGUE[first].excludes} or first in CATALOGUE[second].excludes


DATA = table(rows=WHOLE_BATCHES)
PROGRAM = program_of([ALL], rows=WHOLE_BATCHES)


@functools.cache
def trained() -> dict[str, list[np.ndarray]]:
    """Train lanes with all of them and with every pair, the others neutral; return the weights."""
    recipes = [ALL, *PAIRS]
    network = network_of(compiled(sequential(), keras.optimizers.Adam(0.01)))
    lanes = [lane_of(PROGRAM, recipe) for recipe in recipes]
    weights = train_lanes(network, PROGRAM, lanes, shared_of(*DATA))["weights"]
    return {recipe: [value[at] for value in weights] for at, recipe in enumerate(recipes)}


def check_against_the_plain_forms(text: str) -> None:
    recipe = Recipe.parse(text)
    laned = trained()[text]

    def build() -> keras.Model:
        model = compiled(sequential(), keras.optimizers.Adam(0.01))
        optimizer: Any = keras.optimizers.Adam(0.01)
        scope: dict[str, Any] = {"keras": keras, "jax": jax}
        scope |= {"steps": PROGRAM.steps, "EPOCHS": PROGRAM.epochs}
        for plain in plain_keras_of(recipe):
            exec("".join((*plain.shared_definitions, plain.definitions)), scope)
            model = insert(model, (), plain.kernel_regularizer, max_norm=plain.kernel_max_norm)
            if plain.optimizer:
                expression = filled_in(plain.optimizer, model, optimizer="given")
                optimizer = eval(expression, scope | {"given": optimizer})
        for plain in plain_keras_of(recipe):
            if plain.network:
                scope["network"] = model
                model = eval(filled_in(plain.network, model, network="network"), scope)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        return model

    reference, rounding = fitted_twice(build, *DATA)
    assert distance(laned, reference) <= rounding
    assert all(np.isfinite(value).all() for value in laned)


def test_all_of_them_together_train_what_their_plain_forms_train() -> None:
    check_against_the_plain_forms(ALL)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_so_does_every_pair(pair: str) -> None:
    check_against_the_plain_forms(pair)
