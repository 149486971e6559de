"""Which rows are equal.

Two rows are equal where all their features are; missing equals missing. Columns that number the
rows are not compared: copies that were numbered afterwards are still copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from pandas.util import hash_array

from gengap.audit.columns import numbers_the_rows
from gengap.data.dataset import Column, Columns, Features
from gengap.data.several import row_count

__all__ = ["compared_columns", "feature_codes"]

# Of the hashes of a row's columns: odd, so that no bit of one is lost.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def feature_codes(features: Features, columns: Columns) -> np.ndarray:
    """Give rows with equal features equal codes.

    Parameters
    ----------
    features : DataFrame (n, columns), or ndarray (n, ...), or mapping of such
        Rows of several inputs are equal where they are in each of them.
    columns : tuple of Column, or mapping of such
        What the columns of a table are; not used for tensors.

    Returns
    -------
    ndarray (n,)
        Codes from 0, in the order of first appearance.
    """
    if isinstance(features, Mapping):
        assert isinstance(columns, Mapping)
        codes = [
            feature_codes(one, columns[name])
            for name, one in features.items()
            if not isinstance(one, pd.DataFrame) or any(compared_columns(one, columns[name]))
        ]
        return _codes_of_table(codes) if codes else np.arange(row_count(features))
    assert not isinstance(columns, Mapping)
    if isinstance(features, pd.DataFrame):
        compared = [values.to_numpy() for _, values in compared_columns(features, columns)]
        return _codes_of_table(compared) if compared else np.arange(len(features))
    return _codes_of_tensor(features)


def compared_columns(
    features: pd.DataFrame, columns: tuple[Column, ...]
) -> Iterator[tuple[Column, pd.Series]]:
    """Yield the columns of a table in which rows are compared: those that do not number them.

    Parameters
    ----------
    features : DataFrame (n, columns)
    columns : tuple of Column
    """
    for column in columns:
        values = features[column.name]
        if not numbers_the_rows(values, column.kind):
            yield column, values


def _codes_of_table(columns: list[np.ndarray]) -> np.ndarray:
    """Return a code for each row of a table; rows are equal where all columns are."""
    hashes = np.zeros(len(columns[0]), np.uint64)
    for cells in columns:
        hashes = hashes * _MULTIPLIER + hash_array(_same_bits(cells))

    def equal(these: np.ndarray, those: np.ndarray) -> np.ndarray:
        found = np.ones(len(these), bool)
        for cells in columns:
            one, other = cells[these], cells[those]
            found &= (one == other) | (pd.isna(one) & pd.isna(other))
        return found

    return _codes(hashes, equal)


def _codes_of_tensor(tensor: np.ndarray) -> np.ndarray:
    """Return a code for each row of a tensor; rows are equal where their bytes are."""
    rows = np.ascontiguousarray(tensor)
    hashes = np.fromiter((hash(row.tobytes()) for row in rows), np.int64, len(rows))

    def equal(these: np.ndarray, those: np.ndarray) -> np.ndarray:
        pairs = zip(these, those, strict=True)
        found = (rows[one].tobytes() == rows[other].tobytes() for one, other in pairs)
        return np.fromiter(found, bool, len(these))

    return _codes(hashes, equal)


def _codes(hashes: np.ndarray, equal: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Give equal rows equal codes, from 0 in the order of first appearance.

    Rows of different hashes differ; those of one hash are compared, so that none are equal by
    chance.

    Parameters
    ----------
    hashes : ndarray (n,)
    equal : callable
        Two arrays of row numbers (m,) -> where the rows are equal (m,).
    """
    rows = np.arange(len(hashes))
    first, open_rows = rows.copy(), rows
    while open_rows.size:
        # The first of the rows of a hash stands for those that are equal to it.
        _, leader, place = np.unique(hashes[open_rows], return_index=True, return_inverse=True)
        first[open_rows] = open_rows[leader[place]]
        open_rows = open_rows[first[open_rows] != open_rows]
        open_rows = open_rows[~equal(open_rows, first[open_rows])]
    return (np.cumsum(first == rows) - 1)[first]


def _same_bits(cells: np.ndarray) -> np.ndarray:
    """Return numbers that have the same bits where cells are equal: missing equals missing."""
    if cells.dtype.kind != "f":
        return pd.factorize(cells)[0]
    # One zero and one NaN.
    return np.where(np.isnan(cells), np.nan, cells + 0.0).astype(cells.dtype, copy=False)
