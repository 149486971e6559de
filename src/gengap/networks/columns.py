"""Which kernels take in the columns of a network's input, found by watching it compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from gengap.networks.tracing import watched_pass

__all__ = ["column_axes"]

_LAYERS = keras.layers
#: Layers after which every column is still by itself.
_COLUMN_BY_COLUMN = (
    _LAYERS.Normalization,
    _LAYERS.BatchNormalization,
    _LAYERS.Rescaling,
    _LAYERS.Masking,
    _LAYERS.Identity,
    _LAYERS.Activation,
    _LAYERS.ReLU,
    _LAYERS.LeakyReLU,
    _LAYERS.PReLU,
    _LAYERS.ELU,
)
#: Axes of a batch of tables or sequences.
_MOST_AXES = 3
#: Layers with a kernel that takes in the last axis -> its name, and its axis for that.
_TAKING: tuple[tuple[type[keras.layers.Layer], str, int], ...] = (
    (_LAYERS.Dense, "kernel", 0),
    (_LAYERS.RNN, "kernel", 0),
    (_LAYERS.Conv1D, "kernel", -2),
    (_LAYERS.Conv1DTranspose, "kernel", -1),
    (_LAYERS.DepthwiseConv1D, "kernel", -2),
    (_LAYERS.SeparableConv1D, "depthwise_kernel", -2),
)


def column_axes(model: keras.Model, sample_shape: Any) -> tuple[int | None, ...]:
    """Tell along which axis of each trainable variable the network's input columns lie.

    Parameters
    ----------
    model : keras.Model
        Built.
    sample_shape : sequence of int, or mapping of such
        Its last axis is that of the columns; images among several inputs have none.

    Returns
    -------
    tuple of (int or None)
        In the order of ``model.trainable_variables``; None for what takes in something else. The
        layers looked at are dense, recurrent and one-dimensional convolutional ones of Keras that
        take in the input itself, or what layers make of it that treat each column by itself.

    Examples
    --------
    >>> import keras
    >>> layers = [keras.Input((3,)), keras.layers.Dense(8), keras.layers.Dense(2)]
    >>> column_axes(keras.Sequential(layers), (3,))
    (0, None, None, None)
    """
    # The inputs, and what is still made of the same columns; and how many there are.
    same: list[tuple[Any, int]] = []
    axes: dict[int, int] = {}

    def watch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            value = call(*args, **kwargs)
            taken = args[0] if args else next(iter(kwargs.values()), None)
            columns = next((count for one, count in same if taken is one), None)
            if columns is not None:
                if isinstance(layer, _COLUMN_BY_COLUMN):
                    same.append((value, columns))
                else:
                    axes.update(_taking(layer, columns))
            return value

        return watched

    def begin(inputs: Any) -> None:
        if isinstance(inputs, Mapping):
            tables = [one for one in inputs.values() if len(one.shape) <= _MOST_AXES]
            same.extend((one, one.shape[-1]) for one in tables)
        else:
            same.append((inputs, inputs.shape[-1] if len(inputs.shape) > 1 else 0))

    kinds = (*_COLUMN_BY_COLUMN, *(kind for kind, _, _ in _TAKING))
    every = {id(layer): layer for layer in model._flatten_layers(include_self=False)}
    watched_layers = [layer for layer in every.values() if isinstance(layer, kinds)]
    watched_pass(model, sample_shape, watched_layers, watch, begin)
    return tuple(axes.get(id(variable)) for variable in model.trainable_variables)


def _taking(layer: keras.layers.Layer, columns: int) -> dict[int, int]:
    """Return the variables of a layer that take in the columns, by their ids, and their axes."""
    for kind, name, axis in _TAKING:
        if isinstance(layer, kind):
            return {
                id(variable): axis % len(variable.shape)
                for variable in layer.trainable_variables
                if variable.name == name and variable.shape[axis] == columns
            }
    return {}
