"""What a row of images or sequences looks like to a network, and others that are read like it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gengap.data.dataset import Dataset, Modality
from gengap.data.sequences import lengths_of
from gengap.errors import UserError

__all__ = ["RowForm", "form_of", "form_of_dataset", "read_rows_as"]

_LARGEST_BYTE = float(np.iinfo(np.uint8).max)


@dataclass(frozen=True)
class RowForm:
    """What one row looks like, and what the network sees of it besides the fold's numbers.

    Attributes
    ----------
    modality : {"image", "sequence"}
    shape : tuple of int
        As the network takes it: one without a channel axis has grey images without one.
    pixels : {"bytes", "numbers"}, optional
        What images hold; None for sequences.
    divisor : float
        What pixels are divided by.
    padding : float, optional
        What the network sees in every channel of a step after the last one of a sequence (0 as
        long as no network says otherwise); None where all rows have all steps.
    """

    modality: Modality
    shape: tuple[int, ...]
    pixels: Literal["bytes", "numbers"] | None = None
    divisor: float = 1.0
    padding: float | None = None


def form_of(values: np.ndarray, modality: Modality) -> RowForm:
    """Return the form of rows that `read_tensor` has read."""
    shape = tuple(values.shape[1:])
    if modality == "sequence":
        ragged = bool((lengths_of(values) < shape[0]).any())
        return RowForm(modality, shape, padding=0.0 if ragged else None)
    if values.dtype == np.uint8:
        return RowForm(modality, shape, "bytes", _LARGEST_BYTE)
    return RowForm(modality, shape, "numbers")


def form_of_dataset(dataset: Dataset) -> RowForm:
    """Return the form of images or sequences; steps may be none in the test part alone.

    Parameters
    ----------
    dataset : Dataset
        Of no table.
    """
    parts = [part for part in (dataset.rows, dataset.test) if part is not None]
    forms = [form_of(np.asarray(part.alone), dataset.modality) for part in parts]
    ragged = next((form for form in forms if form.padding is not None), forms[0])
    return replace(forms[0], padding=ragged.padding)


def read_rows_as(form: RowForm, rows: Any, name: str) -> np.ndarray:
    """Read rows for a network that was trained on rows of a form.

    Parameters
    ----------
    form : RowForm
    rows : DataFrame or ndarray (n, ...)
        As they were read.
    name : str
        What they are called in messages.

    Raises
    ------
    UserError
        ``shape-mismatch``; ``other-pixels`` where the network learned from bytes and these are
        numbers of another range, or the other way round.
    """
    if not isinstance(rows, np.ndarray):
        raise _other_shape(form, name, "a table")
    if form.modality == "sequence":
        return _read_sequences_as(form, rows, name)
    if rows.ndim == 3:
        rows = rows[..., None]
    if rows.shape[1:] not in {form.shape, (*form.shape, 1)}:
        raise _other_shape(form, name, f"rows of shape {rows.shape[1:]}")
    if form.pixels == "bytes" and rows.dtype != np.uint8:
        whole = ((rows >= 0) & (rows <= _LARGEST_BYTE) & (np.mod(rows, 1) == 0)).all()
        # Pixels between 0 and 1 that happen to be black or white are no bytes.
        scaled = rows.dtype.kind == "f" and rows.size and rows.max() <= 1
        if not whole or scaled:
            raise UserError(
                "other-pixels",
                f"{name} holds pixels that are no bytes; the network learned from bytes, 0 to 255",
                "give them as they were for training (numpy.uint8)",
            )
        return rows.astype(np.uint8)
    if form.pixels == "numbers" and rows.dtype == np.uint8:
        raise UserError(
            "other-pixels",
            f"{name} holds pixels as bytes; the network learned from other numbers",
            "scale them as those for training were, such as by x / 255.0",
        )
    return rows


def _read_sequences_as(form: RowForm, rows: np.ndarray, name: str) -> np.ndarray:
    steps, channels = form.shape
    if rows.ndim != 3 or rows.shape[2] != channels:
        raise _other_shape(form, name, f"rows of shape {rows.shape[1:]}")
    lengths = lengths_of(rows)
    long = np.flatnonzero(lengths > steps)
    if long.size:
        raise UserError(
            "shape-mismatch",
            f"row {long[0] + 1} of {name} has {lengths[long[0]]} steps; the network takes rows of "
            f"{steps} steps, as the longest had that it learned from",
            f"cut the rows to {steps} steps: x[:, :{steps}] of an array, [row[:{steps}] for row in "
            "x] of a list of arrays",
        )
    short = np.flatnonzero(lengths < steps)
    if form.padding is None and short.size:
        raise UserError(
            "shape-mismatch",
            f"row {short[0] + 1} of {name} has {lengths[short[0]]} steps; the network "
            f"takes rows of {steps} steps, as all were that it learned from",
            "bring rows with all steps",
        )
    if rows.shape[1] < steps:
        floats = rows.astype(np.result_type(rows.dtype, np.float32), copy=False)
        missing = ((0, 0), (0, steps - rows.shape[1]), (0, 0))
        return np.pad(floats, missing, constant_values=np.nan)
    # Beyond the longest row there is padding only.
    return rows if rows.shape[1] == steps else rows[:, :steps]


def _other_shape(form: RowForm, name: str, received: str) -> UserError:
    return UserError(
        "shape-mismatch",
        f"{name} holds {received}; the network takes rows of shape {form.shape}",
        "bring an array of such rows, or an .npz file with the array x",
    )
