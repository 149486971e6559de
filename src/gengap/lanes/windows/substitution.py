"""Keras' convolutions and max pooling, replaced while a network is traced.

Every layer of Keras, and every custom layer that is written with ``keras.ops``, computes its
convolutions and its pooling through a few functions of the backend. These are exchanged for the
time of a trace, so that all else (biases, activations, precision, padding of causal layers) stays
Keras' own, in nested and subclassed networks alike.

Average pooling is left as it is: inside a loop it is as fast as anything that was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
from keras.src.backend.jax import nn

from gengap.lanes.windows.convolution import convolve, convolve_depthwise
from gengap.lanes.windows.pooling import max_pool
from gengap.lanes.windows.window import Window

__all__ = ["convolves", "fast_windows"]

Array = Any
Operation = Callable[..., Array]


def convolves(model: keras.Model) -> bool:
    """Tell whether a network has convolutions or pooling.

    Its lanes are then trained one after the other on a CPU: vectorized over lanes, pooling comes
    out in a layout that costs 1.4 times as much.

    Parameters
    ----------
    model : keras.Model
    """
    layers = model._flatten_layers(include_self=False, recursive=True)
    homes = ("keras.src.layers.convolutional.", "keras.src.layers.pooling.")
    kinds = {kind.__module__ for layer in layers for kind in type(layer).__mro__}
    return any(kind.startswith(homes) for kind in kinds)


@contextmanager
def fast_windows() -> Iterator[None]:
    """Let what is traced inside convolve and pool in a way that is fast in loops, on a CPU.

    One- and two-dimensional convolutions (in groups, depthwise and separable too) and max pooling
    are replaced; what has three dimensions is left to Keras. On other devices nothing changes.

    Notes
    -----
    Keras' own functions are replaced for the whole process and put back at the end. Results agree
    with Keras' but for the order in which products are summed. What is traced inside can be
    differentiated once, backwards.
    """
    if jax.default_backend() != "cpu":
        yield
        return
    # `separable_conv` is made of the first two.
    originals = {name: getattr(nn, name) for name in ("conv", "depthwise_conv", "max_pool")}
    try:
        nn.conv = _replace_conv(originals["conv"])
        nn.depthwise_conv = _replace_depthwise_conv(originals["depthwise_conv"])
        nn.max_pool = _replace_max_pool(originals["max_pool"])
        yield
    finally:
        for name, original in originals.items():
            setattr(nn, name, original)


def _replace_conv(original: Operation) -> Operation:
    def conv(
        inputs: Array,
        kernel: Array,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Array:
        weights = nn.convert_to_tensor(kernel)
        images = _Images.of(nn.convert_to_tensor(inputs, dtype=weights.dtype), data_format)
        window = images.window(weights.shape[:-2], strides, padding, dilation_rate)
        if window is None or images.values.shape[-1] % weights.shape[-2]:
            return original(inputs, kernel, strides, padding, data_format, dilation_rate)
        return images.like_inputs(convolve(images.values, _flat_kernel(weights), window))

    return conv


def _replace_depthwise_conv(original: Operation) -> Operation:
    def depthwise_conv(
        inputs: Array,
        kernel: Array,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Array:
        weights = nn.convert_to_tensor(kernel)
        images = _Images.of(nn.convert_to_tensor(inputs), data_format)
        window = images.window(weights.shape[:-2], strides, padding, dilation_rate)
        if window is None or images.values.shape[-1] != weights.shape[-2]:
            return original(inputs, kernel, strides, padding, data_format, dilation_rate)
        return images.like_inputs(convolve_depthwise(images.values, _flat_kernel(weights), window))

    return depthwise_conv


def _replace_max_pool(original: Operation) -> Operation:
    def pool(
        inputs: Array,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
    ) -> Array:
        images = _Images.of(nn.convert_to_tensor(inputs), data_format)
        steps = pool_size if strides is None else strides
        window = images.window(pool_size, steps, padding, 1)
        if window is None:
            return original(inputs, pool_size, strides, padding, data_format)
        return images.like_inputs(max_pool(images.values, window))

    return pool


@dataclass(frozen=True, eq=False)
class _Images:
    """Inputs of one or two spatial axes as images (B, H, W, C)."""

    values: Array
    spatial: int
    channels_first: bool

    @classmethod
    def of(cls, inputs: Array, data_format: str | None) -> _Images:
        data_format = data_format or keras.config.image_data_format()
        channels_first = data_format == "channels_first"
        values = jnp.moveaxis(inputs, 1, -1) if channels_first else inputs
        spatial = inputs.ndim - 2
        return cls(values[:, None] if spatial == 1 else values, spatial, channels_first)

    def window(self, size: Any, strides: Any, padding: Any, dilation: Any) -> Window | None:
        """Return the window, or none where the work, or the refusal, is left to Keras."""
        if self.spatial not in {1, 2} or not jnp.issubdtype(self.values.dtype, jnp.floating):
            return None
        lengths = [self._of_axes(values) for values in (size, strides, dilation)]
        if padding not in {"valid", "same"} or min(min(of_axis) for of_axis in lengths) < 1:
            return None
        image = self.values.shape[1:3]
        window = Window.of(
            image, size=lengths[0], strides=lengths[1], dilation=lengths[2], padding=padding
        )
        return window if min(self.values.shape[0], *window.result(image)) > 0 else None

    def like_inputs(self, images: Array) -> Array:
        """Bring results (B, O, O, F) into the form of the inputs."""
        values = images if self.spatial == 2 else images[:, 0]
        return jnp.moveaxis(values, -1, 1) if self.channels_first else values

    def _of_axes(self, values: int | Sequence[int]) -> tuple[int, ...]:
        each = (values,) * self.spatial if isinstance(values, int) else tuple(values)
        return (1, *each) if self.spatial == 1 else each


def _flat_kernel(kernel: Array) -> Array:
    """Bring a kernel to two spatial axes."""
    return kernel if kernel.ndim == 4 else kernel[None]
