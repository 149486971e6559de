"""Hidden layers are found, and changed, in networks of every shape."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from gengap.networks.sites import at_sites, hidden_sites, kernels
from networks.zoo import ZOO, residual


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_every_hidden_layer_is_found_and_the_output_is_not(case):
    model = case.build()
    sites = hidden_sites(model, case.shape)
    assert len(sites) == case.hidden
    changed = []
    values = [[v.value for v in group] for group in (model.trainable_variables, [])]
    others = [v.value for v in model.non_trainable_variables]
    with at_sites(model, sites, lambda index, h: changed.append(index) or h * 0.0):
        outputs, _ = model.stateless_call(values[0], others, case.inputs())
        model.stateless_call(values[0], others, case.inputs())
    assert changed == 2 * list(range(case.hidden))
    constant = np.asarray(outputs)
    if case.name != "attention":  # its inputs go around the hidden layer
        np.testing.assert_array_equal(constant, np.broadcast_to(constant[:1], constant.shape))
    again, _ = model.stateless_call(values[0], others, case.inputs())
    assert not np.array_equal(again, outputs)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


def test_a_site_holds_the_normalization_and_the_nonlinearity_that_follow():
    sites = hidden_sites(residual(), (5,))
    assert [type(layer).__name__ for layer in sites[0].layers] == [
        "Dense",
        "BatchNormalization",
        "ReLU",
    ]
    assert [type(layer).__name__ for layer in sites[1].layers] == ["Dense"]


def test_a_nonlinearity_shared_with_other_places_is_changed_at_the_sites_only():
    relu = layers.ReLU()
    inputs = keras.Input((5,))
    hidden = relu(layers.Dense(5)(inputs))
    hidden = relu(layers.Add()([hidden, inputs]))
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    sites = hidden_sites(model, (5,))
    seen = []
    with at_sites(model, sites, lambda index, h: seen.append(index) or h):
        model.stateless_call([v.value for v in model.variables], [], np.zeros((2, 5), np.float32))
    assert seen == [0]


def test_dropout_between_a_layer_and_its_nonlinearity_does_not_hide_it():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4),
            layers.Dropout(0.5),
            layers.Activation("relu"),
            layers.Dense(1),
        ]
    )
    (site,) = hidden_sites(model, (3,))
    assert [type(layer).__name__ for layer in site.layers] == ["Dense", "Activation"]


def test_the_calls_are_given_back_when_tracing_fails():
    model = residual()
    sites = hidden_sites(model, (5,))

    def fail(index, h):
        raise RuntimeError("on purpose")

    with (
        pytest.raises(RuntimeError, match="on purpose"),
        at_sites(model, sites, fail),
    ):
        model(np.zeros((2, 5), np.float32))
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


class Gate(layers.Layer):
    """A custom layer with a vector and a matrix."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")
        self.mixing = self.add_weight(shape=(shape[-1], shape[-1]), name="mixing")

    def call(self, x):
        return keras.ops.matmul(x * self.scale, self.mixing)


def test_kernels_are_told_from_everything_else():
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.Embedding(10, 3)(inputs)
    hidden = layers.SeparableConv1D(4, 3)(hidden)
    hidden = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(hidden)
    hidden = layers.MultiHeadAttention(1, 2)(hidden, hidden)
    hidden = layers.PReLU()(layers.BatchNormalization()(layers.Flatten()(hidden)))
    model = keras.Model(inputs, layers.Dense(2)(Gate()(hidden)))
    told = dict(zip([v.path for v in model.trainable_variables], kernels(model), strict=True))
    expected = {path: path.endswith(("kernel", "mixing")) for path in told}
    assert told == expected
    assert sum(told.values()) == 2 + 4 + 4 + 1 + 1
