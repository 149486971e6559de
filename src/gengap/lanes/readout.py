"""What trained weights say of all rows, and of the test rows with noise.

Notation
--------
w, o  values of the weights and of the other variables that are judged
M     members of an ensemble, whose outputs are averaged
N, C  rows; classes
n     test rows of a fold, padded
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Program
from gengap.lanes.step import batch_of, changed, of_fold
from gengap.random_bits import fold_in, named, normal

__all__ = ["readout"]

Array = Any
Arrays = Sequence[Array]
Lane = Mapping[str, Any]


def readout(
    network: LaneNetwork, program: Program, *, noise_key: Array, members: int = 1
) -> Callable[[Arrays, Arrays, Lane, Lane], dict[str, Array]]:
    """Make the function that reads a trained lane out.

    Parameters
    ----------
    noise_key : array (2,)
        Of the noise on the test rows, the same for all lanes.
    members : int
        M. With several, w and o have an axis of them in front, and the lane has their ``shares``
        (M,) of the outputs.

    Returns
    -------
    callable
        ``(w, o, lane, shared) -> record`` with ``predictions`` (N, C) or (N,) and ``losses``
        (N,) of all rows, ``noisy_predictions`` and ``noisy_losses`` of the fold's test rows (in
        blocks), ``zero_weights``, ``weight_norm``.
    """

    def read(weights: Arrays, others: Arrays, lane: Lane, shared: Lane) -> dict[str, Array]:
        lane = of_fold(lane, shared)

        def outputs_of(inputs: Array) -> Array:
            if members == 1:
                return network.outputs(weights, others, inputs)
            both = (list(weights), list(others))
            every = jax.lax.map(lambda own: network.outputs(own[0], own[1], inputs), both)
            return network.averaged(every, lane["shares"])

        def clean(rows: Array) -> tuple[Array, Array]:
            inputs, targets, _ = batch_of(rows, lane, shared)
            outputs = outputs_of(inputs)
            losses = network.row_losses(network.encode_targets(targets), outputs)
            return _unscaled(network.predictions(outputs), lane, program), losses

        def noisy(block: tuple[Array, Array]) -> tuple[Array, Array]:
            number, rows = block
            inputs, targets, _ = batch_of(rows, lane, shared)
            noise = _noise(fold_in(noise_key, number), inputs, shared["noise"])
            inputs = changed(inputs, lane, lambda given: jax.tree.map(operator.add, given, noise))
            outputs = outputs_of(inputs)
            losses = network.row_losses(network.encode_targets(targets), outputs)
            return _unscaled(network.predictions(outputs), lane, program), losses

        predictions, losses = jax.lax.map(clean, shared["blocks"])
        test = shared["test"][lane["split"]]
        noisy_predictions, noisy_losses = jax.lax.map(noisy, (jnp.arange(len(test)), test))
        if members == 1:
            zeros, norm = _sizes(network, weights)
        else:
            each = jax.vmap(partial(_sizes, network))(list(weights))
            zeros, norm = (jnp.dot(lane["shares"], of_members) for of_members in each)
        return {
            "predictions": _unblocked(predictions),
            "losses": _unblocked(losses),
            "noisy_predictions": _unblocked(noisy_predictions),
            "noisy_losses": _unblocked(noisy_losses),
            "zero_weights": zeros,
            "weight_norm": norm,
        }

    return read


def _noise(key: Array, inputs: Any, deviations: Any) -> Any:
    """Return normal noise for the input, or for each of several by its name."""
    if isinstance(inputs, Mapping):
        return {
            name: _noise(named(key, name), given, deviations[name])
            for name, given in inputs.items()
        }
    disturbance = normal(key, inputs.shape, jnp.float32)
    return (disturbance * deviations).astype(inputs.dtype)


def _sizes(network: LaneNetwork, weights: Arrays) -> tuple[Array, Array]:
    """Return the share of zeros among the kernels' weights, and their Euclidean norm."""
    kernels = [w for w, kernel in zip(weights, network.kernels, strict=True) if kernel]
    size = max(1, sum(kernel.size for kernel in kernels))
    zeros = sum(jnp.sum(kernel == 0) for kernel in kernels) / size
    return zeros, jnp.sqrt(sum(jnp.sum(jnp.square(kernel)) for kernel in kernels))


def _unblocked(blocks: Array) -> Array:
    return blocks.reshape((-1, *blocks.shape[2:]))


def _unscaled(predictions: Array, lane: Lane, program: Program) -> Array:
    if program.task == "regression":
        return predictions * lane["target_scale"] + lane["target_shift"]
    return predictions
