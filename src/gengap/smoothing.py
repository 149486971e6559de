"""Targets of several outputs smoothed together: each that has classes, by all of its own.

The loss of several outputs is a sum, and sees of what is drawn for each only how often it comes.
Alternatives that go through the classes of all outputs side by side are therefore enough: outputs
of C and of D classes need at most C + D - 1 of them, not C * D.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from gengap.techniques.base import Targets

__all__ = ["side_by_side", "smoothed_each"]


def side_by_side(counts: Mapping[str, int]) -> tuple[list[float], dict[str, list[int]]]:
    """Go through the classes of several outputs at once, all of an output alike often.

    Parameters
    ----------
    counts : mapping of str to int
        How many classes each output has.

    Returns
    -------
    shares : list of float
        Of each step; they sum to 1.
    classes : dict of str to list of int
        The class of each output in each step.

    Examples
    --------
    >>> side_by_side({"a": 2, "b": 4})
    ([0.25, 0.25, 0.25, 0.25], {'a': [0, 0, 1, 1], 'b': [0, 1, 2, 3]})
    """
    cuts = sorted({Fraction(k, count) for count in counts.values() for k in range(count + 1)})
    steps = list(pairwise(cuts))
    shares = [float(end - start) for start, end in steps]
    return shares, {
        name: [int(start * count) for start, _ in steps] for name, count in counts.items()
    }


def smoothed_each(given: Targets, smoothing: jax.Array) -> Targets:
    """Give all classes of every output that has some a share of its loss, all alike.

    Parameters
    ----------
    given : Targets
        Of several outputs, by their names.
    smoothing : array ()
        The share; the targets themselves keep the rest. Values keep all of it.
    """
    every: Mapping[str, Any] = given.classes or {}
    shares, places = side_by_side({name: len(of_one) for name, of_one in every.items()})
    uniform = jnp.asarray(shares, given.weights.dtype) * smoothing
    count = len(given.weights)

    def others(name: str, values: jax.Array) -> jax.Array:
        if name not in every:
            return jnp.repeat(values, len(shares), axis=0)
        of_steps = every[name][jnp.asarray(places[name])]
        return jnp.tile(of_steps, (count, *(1,) * (of_steps.ndim - 1)))

    values: Mapping[str, Any] = given.values
    rows = given.row_weights
    return dataclasses.replace(
        given,
        values={name: jnp.concatenate([own, others(name, own)]) for name, own in values.items()},
        weights=jnp.concatenate(
            [given.weights * (1 - smoothing), (given.weights[:, None] * uniform).reshape(-1)]
        ),
        row_weights=None
        if rows is None
        else jnp.concatenate([rows, jnp.repeat(rows, len(shares), axis=0)]),
    )
