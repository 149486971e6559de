"""Stacked recurrent layers that are alike share one cell, and only those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.export import plain_model
from gengap.export.models import set_values
from gengap.lanes.initial import fresh_copy
from gengap.networks.cells import at_cells, recurrent_cells
from gengap.networks.compiling import compile_plainly
from gengap.networks.rebuild import matching
from gengap.networks.sharing import cell_stacks, share_cells
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe
from lanes.cases import (
    CLASSES,
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
from techniques.forms import plainly

SHAPE = (5, 2)


def lstm(units: int = 4, **arguments: Any) -> layers.Layer:
    return layers.LSTM(units, **{"return_sequences": True, **arguments})


def stack(*, shared: bool = False) -> keras.Model:
    """Build a stack of three layers, of which the last two are alike, or one."""
    keras.utils.set_random_seed(6)
    inputs = keras.Input(SHAPE)
    first, second = lstm(), lstm()
    third = second if shared else lstm()
    hidden = third(second(first(inputs)))
    out = layers.Dense(CLASSES, activation="softmax")
    return keras.Model(inputs, out(layers.GlobalAveragePooling1D()(hidden)))


def given(rows: int = 8) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, *SHAPE)).astype(np.float32)


def test_a_lane_trains_what_a_network_with_one_layer_called_twice_trains() -> None:
    tied = share_cells(compiled(stack(), keras.optimizers.Adam(0.01)))
    start = [np.asarray(v.value) for v in tied.trainable_variables]
    program = program_of([])
    rows = rows_of(SHAPE)
    state = train_lanes(network_of(tied), program, [lane_of(program)], shared_of(*rows))

    def build() -> keras.Model:
        model = compiled(stack(shared=True), keras.optimizers.Adam(0.01))
        model.set_weights(start)
        return model

    reference, rounds = fitted_twice(build, *rows)
    assert distance([value[0] for value in state["weights"]], reference) <= rounds


def test_the_first_of_a_stack_gives_its_weights() -> None:
    model = stack()
    tied = share_cells(compiled(model, "adam"))
    assert len(tied.trainable_variables) == len(model.trainable_variables) - 3
    assert not any(v is w for v in tied.variables for w in model.variables)
    weights = {id(v) for v in tied.trainable_variables}
    pairs = [
        (variable, model.variables[place])
        for variable, place in zip(tied.variables, matching(model, tied), strict=True)
        if id(variable) in weights  # cells have the state of a generator besides
    ]
    assert [own.path for _, own in pairs] == [
        v.path for v in model.trainable_variables if v.path.split("/")[0] != model.layers[3].name
    ]
    for variable, own in pairs:
        np.testing.assert_array_equal(variable.value, own.value)


def test_the_plain_model_has_layers_of_its_own_with_the_same_weights(tmp_path) -> None:
    model = compiled(stack(), "adam")
    recipe = Recipe.parse("weight_tying")
    program = build_variant(model, variant_of(recipe, model))
    random = np.random.default_rng(1)
    values = {id(v): random.normal(size=v.shape).astype(np.float32) for v in program.variables}
    for variable in program.variables:
        variable.assign(values[id(variable)])
    plain = plain_model(model, recipe)
    set_values(plain, program, values)
    compile_plainly(model, plain)
    plain.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(tmp_path / "plain.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    np.testing.assert_allclose(loaded(given()), program(given()), rtol=1e-5, atol=1e-6)


def test_the_plain_program_trains_tied_cells() -> None:
    model = stack()
    tied = plainly("weight_tying", "network", model, model=model)
    tied.compile("adam", "sparse_categorical_crossentropy")
    tied.fit(given(), np.arange(8) % CLASSES, epochs=2, verbose=0)
    assert tied.layers[3].cell is tied.layers[2].cell
    assert len(tied.trainable_variables) == 3 + 3 + 2


def test_a_fresh_copy_of_the_network_is_tied_as_well() -> None:
    model = compiled(stack(), "adam")
    first, second = (share_cells(fresh_copy(model, seed)) for seed in (1, 2))
    assert [v.shape for v in first.variables] == [v.shape for v in second.variables]
    assert not np.array_equal(first.trainable_variables[0], second.trainable_variables[0])


def test_layers_that_share_a_cell_have_masks_of_their_own() -> None:
    tied = share_cells(compiled(stack(), "adam"))
    cells = recurrent_cells(tied)
    assert len(cells) == 2
    asked: list[int] = []

    def mask(index: int, connection: str, ones: Any) -> Any:
        asked.append(index)
        return ones

    weights = [v.value for v in tied.trainable_variables]
    others = [v.value for v in tied.non_trainable_variables]
    with at_cells(cells, ("state",), mask):
        tied.stateless_call(weights, others, given(), training=True)
    assert sorted(asked) == [0, 1, 3]


def sequential(*hidden: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(SHAPE), *hidden, layers.Dense(2)])


def towers() -> keras.Model:
    inputs = keras.Input(SHAPE)
    sides = [lstm(return_sequences=False)(inputs) for _ in range(2)]
    return keras.Model(inputs, layers.Dense(2)(layers.Concatenate()(sides)))


def nested() -> keras.Model:
    block = keras.Sequential(
        [keras.Input((5, 4)), lstm(name="a"), layers.Dropout(0.5), lstm(name="b")]
    )
    return sequential(lstm(), block, layers.GlobalAveragePooling1D())


STACKS: dict[str, tuple[Callable[[], keras.Model], int]] = {
    "a stack": (stack, 2),
    "the last returns no sequence": (
        lambda: sequential(lstm(), lstm(), lstm(return_sequences=False)),
        2,
    ),
    "the input is as wide": (lambda: sequential(lstm(2), lstm(2), lstm(2), layers.Flatten()), 3),
    "something between": (
        lambda: sequential(lstm(), lstm(), layers.LayerNormalization(), lstm(), layers.Flatten()),
        2,
    ),
    "GRU": (
        lambda: sequential(*[layers.GRU(3, return_sequences=True) for _ in range(3)]),
        2,
    ),
    "within a network": (nested, 2),
    "two only": (lambda: sequential(lstm(), lstm(return_sequences=False)), 0),
    "other kinds": (lambda: sequential(lstm(), lstm(), layers.GRU(4)), 0),
    "other activations": (lambda: sequential(lstm(), lstm(), lstm(activation="relu")), 0),
    "beside each other": (towers, 0),
    "stateful": (
        lambda: keras.Sequential(
            [keras.Input(batch_shape=(8, *SHAPE)), *[lstm(2, stateful=True) for _ in range(2)]]
        ),
        0,
    ),
    "none": (lambda: sequential(layers.Flatten()), 0),
}


@pytest.mark.parametrize("name", STACKS)
def test_layers_are_of_one_stack_where_they_are_alike_and_on_top_of_each_other(name: str) -> None:
    build, count = STACKS[name]
    model = build()
    assert len(cell_stacks(model)) == count
    model.compile("adam", "mse")
    if count:
        tied = share_cells(model)
        assert tied(given()).shape == model(given()).shape
        assert len(recurrent_cells(tied)) == len(recurrent_cells(model)) - count + 1
        return
    with pytest.raises(UserError, match="no two of them") as caught:
        share_cells(model)
    assert caught.value.code == "no-stacked-layers"
