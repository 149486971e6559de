"""The default network for tables: a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

import keras

__all__ = ["mlp"]


def mlp(inputs: int, outputs: int, task: str, hidden: Sequence[int] = (64, 32)) -> keras.Sequential:
    """Build an uncompiled multilayer perceptron.

    Parameters
    ----------
    inputs : int
        Number of encoded input columns.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
        Classification ends in a softmax over the classes, regression in one linear unit.
    hidden : sequence of int
        Units of the hidden layers, each followed by a rectifier.

    Examples
    --------
    >>> [layer.units for layer in mlp(11, 3, "classification", (8, 4)).layers]
    [8, 4, 3]
    """
    layers = [keras.Input((inputs,))]
    layers += [keras.layers.Dense(units, activation="relu") for units in hidden]
    last = "softmax" if task == "classification" else None
    layers.append(keras.layers.Dense(outputs, activation=last))
    return keras.Sequential(layers, name="mlp")
