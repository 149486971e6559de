"""The networks in Keras, as a user would write them; the backend is KERAS_BACKEND's."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["build", "compiled"]


def build(
    spec: dict[str, Any], *, rate: float = 0.0, penalty: float = 0.0, bytes_in: bool = False
) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    spec : dict
        ``shape`` of a row, ``network`` (a list of layers), ``classes``.
    rate : float
        Of dropout; without dropout there is no layer for it.
    penalty : float
        Strength of L2 on the kernels of dense layers; without it there is no regularizer.
    bytes_in : bool
        Whether the rows are images as bytes, which the network then scales and flattens itself.
    """
    layers = keras.layers
    regularizer = {"kernel_regularizer": keras.regularizers.L2(penalty)} if penalty else {}
    stack: list[Any] = [keras.Input(tuple(spec["sample"] if bytes_in else spec["shape"]))]
    if bytes_in:
        stack.append(layers.Rescaling(1 / 255))
        if len(spec["shape"]) == 1:
            stack.append(layers.Flatten())
    for kind, *numbers in spec["network"]:
        match kind:
            case "dense":
                stack.append(layers.Dense(numbers[0], activation="relu", **regularizer))
            case "dense_normalized":
                stack += [
                    layers.Dense(numbers[0], use_bias=False),
                    layers.BatchNormalization(),
                    layers.Activation("relu"),
                ]
            case "dropout":
                stack += [layers.Dropout(rate)] if rate else []
            case "convolution":
                stack.append(layers.Conv2D(numbers[0], 3, activation="relu"))
            case "pool":
                stack.append(layers.MaxPooling2D())
            case "flatten":
                stack.append(layers.Flatten())
            case "lstm":
                stack.append(layers.LSTM(numbers[0], recurrent_dropout=rate))
            case _:
                raise ValueError(f"no such layer: {kind}")
    return keras.Sequential([*stack, layers.Dense(spec["classes"], activation="softmax")])


def compiled(model: keras.Model, spec: dict[str, Any]) -> keras.Model:
    """Compile the network with the optimizer of the work."""
    optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[spec["optimizer"]]
    model.compile(
        optimizer=optimizer(spec["learning_rate"]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"] if spec.get("metrics") else None,
    )
    return model
