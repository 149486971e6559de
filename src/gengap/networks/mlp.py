"""The default network for tables: a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

import keras

__all__ = ["mlp", "output_layer"]


def mlp(
    sample: Sequence[int], outputs: int, task: str, hidden: Sequence[int] = (64, 32)
) -> keras.Sequential:
    """Build an uncompiled multilayer perceptron.

    Parameters
    ----------
    sample : sequence of int
        Shape of one row, such as ``(11,)``; images and sequences are flattened.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
        Classification ends in a softmax over the classes, regression in one linear unit.
    hidden : sequence of int
        Units of the hidden layers, each followed by a rectifier.

    Examples
    --------
    >>> [layer.units for layer in mlp((11,), 3, "classification", (8, 4)).layers]
    [8, 4, 3]
    """
    layers = [keras.Input(tuple(sample))]
    if len(sample) > 1:
        layers.append(keras.layers.Flatten())
    layers += [keras.layers.Dense(units, activation="relu") for units in hidden]
    return keras.Sequential([*layers, output_layer(outputs, task)], name="mlp")


def output_layer(outputs: int, task: str) -> keras.layers.Layer:
    """Return the last layer of a default network: a softmax over classes, or a linear unit."""
    return keras.layers.Dense(outputs, activation="softmax" if task == "classification" else None)
