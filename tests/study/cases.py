"""Small data with something to learn, and networks that a user might bring."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import layers


def people(rows: int = 150, *, seed: int = 0) -> pd.DataFrame:
    """Return a table of every kind of column, with missing cells; half of the people buy."""
    rng = np.random.default_rng(seed)
    age = rng.normal(45, 12, rows)
    city = rng.choice(["Bonn", "Kiel", "Ulm"], rows)
    member = rng.random(rows) < 0.4
    score = (age - 45) / 6 + 2.0 * (city == "Kiel") + 1.5 * member - 1.2
    table = pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < 0.1, np.nan, age.round(3)),
            "income": rng.lognormal(10, 0.5, rows).round(2),
            "city": np.where(rng.random(rows) < 0.08, None, city),
            "member": member,
            "site": np.repeat(np.arange(rows // 5), 5).astype(str),
            "importance": rng.uniform(0.5, 1.5, rows).round(3),
            "bought": np.where(score + rng.normal(0, 0.8, rows) > 0, "yes", "no"),
        }
    )
    table["site"] = "s" + table["site"]
    return table


def measurements(rows: int = 120, *, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (rows, 5) and a target far from zero that depends on them."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, 5)).round(4)
    target = 1000 + 40 * inputs[:, 0] - 25 * inputs[:, 1] + rng.normal(0, 8, rows)
    return inputs, target.round(3)


def regularized() -> keras.Model:
    """Return a compiled graph with dropout, a penalty and momentum."""
    inputs = keras.Input((5,))
    penalty = keras.regularizers.L2(1e-3)
    hidden = layers.Dense(8, activation="relu", kernel_regularizer=penalty, name="hidden")(inputs)
    dropped = layers.Dropout(0.3, name="dropped")(hidden)
    both = layers.Concatenate()([inputs, dropped])
    model = keras.Model(inputs, layers.Dense(1)(both), name="mine")
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "mse")
    return model


def one_logit(inputs: int) -> keras.Model:
    """Return a compiled list of layers whose one output is the logit of the second class."""
    model = keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(8, activation="tanh"), layers.Dense(1)]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(0.02, weight_decay=1e-3), loss)
    return model


@keras.saving.register_keras_serializable("gengap-tests")
class Subclassed(keras.Model):
    """A network that is code, and knows nothing of modes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = layers.Dense(8, activation="relu")
        self.out = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))


def three_logits(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return an uncompiled list of layers, as ``module:function`` makes it."""
    return keras.Sequential(
        [keras.Input(input_shape), layers.Dense(8, activation="relu"), layers.Dense(outputs)]
    )


class Endless(layers.Layer):
    """A layer that never comes to an end."""

    def call(self, inputs: Any) -> Any:
        def goes_on(x: Any) -> Any:
            return keras.ops.max(x) >= 0

        def turn(x: Any) -> Any:
            return (keras.ops.abs(keras.ops.sin(x)),)

        (last,) = keras.ops.while_loop(goes_on, turn, (keras.ops.stop_gradient(inputs),))
        return inputs + 0.0 * last


def endless(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return a network whose epochs never end."""
    return keras.Sequential([keras.Input(input_shape), Endless(), layers.Dense(outputs)])


class Listener:
    """Keeps what a study says while it runs."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.total = 0
        self.done: list[int] = []
        self.epochs: list[tuple[int, int]] = []  # of all refits: how many of how many
        self.leads: list[str] = []
        self.finished = 0
        self._unit = ""

    def announce(self, text: str) -> None:
        self.said.append(text)

    def start(self, total: int, unit: str = "trials") -> None:
        self._unit = unit
        if unit == "trials":
            self.total = total
        else:
            self.epochs.append((0, total))

    def advance(self, done: int, message: str) -> None:
        if self._unit == "trials":
            self.done.append(done)
        else:
            self.epochs[-1] = (done, self.epochs[-1][1])

    def lead(self, message: str) -> None:
        self.leads.append(message)

    def interim(self, *parts: Any) -> None:
        """Take no notice."""

    def finish(self) -> None:
        self.finished += 1


def figures(results: str) -> dict[str, Any]:
    """Return what results.json says that must not change from run to run: all but times, places."""
    document = json.loads(results)
    for name in ("seconds", "command"):
        del document["protocol"][name]
    del document["best"]["files"]
    for row in document["recipes"]:
        del row["seconds_per_trial"]
    return document
