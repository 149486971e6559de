"""The default networks for sequences: recurrent, or convolutions over steps.

Rows may end before the last step. What stands in the steps after that is `PADDING` in every
channel, and makes no difference to what a network computes: recurrent layers pass over such steps,
convolutions see zeros there, as beyond the ends of a row, and means are over the steps that are
there.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from gengap.networks.mlp import output_layer

__all__ = ["PADDING", "conv1d", "gru", "lstm"]

#: So far from standardized values that no step holds it in every channel.
PADDING = -1e9
#: Steps that a convolution looks at.
WINDOW = 3


def lstm(
    sample: Sequence[int],
    outputs: int,
    task: str,
    units: Sequence[int] = (32,),
    padding: float | None = None,
) -> keras.Sequential:
    """Build an uncompiled network of LSTM layers.

    Parameters
    ----------
    sample : sequence of int
        Steps and channels.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
        Classification ends in a softmax over the classes, regression in one linear unit.
    units : sequence of int
        Of each layer. The last one hands on what it holds after a row's last step.
    padding : float, optional
        What marks the steps after a row's last one; None where all rows have all steps.

    Examples
    --------
    >>> [type(layer).__name__ for layer in lstm((20, 3), 2, "classification", (8, 4)).layers]
    ['LSTM', 'LSTM', 'Dense']
    """
    return _recurrent("lstm", keras.layers.LSTM, sample, outputs, task, units, padding)


def gru(
    sample: Sequence[int],
    outputs: int,
    task: str,
    units: Sequence[int] = (32,),
    padding: float | None = None,
) -> keras.Sequential:
    """Build an uncompiled network of GRU layers; the parameters are those of `lstm`."""
    return _recurrent("gru", keras.layers.GRU, sample, outputs, task, units, padding)


def conv1d(
    sample: Sequence[int],
    outputs: int,
    task: str,
    filters: Sequence[int] = (32, 64),
    padding: float | None = None,
) -> keras.Model:
    """Build an uncompiled network of convolutions over 3 steps, and the mean over all steps.

    Parameters
    ----------
    sample, outputs, task, padding
        As `lstm`.
    filters : sequence of int
        Of each convolution, which is followed by a rectifier.

    Examples
    --------
    >>> conv1d((20, 3), 2, "classification").output_shape
    (None, 2)
    """
    windows = [
        keras.layers.Conv1D(count, WINDOW, padding="same", activation="relu") for count in filters
    ]
    inputs = keras.Input(tuple(sample))
    last = output_layer(outputs, task)
    if padding is None:
        mean = keras.layers.GlobalAveragePooling1D()
        return keras.Sequential([inputs, *windows, mean, last], name="conv1d")
    ops = keras.ops
    there = ops.any(ops.not_equal(inputs, padding), axis=-1, keepdims=True)
    there = ops.cast(there, keras.config.floatx())
    # Convolutions know no masks: what they make of steps that are none is set to zero.
    hidden = keras.layers.Masking(padding)(inputs) * there
    for window in windows:
        hidden = window(hidden) * there
    mean = ops.sum(hidden, axis=1) / ops.sum(there, axis=1)
    return keras.Model(inputs, last(mean), name="conv1d")


def _recurrent(
    name: str,
    kind: type[keras.layers.Layer],
    sample: Sequence[int],
    outputs: int,
    task: str,
    units: Sequence[int],
    padding: float | None,
) -> keras.Sequential:
    layers = [keras.Input(tuple(sample))]
    if padding is not None:
        layers.append(keras.layers.Masking(padding))
    layers += [kind(count, return_sequences=True) for count in units[:-1]]
    layers += [kind(units[-1]), output_layer(outputs, task)]
    return keras.Sequential(layers, name=name)
