"""Matrix products whose gradients are fast on the CPU, while a network is traced for the lanes.

XLA multiplies ``x`` transposed with ``dy``, which is the gradient of a kernel, with code that is
1.3 times (64 x 32 kernels) to 6 times (32 x 2) slower than its product of two matrices that lie as
they are multiplied. Transposing ``x`` first costs little, and the sums are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import keras

__all__ = ["fast_products", "product"]

Array = Any


@jax.custom_vjp  # type: ignore[untyped-decorator]
def product(x: Array, kernel: Array) -> Array:
    """Multiply rows with a kernel.

    Parameters
    ----------
    x : array (B, K)
    kernel : array (K, N)

    Returns
    -------
    array (B, N)
    """
    return jnp.matmul(x, kernel)


def _forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return product(x, kernel), (x, kernel)


def _backward(saved: tuple[Array, Array], change: Array) -> tuple[Array, Array]:
    x, kernel = saved
    # Without the barrier XLA folds the transposition back into the product.
    transposed = jax.lax.optimization_barrier(x.T)
    return jnp.matmul(change, kernel.T), jnp.matmul(transposed, change)


product.defvjp(_forward, _backward)


@contextmanager
def fast_products() -> Iterator[None]:
    """Let what Keras multiplies while this lasts go through `product`, on the CPU."""
    if jax.default_backend() != "cpu":
        yield
        return
    backend = keras.src.backend.numpy
    original = backend.matmul

    def matmul(x1: Array, x2: Array) -> Array:
        x1, x2 = (keras.ops.convert_to_tensor(x) for x in (x1, x2))
        if x1.ndim < 2 or x2.ndim != 2 or {x1.dtype, x2.dtype} != {jnp.dtype(jnp.float32)}:
            return original(x1, x2)
        rows = x1.reshape(-1, x1.shape[-1])
        return product(rows, x2).reshape(*x1.shape[:-1], x2.shape[-1])

    backend.matmul = matmul
    try:
        yield
    finally:
        backend.matmul = original
