"""The default network for images: a small convolutional network."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from gengap.errors import UserError
from gengap.networks.mlp import output_layer

__all__ = ["cnn"]

#: Units of the hidden layer behind the convolutions.
DENSE_UNITS = 64


def cnn(
    sample: Sequence[int], outputs: int, task: str, filters: Sequence[int] = (16, 32)
) -> keras.Sequential:
    """Build an uncompiled convolutional network.

    A block a number: a convolution over 3 x 3 pixels with so many filters, a rectifier, and the
    largest of 2 x 2 pixels. Behind the blocks a hidden layer of 64 units, with a rectifier.

    Parameters
    ----------
    sample : sequence of int
        Height, width and channels of an image.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
        Classification ends in a softmax over the classes, regression in one linear unit.
    filters : sequence of int

    Raises
    ------
    UserError
        ``image-too-small``: a block halves the image, and nothing is left.

    Examples
    --------
    >>> cnn((28, 28, 1), 10, "classification").layers[3].output.shape
    (None, 7, 7, 32)
    """
    side = min(sample[:2])
    if side < 2 ** len(filters):
        most = side.bit_length() - 1
        hint = (
            f"give it at most {most} blocks, such as cnn:{','.join(['16'] * most)}"
            if most
            else "use an mlp, such as mlp:64,32"
        )
        if sample[0] in (1, 3) and min(sample[1:]) > 4:
            hint = "the channels seem to come first: np.moveaxis(x, 1, -1) puts them last"
        raise UserError(
            "image-too-small",
            f"a cnn of {len(filters)} blocks halves an image {len(filters)} times; these have "
            f"{sample[0]} x {sample[1]} pixels",
            hint,
        )
    layers: list[keras.layers.Layer] = []
    for count in filters:
        layers.append(keras.layers.Conv2D(count, 3, padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D())
    layers += [keras.layers.Flatten(), keras.layers.Dense(DENSE_UNITS, activation="relu")]
    return keras.Sequential(
        [keras.Input(tuple(sample)), *layers, output_layer(outputs, task)], name="cnn"
    )
