"""Sequences of different lengths: steps after a row's last one hold NaN in every channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gengap.errors import UserError

__all__ = ["as_long", "lengths_of", "padded", "with_lengths"]


def lengths_of(values: np.ndarray) -> np.ndarray:
    """Return how many steps every row has.

    Parameters
    ----------
    values : ndarray (n, steps, channels)

    Returns
    -------
    ndarray of int (n,)

    Examples
    --------
    >>> lengths_of(np.array([[[1.0], [2.0]], [[3.0], [np.nan]]])).tolist()
    [2, 1]
    """
    if values.dtype.kind != "f":
        return np.full(len(values), values.shape[1])
    there = ~np.isnan(values[..., 0])
    return there.sum(axis=1)


def with_lengths(values: np.ndarray, lengths: Any, *, where: str = "") -> np.ndarray:
    """Put NaN into the steps after the last one of every row.

    Parameters
    ----------
    values : ndarray (n, steps, channels)
        What stands in those steps makes no difference.
    lengths : array-like (n,)
        Whole numbers from 1 to the number of steps.
    where : str
        Goes before every message.

    Raises
    ------
    UserError
        ``lengths-without-sequences``, ``length-mismatch``, ``bad-lengths``.

    Examples
    --------
    >>> with_lengths(np.ones((2, 3, 1)), [3, 1])[..., 0].tolist()
    [[1.0, 1.0, 1.0], [1.0, nan, nan]]
    """
    if values.ndim != 3 or values.dtype.kind not in "buif":
        raise UserError(
            "lengths-without-sequences",
            f"{where}there are lengths, but x has the shape {values.shape} and the type "
            f"{values.dtype}; expected numbers, rows by steps by channels",
            "use x[..., None] for sequences of one channel, or leave the lengths out",
        )
    numbers = np.asarray(lengths).reshape(-1)
    if len(numbers) != len(values):
        raise UserError(
            "length-mismatch",
            f"{where}x has {len(values)} rows and lengths has {len(numbers)}",
            "give one length a row",
        )
    steps = values.shape[1]
    whole = numbers.dtype.kind in "ui" or (
        numbers.dtype.kind == "f" and bool((np.mod(numbers, 1) == 0).all())
    )
    wrong = np.flatnonzero((numbers < 1) | (numbers > steps)) if whole else np.arange(1)
    if wrong.size:
        raise UserError(
            "bad-lengths",
            f"{where}the length of row {wrong[0] + 1} is {numbers[wrong[0]]}; expected whole "
            f"numbers from 1 to {steps}, the steps of x",
            "a row needs a step at least; leave rows without any out",
        )
    if (numbers == steps).all():
        return values
    found = np.array(values, dtype=np.result_type(values.dtype, np.float32))
    found[np.arange(steps) >= numbers[:, None]] = np.nan
    return found


def as_long(some: Any, others: Any) -> tuple[Any, Any]:
    """Pad two parts to the same number of steps, where their rows have different lengths anyway.

    Parameters
    ----------
    some, others : ndarray (n, steps, channels), or other rows, which are returned as they are
    """
    parts = (some, others)
    if not all(isinstance(part, np.ndarray) and part.ndim == 3 for part in parts):
        return parts
    ragged = any((lengths_of(part) < part.shape[1]).any() for part in parts)
    steps = max(part.shape[1] for part in parts)
    if not ragged or some.shape[2] != others.shape[2]:
        return parts
    longer = [part if part.shape[1] == steps else padded(part, steps) for part in parts]
    return longer[0], longer[1]


def padded(rows: Sequence[np.ndarray] | np.ndarray, steps: int | None = None) -> np.ndarray:
    """Put rows of different lengths, (steps, channels) each, into one array.

    Parameters
    ----------
    rows : sequence of ndarray
    steps : int, optional
        Of the result; those of the longest row where it is left out.

    Returns
    -------
    ndarray (n, steps, channels)

    Examples
    --------
    >>> padded([np.ones((2, 1)), np.zeros((1, 1))])[..., 0].tolist()
    [[1.0, 1.0], [0.0, nan]]
    """
    longest = steps or max(len(row) for row in rows)
    dtype = np.result_type(np.float32, *(row.dtype for row in rows))
    found = np.full((len(rows), longest, rows[0].shape[1]), np.nan, dtype)
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found
