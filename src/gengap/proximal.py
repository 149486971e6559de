"""Soft thresholding: the proximal step of an L1 penalty on values in a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gengap.techniques.base import Update

__all__ = ["soft_threshold_kernels"]


def soft_threshold_kernels(strength: Any, weights: Sequence[Any], step: Update) -> list[Any]:
    """Apply the proximal step to the kernels.

    Parameters
    ----------
    strength : array ()
    weights : sequence of array
        After the optimizer's step.
    step : Update
        It knows which weights are kernels, and each weight's own step size.

    Returns
    -------
    list of array
        Exactly 0.0 where the magnitude does not exceed the threshold.
    """
    import jax.numpy as jnp

    return [
        jnp.sign(weight) * jnp.maximum(jnp.abs(weight) - strength.astype(weight.dtype) * size, 0)
        if is_kernel
        else weight
        for weight, size, is_kernel in zip(weights, step.step_sizes(), step.kernels, strict=True)
    ]
