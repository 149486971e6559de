"""Encode rows once for all folds: one-hot levels, and numbers small enough for 32 bits.

A column's levels are schema and come from the whole table, so that all folds have the same width;
what a fold may not know is masked by its `Preprocessing`. Numbers are held as
(value - offset) / unit: a timestamp such as 1.7e9 with a spread of hours would lose its digits in
32 bits. Offset and unit only carry the number; the fold's own shift and scale undo them. The
channels of sequences are carried likewise. Images stay bytes, or numbers as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gengap.data.dataset import Column
from gengap.data.row_form import RowForm, form_of
from gengap.data.text import term_shares
from gengap.errors import UserError

__all__ = [
    "MISSING_LEVEL",
    "Encoded",
    "encode",
    "layout",
    "one_hot",
    "varying_channels",
    "varying_numbers",
]

MISSING_LEVEL = "<missing>"
# 8 GiB of encoded values.
_MOST_VALUES = 2**31
_LARGEST = float(np.finfo(np.float32).max)
# Rows that are looked at together.
_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Encoded:
    """Rows as the device holds them.

    Attributes
    ----------
    values : ndarray of float32 (n, width), (n, steps, channels), (n, ...) or of bytes (n, ...)
        Numbers as (value - offset) / unit with NaN for missing; levels as 0 and 1; terms as their
        shares of the row. Images as they are.
    names : tuple of str
        ``"age"``, ``"color=red"``, ``"color=<missing>"``; empty for images and sequences, like all
        below but offset and unit.
    source : ndarray of int (width,)
        Which column an encoded column comes from.
    levels : tuple of str or None
        The level of a one-hot column, or a text's term; None for numbers and for the level
        "missing".
    is_numeric : ndarray of bool (width,)
        True for numbers, booleans and dates, False for one-hot columns and terms.
    offset, unit : ndarray of float64 (width,), (channels,) or (0,)
    form : RowForm, optional
        Of images and sequences.
    as_given : bool
        Whether the network gets numbers in their own units, not standardized.
    """

    values: np.ndarray
    names: tuple[str, ...]
    source: np.ndarray
    levels: tuple[str | None, ...]
    is_numeric: np.ndarray
    offset: np.ndarray
    unit: np.ndarray
    form: RowForm | None = None
    as_given: bool = False

    @property
    def width(self) -> int:
        """How many encoded columns there are (0 for images and sequences)."""
        return len(self.names)


def encode(
    columns: tuple[Column, ...],
    features: pd.DataFrame | np.ndarray,
    *,
    like: Encoded | None = None,
    as_given: bool = False,
) -> Encoded:
    """Encode features.

    A categorical column has a column a level, and one for "missing" where the table has missing
    cells in it. Levels that `columns` does not name are zeros. Texts have a column a term.

    Parameters
    ----------
    columns : tuple of Column
    features : DataFrame (n, columns) or ndarray (n, ...)
    like : Encoded, optional
        Take offsets and units from there, for a test part.
    as_given : bool
        Hold numbers as they are, for a network that prepares them itself.

    Raises
    ------
    UserError
        ``too-many-levels``: the encoded table would have over 2^31 values.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1.0, 3.0], "b": ["x", None]}, dtype=object)
    >>> columns = (Column("a", "numeric"), Column("b", "categorical", ("x",), missing=1))
    >>> encoded = encode(columns, table)
    >>> encoded.names, encoded.values.tolist()
    (('a', 'b=x', 'b=<missing>'), [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    """
    if not isinstance(features, pd.DataFrame):
        return _encode_tensor(features, like, as_given)
    names, source, levels = layout(columns)
    _check_size(len(features), len(names), columns)
    is_numeric = np.array([not columns[place].in_words for place in source], dtype=bool)
    values = np.zeros((len(features), len(names)), dtype=np.float32)
    offset, unit = np.zeros(len(names)), np.ones(len(names))
    for place, column in enumerate(columns):
        at = np.flatnonzero(source == place)
        cells = features[column.name].to_numpy()
        if column.kind == "categorical":
            rows, hits = one_hot(column, cells)
            values[rows, at[0] + hits] = 1.0
            continue
        if column.kind == "text":
            values[:, at] = term_shares(column.levels, cells)
            continue
        numbers = cells.astype(np.float64)
        where = at[0]
        if as_given:
            offset[where], unit[where] = 0.0, 1.0
        elif like is None:
            offset[where], unit[where] = _carrier(numbers)
        else:
            offset[where], unit[where] = like.offset[where], like.unit[where]
        carried = (numbers - offset[where]) / unit[where]
        values[:, where] = np.clip(carried, -_LARGEST, _LARGEST)
    return Encoded(values, names, source, levels, is_numeric, offset, unit, as_given=as_given)


def varying_numbers(
    columns: tuple[Column, ...], encoded: Encoded, parts: Iterable[np.ndarray]
) -> np.ndarray:
    """Tell which encoded columns are numeric and take more than one value in each of the parts.

    Booleans, dates and levels are none: an answer of 0.3 or a day half a year off is no noise of
    measurement, but another case.

    Parameters
    ----------
    columns : tuple of Column
    encoded : Encoded
    parts : iterable of ndarray of int
        Row numbers, such as the training rows of every fold.

    Returns
    -------
    ndarray of bool (width,)

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1.0, 3.0, 3.0], "b": [0.0, 1.0, 0.0]})
    >>> columns = (Column("a", "numeric"), Column("b", "boolean"))
    >>> encoded = encode(columns, table)
    >>> varying_numbers(columns, encoded, [np.array([0, 1])]).tolist()
    [True, False]
    >>> varying_numbers(columns, encoded, [np.array([0, 1]), np.array([1, 2])]).tolist()
    [False, False]
    """
    vary = np.array([columns[place].kind == "numeric" for place in encoded.source], dtype=bool)
    smallest, largest = np.empty(encoded.width), np.empty(encoded.width)
    for rows in parts:
        smallest[:], largest[:] = np.inf, -np.inf
        # Nearly all vary among the first rows; the others are looked for on.
        same = np.flatnonzero(vary)
        for start in range(0, len(rows), _ROWS):
            values = encoded.values[np.ix_(rows[start : start + _ROWS], same)]
            # A missing value, which these pass over, is filled with the median of the others.
            smallest[same] = np.fmin(smallest[same], np.fmin.reduce(values, axis=0))
            largest[same] = np.fmax(largest[same], np.fmax.reduce(values, axis=0))
            same = same[~(smallest[same] < largest[same])]
            if not same.size:
                break
        vary[same] = False
    return vary


def varying_channels(encoded: Encoded, parts: Iterable[np.ndarray]) -> np.ndarray:
    """Tell which channels of sequences take more than one value in each of the parts.

    Parameters
    ----------
    encoded : Encoded
    parts : iterable of ndarray of int
        Row numbers, such as the training rows of every fold.

    Returns
    -------
    ndarray of bool (channels,)
    """
    # These pass over steps that are none. By row first: a row is in many parts.
    lowest = np.fmin.reduce(encoded.values, axis=1)
    highest = np.fmax.reduce(encoded.values, axis=1)
    vary = np.ones(encoded.values.shape[-1], dtype=bool)
    for rows in parts:
        vary &= lowest[rows].min(axis=0) < highest[rows].max(axis=0)
    return vary


def layout(
    columns: tuple[Column, ...],
) -> tuple[tuple[str, ...], np.ndarray, tuple[str | None, ...]]:
    """Return the encoded columns' names, the columns that they come from, and their levels."""
    names: list[str] = []
    source: list[int] = []
    levels: list[str | None] = []
    for place, column in enumerate(columns):
        if column.kind == "text":
            found: list[tuple[str, str | None]]
            found = [(f"{column.name}: {term}", term) for term in column.levels]
        elif column.kind != "categorical":
            found = [(column.name, None)]
        else:
            found = [(f"{column.name}={level}", level) for level in column.levels]
            if column.missing:
                found.append((f"{column.name}={MISSING_LEVEL}", None))
        names.extend(name for name, _ in found)
        levels.extend(level for _, level in found)
        source.extend([place] * len(found))
    return tuple(names), np.array(source, dtype=np.int64), tuple(levels)


def one_hot(column: Column, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, and which of the column's encoded columns is 1 there; unknown words: none."""
    codes = pd.Index(column.levels, dtype=object).get_indexer(pd.Index(cells, dtype=object))
    if column.missing:
        codes = np.where(pd.isna(cells), len(column.levels), codes)
    rows = np.flatnonzero(codes >= 0)
    return rows, codes[rows]


def _encode_tensor(tensor: np.ndarray, like: Encoded | None, as_given: bool) -> Encoded:
    # Grey images have a channel axis, too.
    form = form_of(tensor, "image" if tensor.ndim > 3 else "sequence")
    values, offset, unit = tensor, np.zeros(0), np.zeros(0)
    if form.modality == "sequence":
        channels = np.moveaxis(tensor, -1, 0)
        carriers = np.array([(0.0, 1.0) if as_given else _carrier(one) for one in channels])
        offset, unit = carriers.T if like is None else (like.offset, like.unit)
        values = (tensor - offset) / unit
    if form.pixels != "bytes":
        values = values.astype(np.float32, copy=False)
    none = np.zeros(0, dtype=np.int64)
    return Encoded(values, (), none, (), none.astype(bool), offset, unit, form, as_given)


def _carrier(numbers: np.ndarray) -> tuple[float, float]:
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return 0.0, 1.0
    offset = float(np.median(known))
    spread = float(np.sqrt(np.mean(np.square(known - offset))))
    return offset, spread if spread > 0 else 1.0


def _check_size(rows: int, width: int, columns: tuple[Column, ...]) -> None:
    if rows * width <= _MOST_VALUES:
        return
    widest = max(columns, key=lambda column: len(column.levels))
    raise UserError(
        "too-many-levels",
        f"{rows} rows and {width} encoded columns are too much to hold; column '{widest.name}' "
        f"alone has {len(widest.levels)} different words",
        "leave out columns that name or number the rows, and texts",
    )
