"""What the outputs of a network are called, and what is refused of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from gengap.data.dataset import Output
from gengap.errors import UserError
from gengap.networks.compiling import loss_weights_of
from gengap.networks.outputs import check_distinct, check_heads, check_outputs, with_layers_behind
from gengap.networks.own_copy import own_copy
from gengap.networks.shapes import keras_output_names, output_names, output_shapes

OUTPUTS = (Output("price", "regression"), Output("kind", "classification", ("a", "b", "c")))


@keras.saving.register_keras_serializable("tests")
class MLPHead(layers.Layer):
    """A head of the user's own."""

    def call(self, inputs):
        return inputs[..., :1]


def network(structure: Any = list, *, named: bool = True) -> keras.Model:
    inputs = keras.Input((4,))
    outputs = {
        "price": layers.Dense(1, name="price" if named else None)(inputs),
        "kind": layers.Dense(3, activation="softmax", name="kind" if named else None)(inputs),
    }
    return keras.Model(inputs, list(outputs.values()) if structure is list else structure(outputs))


def test_an_output_whose_layer_keras_named_goes_by_its_place() -> None:
    inputs = keras.Input((4, 4, 2))
    made = [
        layers.GlobalAveragePooling2D(),
        layers.Conv2DTranspose(1, 2),
        MLPHead(),
        layers.PReLU(),
        layers.Dense(1, name="dense_of_mine"),
    ]
    model = keras.Model(inputs, [layer(inputs) for layer in made])
    numbered = [f"output_{place}" for place in range(1, 5)]
    assert output_names(model) == (*numbered, "dense_of_mine")


@pytest.mark.parametrize("structure", [list, dict, OrderedDict])
def test_names_are_those_of_the_outputs_beside_them(structure) -> None:
    model = network(structure)
    for one in (model, own_copy(model)):
        units = {
            n: shape[1] for n, shape in zip(output_names(one), output_shapes(one), strict=True)
        }
        assert units == {"price": 1, "kind": 3}


@pytest.mark.parametrize("structure", [list, dict, OrderedDict])
def test_losses_of_a_copy_are_of_the_same_outputs(structure) -> None:
    model = network(structure)
    losses = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
    model.compile("sgd", [losses[name] for name in keras_output_names(model)])
    rows = np.ones((6, 4), "float32")
    y = {"price": np.full((6, 1), 2.0), "kind": np.ones(6, int)}
    y = {name: y[name] for name in keras_output_names(model)}
    given: Any = list(y.values()) if structure is list else structure(y)
    found = [one.evaluate(rows, given, verbose=0) for one in (model, own_copy(model))]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def two_headed(name: str | None) -> keras.Model:
    inputs, outer = keras.Input((4,)), keras.Input((4,))
    heads = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(3)(inputs)], name=name)
    return keras.Model(outer, list(heads(outer)))


def called_twice(name: str | None) -> keras.Model:
    inputs = [keras.Input((4,)), keras.Input((4,))]
    head = layers.Dense(1, name=name)
    return keras.Model(inputs, [head(one) for one in inputs])


@pytest.mark.parametrize("name", ["mine", None])
@pytest.mark.parametrize("make", [two_headed, called_twice])
def test_two_outputs_of_one_name_are_refused(make, name) -> None:
    with pytest.raises(UserError) as caught:
        check_distinct(make(name))
    assert caught.value.code == "several-outputs"
    assert "Identity(name='price')" in caught.value.hint


def test_so_is_one_with_the_name_that_the_place_of_another_has() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(1, name="output_2")(inputs), layers.Dense(1)(inputs)])
    with pytest.raises(UserError, match="'output_2'"):
        check_distinct(model)


def test_the_hint_says_what_goes_with_several_targets() -> None:
    inputs = keras.Input((4,))
    with pytest.raises(UserError) as caught:
        check_outputs(keras.Model(inputs, layers.Dense(1)(inputs)), 1, "regression", OUTPUTS)
    assert "the targets of one output" in caught.value.hint
    with pytest.raises(UserError) as caught:
        check_outputs(network(), 1, "regression", (Output("cost", "regression"), OUTPUTS[1]))
    assert "a list" not in caught.value.hint


def test_an_order_that_copies_do_not_keep_is_refused() -> None:
    with pytest.raises(UserError, match="OrderedDict") as caught:
        check_outputs(network(OrderedDict), 1, "regression", OUTPUTS)
    assert "plain mapping" in caught.value.hint
    check_outputs(network(dict), 1, "regression", OUTPUTS)


LISTED: list[Any] = ["mse", "sparse_categorical_crossentropy"]
NAMED = dict(zip(("price", "kind"), LISTED, strict=True))


@pytest.mark.parametrize(
    ("structure", "losses", "weights", "counts"),
    [
        (list, LISTED, [2.0, 1.0], (2.0, 1.0)),
        (list, NAMED, {"kind": 1.0, "price": 2.0}, (2.0, 1.0)),
        (list, NAMED, [2.0, 1.0], (2.0, 1.0)),
        (list, LISTED, None, None),
        (dict, NAMED, {"kind": 1.0, "price": 2.0}, (1.0, 2.0)),
        (dict, LISTED[::-1], [1.0, 2.0], (1.0, 2.0)),
        (dict, NAMED, [1.0, 2.0], (1.0, 2.0)),
        (OrderedDict, LISTED, [2.0, 1.0], (2.0, 1.0)),
        (OrderedDict, OrderedDict(NAMED), [2.0, 1.0], (2.0, 1.0)),
    ],
)
def test_losses_count_as_keras_counts_them(structure, losses, weights, counts) -> None:
    model = network(structure)
    model.compile("sgd", losses, loss_weights=weights)
    check_heads(model, 1, "regression", OUTPUTS)
    assert loss_weights_of(model) == counts
    rows, kinds = np.ones((6, 4), "float32"), np.zeros(6, int)
    y: Any = {"price": np.full((6, 1), 9.0), "kind": kinds}
    y = list(y.values()) if structure is list else structure(y)
    total = model.evaluate(rows, y, verbose=0, return_dict=True)["loss"]
    each = {}
    predicted = keras.tree.flatten(model.predict(rows, verbose=0))
    for name, values in zip(keras_output_names(model), predicted, strict=True):
        each[name] = np.mean((values - 9) ** 2) if name == "price" else -np.log(values[:, 0]).mean()
    shares = counts or (1.0, 1.0)
    expected = sum(
        c * each[name] for c, name in zip(shares, keras_output_names(model), strict=True)
    )
    assert total == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("structure", "losses", "weights"),
    [
        (list, LISTED, {"price": 2.0, "kind": 1.0}),
        (dict, LISTED[::-1], {"price": 2.0, "kind": 1.0}),
        (list, NAMED, {"price": 2.0}),
        (list, LISTED, [1.0, 2.0, 3.0]),
        (dict, NAMED, {"price": 2.0, "sort": 1.0}),
    ],
)
def test_weights_that_do_not_go_with_the_losses_are_refused(structure, losses, weights) -> None:
    model = network(structure)
    model.compile("sgd", losses, loss_weights=weights)
    with pytest.raises(UserError) as caught:
        check_heads(model, 1, "regression", OUTPUTS)
    assert caught.value.code == "loss-weights"


def test_layers_behind_outputs_find_names_that_are_free() -> None:
    inputs = keras.Input((4,), name="target_unit")
    hidden = layers.Dense(3, name="price_before")(inputs)
    outputs = [layers.Dense(1, name="price")(hidden), layers.Dense(1)(hidden)]
    for structure in (outputs, {"price/1": outputs[0], "target_unit": outputs[1]}):
        model = keras.Model(inputs, structure)
        names = output_names(model)
        changed = with_layers_behind(model, [doubled, doubled])
        assert output_names(changed) == names
        rows = np.ones((2, 4), "float32")
        before, after = (
            keras.tree.flatten(one.predict(rows, verbose=0)) for one in (model, changed)
        )
        np.testing.assert_allclose(after, 2 * np.array(before), rtol=1e-6)


def doubled(name: str) -> keras.layers.Layer:
    return layers.Rescaling(2.0, name=name)
