"""What regularizes a network already is listed, switched off, and switched on again exactly."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest
from keras import layers, regularizers

from gengap.networks.existing import (
    ARCHITECTURE,
    SWITCHABLE,
    existing_regularization,
    without,
)
from gengap.networks.strip import strip


def regularized() -> keras.Model:
    inputs = keras.Input((3, 4))
    hidden = layers.Bidirectional(
        layers.LSTM(
            5,
            return_sequences=True,
            dropout=0.2,
            recurrent_dropout=0.3,
            kernel_regularizer="l2",
        )
    )(inputs)
    hidden = layers.MultiHeadAttention(2, 4, dropout=0.1)(hidden, hidden)
    hidden = layers.LayerNormalization()(hidden)
    hidden = layers.SpatialDropout1D(0.15)(hidden)
    hidden = layers.GlobalAveragePooling1D()(hidden)
    hidden = layers.Dense(
        8,
        kernel_regularizer=regularizers.L1L2(0.01, 0.02),
        bias_regularizer="l2",
        activity_regularizer="l1",
        kernel_constraint="max_norm",
    )(hidden)
    hidden = layers.BatchNormalization()(hidden)
    hidden = layers.GaussianNoise(0.25)(hidden)
    model = keras.Model(inputs, layers.Dense(3, "softmax")(layers.Dropout(0.5)(hidden)))
    model.compile("adamw", keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    return model


EXPECTED = {
    ("recurrent_input_dropout", "LSTM(dropout=0.2)"),
    ("recurrent_dropout", "LSTM(recurrent_dropout=0.3)"),
    ("kernel_l2", "L2(0.01) on kernel"),
    ("dropout", "Dropout(0.1)"),
    ("layer_norm", "LayerNormalization"),
    ("dropout", "SpatialDropout1D(0.15)"),
    ("activity", "activity L1(0.01)"),
    ("kernel_l1", "L1L2(0.01, 0.02) on kernel"),
    ("kernel_l2", "L1L2(0.01, 0.02) on kernel"),
    ("max_norm", "MaxNorm on kernel"),
    ("other_penalty", "L2(0.01) on bias"),
    ("batch_norm", "BatchNormalization"),
    ("gaussian_noise", "GaussianNoise(0.25)"),
    ("dropout", "Dropout(0.5)"),
    ("weight_decay", "AdamW(weight_decay=0.004)"),
    ("label_smoothing", "CategoricalCrossentropy(label_smoothing=0.1)"),
}


def described(model):
    return {(part.kind, part.description) for part in existing_regularization(model)}


def two_passes(model):
    """Return what two passes in training return, each with its own random numbers."""
    inputs = np.random.default_rng(0).normal(size=(8, 3, 4)).astype(np.float32)

    @jax.jit
    def run(weights, others):
        first, others = model.stateless_call(weights, others, inputs, training=True)
        second, _ = model.stateless_call(weights, others, inputs, training=True)
        return first, second

    weights = [variable.value for variable in model.trainable_variables]
    return run(weights, [variable.value for variable in model.non_trainable_variables])


def test_everything_is_listed():
    assert described(regularized()) == EXPECTED


def test_a_plain_network_has_nothing():
    model = keras.Sequential([keras.Input((3,)), layers.Dropout(0.0), layers.Dense(1)])
    model.compile("adam", "mse")
    assert existing_regularization(model) == ()


@pytest.mark.parametrize("kind", sorted(SWITCHABLE))
def test_each_kind_is_switched_off_alone_and_on_again(kind):
    model = regularized()
    with without(model, {kind}):
        left = {name for name, _ in described(model)}
        assert left == {name for name, _ in EXPECTED} - {kind}
        assert {name for name, _ in described(strip(regularized(), {kind}))} == left
    assert described(model) == EXPECTED


def test_with_everything_off_nothing_is_random_and_nothing_is_penalized():
    model = regularized()
    with without(model, SWITCHABLE):
        np.testing.assert_array_equal(*two_passes(model))
        assert model.losses == []
        assert model.optimizer.weight_decay is None
    first, second = two_passes(model)
    assert not np.array_equal(first, second)
    assert model.losses
    assert model.optimizer.weight_decay == 0.004


def test_everything_is_as_before_after_an_error():
    model = regularized()
    with pytest.raises(RuntimeError, match="on purpose"), without(model, SWITCHABLE):
        raise RuntimeError("on purpose")
    assert described(model) == EXPECTED


def test_normalization_stays():
    model = regularized()
    with without(model, ARCHITECTURE):
        assert described(model) == EXPECTED


def test_an_unknown_kind_is_a_fault():
    with pytest.raises(ValueError, match="unknown kinds"), without(regularized(), {"luck"}):
        pass


def test_half_of_a_combined_penalty_stays():
    model = regularized()
    with without(model, {"kernel_l1"}):
        assert ("kernel_l2", "L2(0.02) on kernel") in described(model)
    assert ("kernel_l2", "L2(0.02) on kernel") in described(strip(model, {"kernel_l1"}))


def test_a_stripped_copy_is_lasting_and_has_its_own_weights(tmp_path):
    model = regularized()
    copy = strip(model, SWITCHABLE)
    names = {type(layer).__name__ for layer in copy.layers}
    assert not names & {"Dropout", "SpatialDropout1D", "GaussianNoise"}
    inputs = np.random.default_rng(0).normal(size=(8, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(copy(inputs), model(inputs), atol=1e-6)
    copy.trainable_variables[0].assign_add(keras.ops.ones(copy.trainable_variables[0].shape))
    assert not np.array_equal(copy(inputs), model(inputs))
    copy.optimizer.build(copy.trainable_variables)
    copy.save(tmp_path / "copy.keras")
    loaded = keras.saving.load_model(tmp_path / "copy.keras")
    assert {kind for kind, _ in described(loaded)} == ARCHITECTURE
    assert described(model) == EXPECTED
