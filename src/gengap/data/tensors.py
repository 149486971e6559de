"""Arrays of three or more axes: whether they are images or sequences, and in which form.

Images have the axes (n, height, width, channels); grey ones get a channel axis. They are bytes or
numbers. Sequences have the axes (n, steps, channels); the steps of a row after its last one hold
NaN in every channel, and nothing else does.
"""

from __future__ import annotations

import numpy as np

from gengap.data.dataset import Modality
from gengap.data.sequences import lengths_of
from gengap.errors import UserError

__all__ = ["describe_shape", "read_tensor", "taken_as"]

_BYTES = np.iinfo(np.uint8)
_LARGEST = float(np.finfo(np.float32).max)
# Rows that are looked at to tell grey images from sequences.
_LOOKED_AT = 100
# Numbers of fewer levels are divided by 255 by chance: so are thirds and fifths.
_FEWEST_LEVELS = 20
# How far pixels that were divided by 255 in 32 bits are from whole numbers when multiplied back.
_ROUNDING = 1e-3
# Numbers of which some are beyond this are no pixels between 0 and 1, or standardized ones.
_UNSCALED = 20.0


def read_tensor(
    values: np.ndarray, *, where: str = "", sequences: bool = False
) -> tuple[np.ndarray, Modality]:
    """Tell images from sequences, and bring either into its form.

    Four and more axes are images. Three axes are grey images where they hold bytes, or bytes that
    were divided by 255; else sequences. Steps that hold NaN in every channel, to the end of a
    row, are none.

    Parameters
    ----------
    values : ndarray (n, ...)
        Three or more axes.
    where : str
        Goes before every message.
    sequences : bool
        Whether they are known to be sequences.

    Returns
    -------
    values : ndarray
        As the head of this module says.
    modality : {"image", "sequence"}

    Raises
    ------
    UserError
        ``unsupported-type``, ``missing-in-tensor``, ``empty-sequence`` or ``infinite-values``.

    Examples
    --------
    >>> images, modality = read_tensor(np.zeros((5, 8, 8), np.uint8))
    >>> images.shape, modality
    ((5, 8, 8, 1), 'image')
    >>> read_tensor(np.zeros((5, 20, 3)))[1]
    'sequence'
    """
    if values.dtype.kind not in "buif":
        raise UserError(
            "unsupported-type",
            f"{where}x is a tensor of type {values.dtype}; expected numbers",
            "encode words as numbers first, or give rows by columns",
        )
    if values.dtype.kind == "f":
        if values.dtype.itemsize < np.dtype(np.float32).itemsize:
            values = values.astype(np.float32)  # in 16 bits the largest number allowed is infinite
        values = _checked(values, where)
    if values.ndim == 3:
        grey = values.dtype == np.uint8 or _are_divided_bytes(values)
        if sequences or not grey:
            return values, "sequence"
        values = values[..., None]
    if values.dtype.kind in "ui" and values.dtype != np.uint8 and _are_bytes(values):
        values = values.astype(np.uint8)
    return values, "image"


def taken_as(values: np.ndarray, modality: Modality) -> str:
    """Say in a note what arrays were taken as.

    Examples
    --------
    >>> taken_as(np.zeros((5, 20, 3)), "sequence")
    'taken as sequences of 20 steps with 3 channels'
    """
    note = f"taken as {modality}s of {describe_shape(values.shape[1:], modality)}"
    if modality == "image" and values.dtype != np.uint8:
        lowest, highest = float(values.min()), float(values.max())
        if max(-lowest, highest) > _UNSCALED:
            note += (
                f", which the network sees as they are, from {lowest:g} to {highest:g}; give "
                "bytes (numpy.uint8) to have them divided by 255"
            )
    elif modality == "sequence" and (lengths := lengths_of(values)).min() < values.shape[1]:
        note += f", {lengths.min()} to {lengths.max()} of them in a row"
    elif modality == "sequence" and values.shape[1] == values.shape[2]:
        note += "; grey images have a channel axis (x[..., None]), or are bytes"
    return note


def describe_shape(shape: tuple[int, ...], modality: Modality) -> str:
    """Say what one row is.

    Examples
    --------
    >>> describe_shape((28, 28, 1), "image"), describe_shape((24, 3), "sequence")
    ('28 x 28 pixels with 1 channel', '24 steps with 3 channels')
    """
    *sizes, channels = shape
    sides = " x ".join(map(str, sizes))
    what = "pixels" if modality == "image" else "step" if sizes == [1] else "steps"
    return f"{sides} {what} with {channels} {'channel' if channels == 1 else 'channels'}"


def _are_bytes(values: np.ndarray) -> bool:
    """Say whether whole numbers of a wider type use the range of bytes, beyond yes and no."""
    return bool(values.size and values.min() >= 0 and 1 < values.max() <= _BYTES.max)


def _are_divided_bytes(values: np.ndarray) -> bool:
    """Say whether numbers are bytes divided by 255."""
    if values.dtype.kind != "f":
        return False
    some = values[:_LOOKED_AT] * float(_BYTES.max)
    within = bool((some >= 0).all() and (some <= _BYTES.max + _ROUNDING).all())
    whole = within and bool((np.abs(some - np.round(some)) < _ROUNDING).all())
    return whole and len(np.unique(np.round(some))) > _FEWEST_LEVELS


def _checked(values: np.ndarray, where: str) -> np.ndarray:
    """Refuse what is no number but for the steps after a row's last one, which then hold NaN."""
    missing = np.isnan(values)
    ended = np.zeros((len(values), 1), dtype=bool)
    if values.ndim == 3 and missing.any():
        none = missing.all(axis=2)
        ended = np.logical_and.accumulate(none[:, ::-1], axis=1)[:, ::-1]
        missing &= ~ended[..., None]
    for code, found, what, hint in (
        (
            "missing-in-tensor",
            missing,
            "missing",
            "fill them in; steps that hold nothing but missing values may end a row",
        ),
        (
            "infinite-values",
            np.abs(values) > _LARGEST,
            "infinite",
            "replace them by numbers below 3.4e38",
        ),
    ):
        if found.any():
            place = tuple(int(axis) for axis in np.argwhere(found)[0])
            raise UserError(
                code, f"{where}x has {int(found.sum())} {what} values, the first at {place}", hint
            )
    empty = np.flatnonzero(ended.all(axis=1))
    if empty.size:
        raise UserError(
            "empty-sequence",
            f"{where}row {empty[0] + 1} of x has no step",
            "a row needs a step at least; leave rows without any out",
        )
    # One NaN, so that equal rows have equal bytes.
    return np.where(ended[..., None], values.dtype.type(np.nan), values) if ended.any() else values
