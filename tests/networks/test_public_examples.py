"""Networks as people write them in tutorials: what they do with inputs, and that they train.

Small ones, of the kinds that Keras' own examples show: images, tables with preprocessing layers,
time series with convolutions and with attention, tokens with an Embedding, frozen parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from gengap.networks.inputs import form_taken, preparing_layers, rescales, takes_codes
from gengap.networks.models import resolve_model
from lanes.cases import (
    CLASSES,
    ROWS,
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
from networks.test_inputs import GREY

TOKENS, STEPS = 20, 7


class Positioned(layers.Layer):
    """Tokens and their places, each with an Embedding."""

    def __init__(self, tokens: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tokens, self.width = tokens, width
        self.embedding = layers.Embedding(tokens, width)
        self.places = layers.Embedding(STEPS, width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tokens": self.tokens, "width": self.width}

    def call(self, inputs: Any) -> Any:
        return self.embedding(inputs) + self.places(keras.ops.arange(STEPS))


class Places(layers.Layer):
    """Adds an Embedding of the places to what stands there, as patches of images have it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(STEPS, 4)

    def call(self, inputs: Any) -> Any:
        return inputs + self.embedding(keras.ops.arange(STEPS))


def series() -> keras.Model:
    keras.utils.set_random_seed(5)
    inputs = value = keras.Input((STEPS, 2))
    for _ in range(2):
        value = layers.Conv1D(4, 3, padding="same")(value)
        value = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(value))
    value = layers.GlobalAveragePooling1D()(value)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(value))


def attention() -> keras.Model:
    keras.utils.set_random_seed(6)
    inputs = keras.Input((STEPS, 2))
    # Of two channels a LayerNormalization keeps the sign alone, and rounding would decide it.
    wide = layers.Dense(6)(inputs)
    value = layers.MultiHeadAttention(2, 3)(wide, wide)
    first = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([wide, value]))
    value = layers.Dense(6)(layers.Dense(8, activation="relu")(first))
    value = layers.GlobalAveragePooling1D()(first + value)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(value))


def tokens(*, dtype: str | None = "int32") -> keras.Model:
    keras.utils.set_random_seed(7)
    inputs = keras.Input((None,), dtype=dtype)
    value = layers.Embedding(TOKENS, 4)(inputs)
    value = layers.Bidirectional(layers.LSTM(3))(value)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(value))


def positioned() -> keras.Model:
    hidden = [Positioned(TOKENS, 4), layers.GlobalAveragePooling1D()]
    return keras.Sequential([keras.Input((STEPS,)), *hidden, layers.Dense(CLASSES)])


def with_places() -> keras.Model:
    hidden = [layers.Dense(4), Places(), layers.GlobalAveragePooling1D()]
    return keras.Sequential([keras.Input((STEPS, 2)), *hidden, layers.Dense(CLASSES)])


def structured() -> keras.Model:
    keras.utils.set_random_seed(8)
    inputs = keras.Input((3,))
    numbers = layers.Normalization(mean=[50.0, 900.0], variance=[100.0, 4e4])(inputs[:, :2])
    whole = keras.ops.cast(inputs[:, 2:], "int32")
    codes = layers.CategoryEncoding(4, output_mode="one_hot")(whole)
    value = layers.Dense(6, activation="relu")(layers.Concatenate()([numbers, codes]))
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(value))


def frozen() -> keras.Model:
    keras.utils.set_random_seed(9)
    base = keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU()]
    )
    base.layers[1].moving_mean.assign([0.2, -0.1, 0.3])
    base.trainable = False
    inputs = keras.Input((6, 6, 1))
    value = layers.GlobalAveragePooling2D()(base(layers.Rescaling(0.5)(inputs)))
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(value))


class Coded(keras.Model):
    """A network of tokens that is code."""

    known = TOKENS

    def __init__(self) -> None:
        super().__init__()
        self.embedding = layers.Embedding(self.known, 4)
        self.out = layers.Dense(CLASSES)

    def get_config(self) -> dict[str, Any]:
        return {}

    def call(self, inputs: Any) -> Any:
        return self.out(keras.ops.mean(self.embedding(inputs), axis=1))


def coded() -> keras.Model:
    return Coded()


def scaled_output() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.Dense(CLASSES), layers.Rescaling(2.0)])


#: Networks, the shape of a sample, how many layers prepare inputs, and whether these are codes.
LOOKED_AT = {
    "series": (series, (STEPS, 2), 0, False),
    "attention": (attention, (STEPS, 2), 0, False),
    "tokens": (tokens, (STEPS,), 1, True),
    "tokens as numbers": (lambda: tokens(dtype=None), (STEPS,), 1, True),
    "positions too": (positioned, (STEPS,), 1, True),
    "positions only": (with_places, (STEPS, 2), 0, False),
    "structured": (structured, (3,), 2, True),
    "frozen": (frozen, (6, 6, 1), 1, False),
    "code": (coded, (STEPS,), 1, True),
    "scaled output": (scaled_output, (3,), 0, False),
}


@pytest.mark.parametrize("name", LOOKED_AT)
def test_what_a_network_does_with_its_inputs_is_seen(name: str) -> None:
    build, shape, count, codes = LOOKED_AT[name]
    model = resolve_model(build(), input_shape=shape, outputs=CLASSES, task="classification")
    assert len(preparing_layers(model)) == count
    assert takes_codes(model) is codes
    assert rescales(model) is (count > 0)


def test_open_sizes_are_those_of_the_data_and_the_users_network_keeps_its_own() -> None:
    model = tokens()
    resolved = resolve_model(
        model, input_shape=(STEPS,), outputs=CLASSES, task="classification", learning_rate=0.1
    )
    assert resolved.input_shape == (None, STEPS)
    assert resolved.inputs[0].dtype == "int32"
    assert model.input_shape == (None, None)
    for ours, theirs in zip(resolved.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_unbuilt_list_of_layers_takes_batches_of_any_size() -> None:
    model = keras.Sequential([layers.Embedding(TOKENS, 4), layers.LSTM(3), layers.Dense(CLASSES)])
    resolved = resolve_model(model, input_shape=(STEPS,), outputs=CLASSES, task="classification")
    assert resolved.input_shape == (None, STEPS)
    assert not model.built


def test_code_that_ends_in_a_softmax_is_seen_with_codes_that_its_table_has() -> None:
    class Small(Coded):
        known = 2

        def call(self, inputs: Any) -> Any:
            return keras.ops.softmax(super().call(inputs))

    resolved = resolve_model(Small(), input_shape=(STEPS,), outputs=CLASSES, task="classification")
    assert resolved.loss.from_logits is False


@pytest.mark.parametrize(
    "scaled",
    [
        lambda x: x / 255,
        lambda x: x / 127.5 - 1.0,
        lambda x: keras.ops.cast(x, "float32")[:, 1:] - 0.5,
    ],
)
def test_pixels_that_a_network_scales_by_arithmetic_are_not_scaled_before(scaled: Any) -> None:
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Flatten()(layers.Conv2D(2, 3)(scaled(inputs)))
    assert form_taken(GREY, keras.Model(inputs, layers.Dense(2)(hidden))).divisor == 1.0


def test_what_is_computed_behind_weights_scales_no_pixels() -> None:
    inputs = keras.Input((8, 8, 1))
    hidden = layers.BatchNormalization()(layers.ZeroPadding2D()(inputs))
    hidden = layers.Flatten()(layers.Conv2D(2, 3, activation="gelu")(hidden) / 3.0)
    assert form_taken(GREY, keras.Model(inputs, layers.Dense(2)(hidden))) == GREY


def test_an_output_that_is_scaled_does_not_scale_pixels() -> None:
    hidden = [layers.Flatten(), layers.Dense(2), layers.Rescaling(3.0)]
    assert form_taken(GREY, keras.Sequential([keras.Input((8, 8, 1)), *hidden])) == GREY


def _codes() -> tuple[np.ndarray, np.ndarray]:
    inputs = np.random.default_rng(3).integers(0, TOKENS, (ROWS, STEPS))
    return inputs.astype("float32"), (inputs[:, 0] % CLASSES).astype("int32")


def _mixed() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    numbers = generator.normal((50, 900), (10, 200), (ROWS, 2))
    codes = generator.integers(0, 4, ROWS)
    return np.c_[numbers, codes].astype("float32"), (codes % CLASSES).astype("int32")


TRAINED: dict[str, tuple[Callable[[], keras.Model], Callable[[], Any]]] = {
    "series": (series, lambda: rows_of((STEPS, 2))),
    "attention": (attention, lambda: rows_of((STEPS, 2))),
    "tokens": (tokens, _codes),
    "structured": (structured, _mixed),
    "frozen": (frozen, lambda: rows_of((6, 6, 1))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_one_lane_equals_fit(name: str) -> None:
    build, rows = TRAINED[name]
    inputs, targets = rows()
    shape = inputs.shape[1:]

    def built() -> keras.Model:
        model = compiled(build(), keras.optimizers.SGD(0.05, momentum=0.9))
        return resolve_model(model, input_shape=shape, outputs=CLASSES, task="classification")

    weights, tolerance = fitted_twice(built, inputs, targets)
    model = built()
    before = [np.asarray(v.value) for v in model.non_trainable_variables]
    program = program_of()
    state = train_lanes(
        network_of(model), program, [lane_of(program)] * 2, shared_of(inputs, targets)
    )
    assert distance([value[1] for value in state["weights"]], weights) <= tolerance
    if name == "frozen":
        for value, kept in zip(state["others"], before, strict=True):
            np.testing.assert_array_equal(value[1], kept)
