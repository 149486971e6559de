"""Networks of every shape that users bring, small enough to build in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers


@dataclass(frozen=True)
class Case:
    """A network, the shape of its samples, and what is known about it."""

    name: str
    build: Callable[[], keras.Model]
    shape: tuple[int, ...]
    hidden: int  # sites
    graph: bool = True

    def __str__(self) -> str:
        return self.name

    def inputs(self, rows: int = 8) -> np.ndarray:
        return np.random.default_rng(0).normal(size=(rows, *self.shape)).astype(np.float32)


@keras.saving.register_keras_serializable("zoo")
class Residual(keras.Model):
    """Subclassed; its output layer is declared first."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.out = layers.Dense(3)
        self.first = layers.Dense(6, activation="relu")
        self.blocks = [layers.Dense(6, activation="relu") for _ in range(2)]

    def call(self, x, training=False):
        hidden = self.first(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.out(hidden)


@keras.saving.register_keras_serializable("zoo")
class ResidualWithSoftmax(Residual):
    """The output is computed without a layer."""

    def call(self, x, training=False):
        return keras.ops.softmax(super().call(x))


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6, activation="relu"),
            layers.Dense(4, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def residual() -> keras.Model:
    inputs = keras.Input((5,))
    hidden = layers.Dense(6)(inputs)
    hidden = layers.BatchNormalization()(hidden)
    hidden = layers.ReLU()(hidden)
    hidden = layers.Dropout(0.3)(hidden)
    hidden = layers.Add()([hidden, layers.Dense(6, activation="relu")(hidden) * 2.0])
    return keras.Model(inputs, layers.Activation("softmax")(layers.Dense(3)(hidden)))


def branches() -> keras.Model:
    inputs = keras.Input((5,))
    left = layers.Dense(4, activation="tanh")(inputs)
    right = layers.Dense(4, activation=layers.LeakyReLU())(inputs * 2.0)
    return keras.Model(inputs, layers.Dense(3)(layers.Concatenate()([left, right])))


def shared() -> keras.Model:
    inputs = keras.Input((5,))
    dense = layers.Dense(5, activation="relu")
    return keras.Model(inputs, layers.Dense(3)(dense(dense(inputs))))


def nested_sequential() -> keras.Model:
    block = keras.Sequential([keras.Input((5,)), layers.Dense(5, "relu"), layers.Dense(5, "relu")])
    return keras.Sequential([keras.Input((5,)), block, layers.Dense(3)])


def nested_twice() -> keras.Model:
    given = keras.Input((5,))
    block = keras.Model(given, layers.Dense(5, "relu")(given))
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Dense(3)(block(block(inputs))))


def convolution() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def lstm() -> keras.Model:
    return keras.Sequential([keras.Input((4, 2)), layers.LSTM(3), layers.Dense(3)])


def bidirectional() -> keras.Model:
    inputs = keras.Input((4, 2))
    hidden = layers.TimeDistributed(layers.Dense(4, activation="relu"))(inputs)
    hidden = layers.Bidirectional(layers.GRU(3))(hidden)
    return keras.Model(inputs, layers.Dense(3)(hidden))


def attention() -> keras.Model:
    inputs = keras.Input((4, 4))
    hidden = layers.MultiHeadAttention(2, 2, dropout=0.1)(inputs, inputs)
    hidden = layers.LayerNormalization()(layers.Add()([inputs, hidden]))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(hidden)))


def normalized() -> keras.Model:
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(1).normal(3.0, 2.0, size=(50, 5)))
    return keras.Sequential(
        [keras.Input((5,)), normalization, layers.Dense(4, "relu"), layers.Dense(3)]
    )


def with_lambda() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Lambda(lambda x: 2 * x),
            layers.Dense(4, "relu"),
            layers.Dense(3),
        ]
    )


def _built(kind: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        model = kind()
        model(np.zeros((2, 5), np.float32))
        return model

    return build


ZOO = (
    Case("sequential", sequential, (5,), 2),
    Case("residual", residual, (5,), 2),
    Case("branches", branches, (5,), 2),
    Case("shared", shared, (5,), 2),
    Case("nested sequential", nested_sequential, (5,), 2),
    Case("nested twice", nested_twice, (5,), 2),
    Case("convolution", convolution, (6, 6, 1), 1),
    Case("lstm", lstm, (4, 2), 1),
    Case("bidirectional", bidirectional, (4, 2), 2),
    Case("attention", attention, (4, 4), 1),
    Case("normalized", normalized, (5,), 1),
    Case("lambda", with_lambda, (5,), 1),
    Case("subclassed", _built(Residual), (5,), 3, graph=False),
    Case("subclassed softmax", _built(ResidualWithSoftmax), (5,), 3, graph=False),
)
GRAPHS = tuple(case for case in ZOO if case.graph)
