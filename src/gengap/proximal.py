"""The L1 penalty on values in a lane: its size, and the proximal step that makes exact zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gengap.techniques.base import Update

__all__ = ["absolute_size", "stop_at_zero"]


def absolute_size(kernels: Sequence[Any]) -> Any:
    """Return the sum of all magnitudes; its gradient at 0 is 0, where that of JAX' `abs` is 1.

    Parameters
    ----------
    kernels : sequence of array

    Returns
    -------
    array ()
    """
    import jax
    import jax.numpy as jnp

    return sum(jnp.sum(kernel * jax.lax.stop_gradient(jnp.sign(kernel))) for kernel in kernels)


def stop_at_zero(strength: Any, weights: Sequence[Any], step: Update) -> list[Any]:
    """Turn the optimizer's step on a loss with an L1 penalty into a proximal one.

    See `gengap.proximal_optimizer` for the formula.

    Parameters
    ----------
    strength : array ()
    weights : sequence of array
        After the optimizer's step on the penalized loss.
    step : Update
        It knows the weights before it, which of them are kernels, and each weight's own step size.

    Returns
    -------
    list of array
        Kernels are exactly 0.0 where they crossed 0 and the loss does not pull harder than the
        penalty; everything else is as it was.
    """
    import jax.numpy as jnp

    def kernel(weight: Any, before: Any, size: Any) -> Any:
        threshold = strength.astype(weight.dtype) * size
        forward = weight + threshold * jnp.sign(before)
        return jnp.sign(forward) * jnp.maximum(jnp.abs(forward) - threshold, 0)

    # What did not cross zero is returned as it is, not as a sum of roundings.
    return [
        jnp.where(jnp.sign(weight) == jnp.sign(before), weight, kernel(weight, before, size))
        if is_kernel
        else weight
        for weight, before, size, is_kernel in zip(
            weights, step.before, step.step_sizes(), step.kernels, strict=True
        )
    ]
