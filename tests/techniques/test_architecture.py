"""Layers that techniques insert for good: layer normalization and skip connections."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.networks.insertion import insert
from gengap.networks.rebuild import matching
from gengap.networks.residuals import residual_joins
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe
from lanes.cases import (
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
from networks.zoo import GRAPHS
from techniques.forms import CATALOGUE

INSERTED = ("layer_norm", "skip_connection")


def varied(model: keras.Model, text: str) -> keras.Model:
    return build_variant(model, variant_of(Recipe.parse(text), model))


def wide(*, by_hand: str = "") -> keras.Model:
    """Build a network with a hidden layer as wide as its input, or what a technique makes of it."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6,))
    first = layers.Dense(8, activation="relu")
    second = layers.Dense(8, activation="tanh")
    last = layers.Dense(3, activation="softmax")
    if by_hand == "layer_norm":
        first.activation = second.activation = keras.activations.linear
        hidden = keras.ops.relu(layers.LayerNormalization()(first(inputs)))
        hidden = keras.ops.tanh(layers.LayerNormalization()(second(hidden)))
        return keras.Model(inputs, last(hidden))
    if by_hand == "skip_connection":
        hidden = first(inputs)
        return keras.Model(inputs, last(hidden + second(hidden)))
    return keras.Sequential([inputs, first, second, last])


@pytest.mark.parametrize("name", INSERTED)
def test_a_lane_trains_what_the_network_by_hand_trains(name: str) -> None:
    model = varied(compiled(wide(), keras.optimizers.Adam(0.01)), name)
    program = program_of([])
    rows = rows_of((6,))
    state = train_lanes(network_of(model), program, [lane_of(program)], shared_of(*rows))
    found = [value[0] for value in state["weights"]]

    def build() -> keras.Model:
        return compiled(wide(by_hand=name), keras.optimizers.Adam(0.01))

    reference, rounds = fitted_twice(build, *rows)
    # The network by hand has its weights in another order, each of them twice or once.
    for value in reference:
        assert min(
            distance([value], [other]) for other in found if other.shape == value.shape
        ) <= max(rounds, 1e-6)


def test_layer_normalization_keeps_the_bias() -> None:
    new = varied(compiled(wide(), "adam"), "layer_norm")
    kinds = [type(layer).__name__ for layer in new.layers]
    assert kinds == ["Dense", "LayerNormalization", "Activation"] * 2 + ["Dense"]
    assert all(layer.use_bias for layer in new.layers[::3])


def test_layer_normalization_goes_with_batch_normalization() -> None:
    new = varied(compiled(wide(), "adam"), "layer_norm + batch_norm")
    kinds = [type(layer).__name__ for layer in new.layers[:4]]
    assert kinds == ["Dense", "BatchNormalization", "LayerNormalization", "Activation"]


@pytest.mark.parametrize("case", GRAPHS, ids=str)
def test_layer_normalization_goes_into_networks_of_every_shape(case) -> None:
    model = case.build()
    new = insert(model, CATALOGUE["layer_norm"].insertions)
    assert new(case.inputs()).shape == model(case.inputs()).shape


def padded() -> keras.Model:
    convolution = [layers.Conv2D(4, 3, padding="same", activation="relu") for _ in range(2)]
    hidden = [*convolution, layers.MaxPooling2D(), layers.Flatten(), layers.Dense(8)]
    return keras.Sequential([keras.Input((6, 6, 4)), *hidden, layers.Dense(3)])


def stacked() -> keras.Model:
    hidden = [layers.LSTM(4, return_sequences=True), layers.Dropout(0.5), layers.LSTM(4)]
    return keras.Sequential([keras.Input((5, 4)), *hidden, layers.Dense(3)])


def nested() -> keras.Model:
    block = keras.Sequential([keras.Input((6,)), layers.Dense(6, "relu"), layers.Dense(6, "relu")])
    return keras.Sequential([keras.Input((6,)), block, layers.Dense(3)])


def normalized() -> keras.Model:
    hidden = [layers.Dense(6), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(3)])


@pytest.mark.parametrize(
    ("build", "count"), [(wide, 1), (padded, 2), (stacked, 1), (nested, 2), (normalized, 1)]
)
@pytest.mark.parametrize("text", ["skip_connection", "skip_connection + layer_norm"])
def test_every_hidden_layer_of_one_shape_has_a_skip_connection(build, count, text) -> None:
    model = compiled(build(), "adam")
    shape = model.input_shape[1:]
    new = varied(model, text)
    assert len(residual_joins(new, shape)) == count
    places = matching(model, new)
    kept = [
        place for place in places if place is not None and "seed" not in model.variables[place].path
    ]
    assert len(set(kept)) == len([v for v in model.variables if "seed" not in v.path])
    # With no weights the hidden layers pass on what they take in.
    given = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    assert new(given).shape == (4, 3)
    with pytest.raises(UserError, match="none leads yet"):
        varied(new, "skip_connection")


def test_what_leads_around_a_layer_leads_around_its_normalization_and_dropout() -> None:
    model = compiled(normalized(), "adam")
    plain = insert(
        model,
        [
            *CATALOGUE["skip_connection"].insertions,
            *CATALOGUE["layer_norm"].insertions,
            *CATALOGUE["dropout"].plain_keras({"rate": 0.999}, {}).insertions,
        ],
    )
    (join,) = residual_joins(plain, (6,))
    kinds = {type(layer).__name__ for layer in plain.layers if id(layer) in join.within}
    assert kinds == {"Dense", "LayerNormalization", "BatchNormalization", "ReLU", "Dropout"}


def test_a_shortcut_is_what_the_layer_takes_in() -> None:
    model = compiled(wide(), "adam")
    given = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    hidden = model.layers[0](given)
    expected = model.layers[2](hidden + model.layers[1](hidden))
    np.testing.assert_allclose(varied(model, "skip_connection")(given), expected, rtol=1e-6)


@pytest.mark.parametrize("name", INSERTED)
def test_a_saved_network_says_the_same(name: str, tmp_path) -> None:
    new = varied(compiled(wide(), "adam"), name)
    new.save(tmp_path / "new.keras")
    given = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    loaded = keras.saving.load_model(tmp_path / "new.keras", compile=False)
    np.testing.assert_allclose(loaded(given), new(given), rtol=1e-6)


def test_a_network_of_other_shapes_is_refused() -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8), layers.Dense(3)])
    with pytest.raises(UserError, match="of which both have one shape") as caught:
        insert(model, CATALOGUE["skip_connection"].insertions)
    assert caught.value.code == "no-equal-shapes"


@pytest.mark.parametrize("name", INSERTED)
def test_a_subclassed_network_is_refused(name: str) -> None:
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = layers.Dense(6), layers.Dense(2)

        def call(self, x):
            return self.out(self.hidden(x))

    model = Own()
    model(np.zeros((2, 6), np.float32))
    with pytest.raises(UserError, match="subclassed"):
        insert(model, CATALOGUE[name].insertions)
