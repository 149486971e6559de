"""Outputs become probabilities, and targets take the form of the loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from gengap.errors import UserError
from gengap.networks.heads import TargetForm, head_of, to_probabilities
from networks.zoo import Residual, ResidualWithSoftmax


def compiled(loss, units, activation=None):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(units, activation)])
    model.compile("sgd", loss)
    return model


def own_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(keras.ops.cast(y_true, "float32") - y_pred[..., 0]))


@pytest.mark.parametrize(
    ("loss", "units", "activation", "kind", "from_logits"),
    [
        ("sparse_categorical_crossentropy", 2, "softmax", "codes", False),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), 2, None, "codes", True),
        (keras.losses.CategoricalCrossentropy(from_logits=True), 2, None, "one_hot", True),
        (keras.losses.CategoricalFocalCrossentropy(), 2, "softmax", "one_hot", False),
        ("binary_crossentropy", 1, "sigmoid", "column", False),
        (keras.losses.BinaryCrossentropy(from_logits=True), 1, None, "column", True),
        ("binary_crossentropy", 2, "sigmoid", "one_hot", False),
        ("hinge", 1, "tanh", "column", True),
        ("mse", 2, "softmax", "one_hot", False),
        (keras.losses.categorical_hinge, 2, None, "one_hot", True),
        (own_loss, 2, "softmax", "codes", False),
        (own_loss, 1, "sigmoid", "column", False),
    ],
)
def test_every_loss_gets_targets_that_it_takes(loss, units, activation, kind, from_logits):
    model = compiled(loss, units, activation)
    head = head_of(model, task="classification", classes=2)
    assert (head.targets.kind, head.from_logits, head.units) == (kind, from_logits, units)
    assert head.keras_loss is (loss is not own_loss)
    inputs = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    target = head.targets.encode(np.array([0, 1, 1, 0, 1, 0]))
    assert np.isfinite(model.evaluate(inputs, target, verbose=0))
    shares = np.asarray(to_probabilities(model(inputs), head.from_logits, units))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    if units == 1:
        order = np.argsort(np.asarray(model(inputs))[:, 0])
        assert (np.diff(shares[order, 1]) >= 0).all()


def test_the_loss_decides_where_the_layers_do_not_say():
    model = Residual()
    model(np.zeros((2, 5), np.float32))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert head_of(model, task="classification", classes=3).from_logits
    model = ResidualWithSoftmax()
    model(np.zeros((2, 5), np.float32))
    model.compile("sgd", "sparse_categorical_crossentropy")
    head = head_of(model, task="classification", classes=3)
    assert (head.activation, head.from_logits) == ("softmax", False)


def test_a_sparse_loss_over_one_unit_is_refused():
    model = compiled("sparse_categorical_crossentropy", 1, "sigmoid")
    with pytest.raises(UserError) as caught:
        head_of(model, task="classification", classes=2)
    assert caught.value.code == "loss-does-not-fit"


def test_regression_targets_are_a_column():
    head = head_of(compiled("mae", 1), task="regression", classes=1)
    assert head.targets == TargetForm("column", 0)
    assert not head.from_logits
    np.testing.assert_array_equal(head.targets.encode(np.array([1.5, 2.0])), [[1.5], [2.0]])


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=5))
def test_a_softmax_in_the_network_or_after_it_is_the_same(logits):
    row = np.array([logits], np.float32)
    inside = np.asarray(keras.ops.softmax(row))
    np.testing.assert_allclose(
        to_probabilities(inside, from_logits=False, units=len(logits)),
        to_probabilities(row, from_logits=True, units=len(logits)),
        atol=1e-6,
    )
