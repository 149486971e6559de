"""Images made lighter or darker, harder or softer, within the range of their values."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from gengap.techniques.base import Batch

__all__ = ["brighten", "contrast"]


def contrast(batch: Batch, changes: jax.Array) -> Batch:
    """Change how far every image's values are from the mean of their channel.

    Parameters
    ----------
    batch : Batch
        Of images (B, H, W, C).
    changes : array (B,)
        0.1 is a tenth farther; 0 changes no bit.
    """
    given = batch.inputs
    mean = jnp.mean(given, axis=(1, 2), keepdims=True)
    factors = changes.astype(given.dtype)[:, None, None, None]
    return _within(batch, given + factors * (given - mean), changes)


def brighten(batch: Batch, changes: jax.Array) -> Batch:
    """Add a share of the range of the values to every image.

    Parameters
    ----------
    batch : Batch
        Of images (B, H, W, C).
    changes : array (B,)
        The share; 0 changes no bit.
    """
    assert batch.value_range is not None
    low, high = batch.value_range
    added = (changes * (high - low)).astype(batch.inputs.dtype)
    return _within(batch, batch.inputs + added[:, None, None, None], changes)


def _within(batch: Batch, changed: jax.Array, changes: jax.Array) -> Batch:
    """Clip to the range what was changed, and leave the rest as it is, even out of the range."""
    assert batch.value_range is not None
    low, high = batch.value_range.astype(changed.dtype)
    kept = (changes == 0)[:, None, None, None]
    inputs = jnp.where(kept, batch.inputs, jnp.clip(changed, low, high))
    return dataclasses.replace(batch, inputs=inputs)
