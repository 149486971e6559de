"""Convolutions whose gradients are fast inside a compiled loop.

Notation
--------
x   images (B, H, W, C)
w   kernel (k, k, C, F); of a depthwise convolution (k, k, C, M)
y   results (B, O, O, F), or (B, O, O, C*M)
dx, dw, dy  gradients

XLA's CPU compiler has one fast convolution: channels last in images and kernel, one group. Others
are as fast outside of loops, but in the body of a loop they run 30 times slower; the gradients that
JAX derives are such others. Here they are written in the fast form from the start:

    dx = dy (spread by the stride) * w (flipped, C and F exchanged)
    dw = x (channels as rows) * dy (rows as channels)

Images with few channels (a first layer) are the exception: there a product with the matrix of all
patches is faster.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gengap.lanes.windows.window import Window

__all__ = ["convolve", "convolve_depthwise"]

Array = Any

_CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")

#: Up to so many channels, the product with a matrix of patches is faster.
FEW_CHANNELS = 4


def convolve(x: Array, w: Array, window: Window) -> Array:
    """Convolve images with a kernel.

    Parameters
    ----------
    x : array (B, H, W, C)
    w : array (k, k, C/groups, F)
        The number of groups is what C is divided by.
    window : Window

    Returns
    -------
    array (B, O, O, F)

    Notes
    -----
    Can be differentiated once, backwards. Under `vmap` the lanes take turns: side by side they
    are one convolution in groups, which is slower.
    """
    groups = x.shape[-1] // w.shape[2]
    if groups == 1:
        return _convolution(window)(x, w)
    if w.shape[2] == 1:
        # Results stand by channel, then by multiple, as those of a depthwise convolution.
        return convolve_depthwise(x, w.reshape(*w.shape[:2], groups, -1), window)
    parts = zip(jnp.split(x, groups, axis=-1), jnp.split(w, groups, axis=-1), strict=True)
    return jnp.concatenate([_convolution(window)(*part) for part in parts], axis=-1)


def convolve_depthwise(x: Array, w: Array, window: Window) -> Array:
    """Convolve each channel with its own M kernels.

    Parameters
    ----------
    x : array (B, H, W, C)
    w : array (k, k, C, M)
    window : Window

    Returns
    -------
    array (B, O, O, C*M)

    Notes
    -----
    Can be differentiated once, backwards.
    """
    return _depthwise(window)(x, w)


@functools.cache
def _convolution(window: Window) -> Callable[[Array, Array], Array]:
    forward = _in_turns(functools.partial(_forward, window))
    to_images = _in_turns(functools.partial(_to_images, window))
    to_kernel = _in_turns(functools.partial(_to_kernel, window))

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def convolution(x: Array, w: Array) -> Array:
        return forward(x, w)

    def backward(kept: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
        x, w = kept
        return to_images(dy, w, x), to_kernel(dy, w, x)

    convolution.defvjp(lambda x, w: (forward(x, w), (x, w)), backward)
    return convolution


def _in_turns(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let the lanes of a `vmap` take turns; a lone lane needs no loop for that."""
    batched = jax.custom_batching.custom_vmap(function)

    @batched.def_vmap  # type: ignore[untyped-decorator]
    def turns(size: int, is_batched: Sequence[bool], *arguments: Array) -> tuple[Array, bool]:
        own = [a for a, batch in zip(arguments, is_batched, strict=True) if batch]

        def turn(of_lane: Sequence[Array]) -> Array:
            left = iter(of_lane)
            return batched(
                *(
                    next(left) if batch else argument
                    for argument, batch in zip(arguments, is_batched, strict=True)
                )
            )

        if size == 1:
            return turn([argument[0] for argument in own])[None], True
        return jax.lax.map(turn, own), True

    return batched


def _forward(window: Window, x: Array, w: Array) -> Array:
    if x.shape[-1] <= FEW_CHANNELS:
        return _by_patches(window, x, w)
    return jax.lax.conv_general_dilated(
        x,
        w,
        window.strides,
        window.pads,
        rhs_dilation=window.dilation,
        dimension_numbers=_CHANNELS_LAST,
    )


def _by_patches(window: Window, x: Array, w: Array) -> Array:
    # Rows innermost, so that patches are copied in long pieces.
    patches, shape = window.patches(x.transpose(3, 1, 2, 0))
    kernel = w.reshape(-1, w.shape[-1])
    precise = jnp.promote_types(x.dtype, jnp.float32)
    results = jnp.matmul(kernel.T, patches, preferred_element_type=precise).astype(x.dtype)
    rows, columns = window.result(x.shape[1:3])
    return results.reshape(-1, *shape)[:, :rows, :columns].transpose(3, 1, 2, 0)


def _to_images(window: Window, dy: Array, w: Array, x: Array) -> Array:
    pads = []
    for n, o, k, s, d, (lo, _) in _axes(window, x, dy):
        before = (k - 1) * d - lo
        pads.append((before, n + (k - 1) * d - (o - 1) * s - 1 - before))
    if window.strides == (1, 1):
        # What is padded as wide as the kernel, XLA convolves in its slow way. Without the barrier
        # it would take the padding back in.
        zero = jnp.zeros((), dy.dtype)
        dy = jax.lax.pad(dy, zero, ((0, 0, 0), *((*pad, 0) for pad in pads), (0, 0, 0)))
        dy = jax.lax.optimization_barrier(dy)
        pads = [(0, 0), (0, 0)]
    return jax.lax.conv_general_dilated(
        dy,
        w[::-1, ::-1].transpose(0, 1, 3, 2),
        (1, 1),
        pads,
        lhs_dilation=window.strides,
        rhs_dilation=window.dilation,
        dimension_numbers=_CHANNELS_LAST,
    )


def _to_kernel(window: Window, dy: Array, w: Array, x: Array) -> Array:
    pads = []
    for n, o, k, s, d, (lo, _) in _axes(window, x, dy):
        pads.append((lo, (o - 1) * s + (k - 1) * d + 1 - n - lo))
    dw = jax.lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        dy.transpose(1, 2, 0, 3),
        window.dilation,
        pads,
        rhs_dilation=window.strides,
        dimension_numbers=_CHANNELS_LAST,
    )
    return dw.transpose(1, 2, 0, 3)


def _axes(window: Window, x: Array, dy: Array) -> Any:
    return zip(
        x.shape[1:3],
        dy.shape[1:3],
        window.size,
        window.strides,
        window.dilation,
        window.pads,
        strict=True,
    )


@functools.cache
def _depthwise(window: Window) -> Callable[[Array, Array], Array]:
    def forward(x: Array, w: Array) -> Array:
        terms = [
            cut[..., None] * w[offset]
            for cut, offset in zip(window.cuts(x), window.offsets, strict=True)
        ]
        total = sum(terms[1:], start=terms[0])
        return total.reshape(*total.shape[:3], -1)

    def backward(kept: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
        x, w = kept
        channels, multiples = w.shape[2:]
        dy = dy.reshape(*dy.shape[:3], channels, multiples)
        dx = window.paste([(dy * w[o]).sum(axis=-1) for o in window.offsets], x.shape[1:3])
        cuts = jnp.stack(window.cuts(x.transpose(3, 1, 2, 0)), axis=1)
        dw = jnp.einsum(
            "ckp,cpm->kcm",
            cuts.reshape(channels, len(window.offsets), -1),
            dy.transpose(3, 1, 2, 0, 4).reshape(channels, -1, multiples),
        )
        return dx, dw.reshape(w.shape)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def depthwise(x: Array, w: Array) -> Array:
        return forward(x, w)

    depthwise.defvjp(lambda x, w: (forward(x, w), (x, w)), backward)
    return depthwise
