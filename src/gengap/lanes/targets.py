"""The targets of a batch, as the losses of a network take them: of one output, or of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import keras

from gengap.networks.heads import TargetForm
from gengap.techniques.base import Targets

if TYPE_CHECKING:
    from gengap.lanes.network import LaneNetwork

__all__ = ["batch_targets", "class_targets", "encoded", "standardized"]

Array = Any
Lane = Mapping[str, Any]


def standardized(targets: Array, fold: Lane) -> Array:
    """Return class codes as they are, and values in the unit of a fold's training rows."""
    if jnp.issubdtype(targets.dtype, jnp.floating):
        return (targets - fold["target_shift"]) / fold["target_scale"]
    return targets


def encoded(form: TargetForm, codes_or_values: Array) -> Array:
    """Bring class codes or standardized values (B,) into the form that a loss takes."""
    if form.kind == "codes":
        return codes_or_values.astype(jnp.int32)
    if form.kind == "one_hot":
        dtype = keras.config.floatx()
        return jax.nn.one_hot(codes_or_values.astype(jnp.int32), form.classes, dtype=dtype)
    return codes_or_values.astype(keras.config.floatx())[:, None]


def class_targets(form: TargetForm, rows: int) -> Array | None:
    """Return what a batch of only the k-th class looks like to a loss, (C, B, ...)."""
    if not form.classes:
        return None
    codes = jnp.broadcast_to(jnp.arange(form.classes)[:, None], (form.classes, rows))
    return jax.vmap(lambda of_class: encoded(form, of_class))(codes)


def batch_targets(
    network: LaneNetwork,
    rows: Array,
    deciding: Array,
    row_weights: Array | None,
    lane: Lane,
    shared: Lane,
) -> Targets:
    """Return what a batch is to learn, by the names of the outputs where there are several.

    Parameters
    ----------
    network : LaneNetwork
    rows : array (B,) of int32
    deciding : array (B,)
        Class codes or standardized values of the output that decides.
    row_weights : array (B,), optional
    lane, shared : mapping
        As in `gengap.lanes.step.batch_of`.
    """
    values: Any = encoded(network.head.targets, deciding)
    if network.output is not None:
        values = {network.output: values}
        for name, head in network.further.items():
            given = standardized(shared["further"][name][rows], lane["further"][name])
            values[name] = encoded(head.targets, given)
    # In the order in which a program of one output has it, so that it stays the same.
    return Targets(
        values=jax.tree.map(lambda leaf: leaf[None], values),
        weights=jnp.ones(1, jnp.float32),
        row_weights=None if row_weights is None else row_weights[None],
        classes=_classes(network, rows.shape[0]),
    )


def _classes(network: LaneNetwork, rows: int) -> Any:
    """Return `class_targets` of the one output, or of those of several that have classes."""
    if network.output is None:
        return class_targets(network.head.targets, rows)
    heads = {network.output: network.head, **network.further}
    found = {name: class_targets(head.targets, rows) for name, head in heads.items()}
    return {name: of_one for name, of_one in found.items() if of_one is not None} or None
