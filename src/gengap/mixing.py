"""Rows mixed with other rows of their batch, and their targets with them.

A batch comes in a random order, a new one every epoch: a row's partner is the row before it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from gengap.techniques.base import Batch, Targets

__all__ = ["PLAIN_MIXING", "mixed", "partners"]

#: `partners` and `mixed` in a plain Keras program.
PLAIN_MIXING = '''
def partners(rows):
    """Give every row the row before it: a batch comes in a random order."""
    if rows is None:
        return None
    return keras.tree.map_structure(lambda one: keras.ops.roll(one, 1, axis=0), rows)


def mixed(targets, share):
    """Let a row's own targets have a share of the loss, and its partner's the rest."""
    own = [(share * part, given, rows) for part, given, rows in targets]
    others = [
        ((1 - share) * part, partners(given), partners(rows)) for part, given, rows in targets
    ]
    return own + others
'''


def partners(rows: jax.Array, axis: int = 0) -> jax.Array:
    """Return for every row the one that it is mixed with.

    Parameters
    ----------
    rows : array
    axis : int
        Along which rows lie.
    """
    return jnp.roll(rows, 1, axis)


def mixed(batch: Batch, inputs: jax.Array, share: jax.Array) -> Batch:
    """Return the batch with mixed inputs, and both rows' targets.

    Parameters
    ----------
    batch : Batch
    inputs : array (B, ...)
        Mixed.
    share : array ()
        Of the loss that a row's own targets have. What a row counts goes with its targets.

    Returns
    -------
    Batch
    """
    given = batch.targets

    def both(values: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.concatenate([leaf, partners(leaf, axis=1)]), values)

    share = share.astype(given.weights.dtype)
    targets = Targets(
        values=both(given.values),
        weights=jnp.concatenate([given.weights * share, given.weights * (1 - share)]),
        row_weights=None if given.row_weights is None else both(given.row_weights),
        classes=given.classes,
    )
    return dataclasses.replace(batch, inputs=inputs, targets=targets)
