"""What trained weights say of all rows, and of the test rows with noise.

Notation
--------
w, o  values of the weights and of the other variables that are judged
N, C  rows; classes
n     test rows of a fold, padded
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Program
from gengap.lanes.step import batch_of, of_fold
from gengap.random_bits import fold_in, normal

__all__ = ["readout"]

Array = Any
Arrays = Sequence[Array]
Lane = Mapping[str, Any]


def readout(
    network: LaneNetwork, program: Program, *, noise_key: Array
) -> Callable[[Arrays, Arrays, Lane, Lane], dict[str, Array]]:
    """Make the function that reads a trained lane out.

    Parameters
    ----------
    noise_key : array (2,)
        Of the noise on the test rows, the same for all lanes.

    Returns
    -------
    callable
        ``(w, o, lane, shared) -> record`` with ``predictions`` (N, C) or (N,) and ``losses``
        (N,) of all rows, ``noisy_predictions`` and ``noisy_losses`` of the fold's test rows (in
        blocks), ``zero_weights``, ``weight_norm``.
    """

    def read(weights: Arrays, others: Arrays, lane: Lane, shared: Lane) -> dict[str, Array]:
        lane = of_fold(lane, shared)

        def clean(rows: Array) -> tuple[Array, Array]:
            inputs, targets, _ = batch_of(rows, lane, shared)
            outputs = network.outputs(weights, others, inputs)
            losses = network.row_losses(network.encode_targets(targets), outputs)
            return _unscaled(network.predictions(outputs), lane, program), losses

        def noisy(block: tuple[Array, Array]) -> tuple[Array, Array]:
            number, rows = block
            inputs, targets, _ = batch_of(rows, lane, shared)
            disturbance = normal(fold_in(noise_key, number), inputs.shape, jnp.float32)
            inputs = inputs + (disturbance * shared["noise"]).astype(inputs.dtype)
            outputs = network.outputs(weights, others, inputs)
            losses = network.row_losses(network.encode_targets(targets), outputs)
            return _unscaled(network.predictions(outputs), lane, program), losses

        predictions, losses = jax.lax.map(clean, shared["blocks"])
        test = shared["test"][lane["split"]]
        noisy_predictions, noisy_losses = jax.lax.map(noisy, (jnp.arange(len(test)), test))
        kernels = [w for w, kernel in zip(weights, network.kernels, strict=True) if kernel]
        size = max(1, sum(kernel.size for kernel in kernels))
        return {
            "predictions": _unblocked(predictions),
            "losses": _unblocked(losses),
            "noisy_predictions": _unblocked(noisy_predictions),
            "noisy_losses": _unblocked(noisy_losses),
            "zero_weights": sum(jnp.sum(kernel == 0) for kernel in kernels) / size,
            "weight_norm": jnp.sqrt(sum(jnp.sum(jnp.square(kernel)) for kernel in kernels)),
        }

    return read


def _unblocked(blocks: Array) -> Array:
    return blocks.reshape((-1, *blocks.shape[2:]))


def _unscaled(predictions: Array, lane: Lane, program: Program) -> Array:
    if program.task == "regression":
        return predictions * lane["target_scale"] + lane["target_shift"]
    return predictions
