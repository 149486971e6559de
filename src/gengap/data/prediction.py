"""Rows to predict: the columns that the network was trained on, read as they were then."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.arrays import read_features
from gengap.data.assemble import missing_columns
from gengap.data.columns import read_table_as
from gengap.data.dataset import Column
from gengap.data.load import read_table
from gengap.data.npz import read_npz_inputs
from gengap.data.paths import existing_file, format_of
from gengap.errors import UserError

__all__ = ["parse_like"]


def parse_like(
    columns: tuple[Column, ...], source: Any, *, shape: tuple[int, ...] | None = None
) -> tuple[pd.DataFrame | np.ndarray, tuple[str, ...]]:
    """Read rows without targets for a network that was trained on these columns.

    Parameters
    ----------
    columns : tuple of Column
        `Preprocessing.columns`.
    source : str, PathLike, DataFrame or array-like
        A .csv, .tsv (both also .gz) or .parquet file, ``sklearn:NAME``, an .npz file with the
        array x or x_test, a table, or an array, whose columns go by position.
    shape : tuple of int, optional
        `Preprocessing.shape`: the shape of one row, where the network takes tensors.

    Returns
    -------
    features : DataFrame (n, columns) or ndarray (n, ...)
        What `Preprocessing.transform_features` takes.
    notes : tuple of str
        Columns that were ignored, words that training did not know.

    Raises
    ------
    UserError
        ``missing-columns``, ``ill-typed-column``, ``infinite-values``, ``shape-mismatch``, or
        what reading the file raises.

    Examples
    --------
    >>> rows = pd.DataFrame({"id": [7], "a": ["1.5"]})
    >>> features, notes = parse_like((Column("a", "numeric"),), rows)
    >>> features["a"].tolist(), notes
    ([1.5], ('column ignored: id',))
    """
    table, name, notes = _read(source, [c.name for c in columns if c.kind == "categorical"])
    if shape is not None:
        if isinstance(table, pd.DataFrame) or table.shape[1:] != shape:
            received = (
                "a table" if isinstance(table, pd.DataFrame) else f"rows of shape {table.shape[1:]}"
            )
            raise UserError(
                "shape-mismatch",
                f"{name} holds {received}; the network takes rows of shape {shape}",
                "bring an array, or an .npz file with the array x",
            )
        return table, notes
    if not isinstance(table, pd.DataFrame):
        raise UserError(
            "shape-mismatch",
            f"{name} holds rows of shape {table.shape[1:]}; the network takes a table",
            f"bring the {len(columns)} columns that it was trained on",
        )
    names = [column.name for column in columns]
    if not _has_names(source) and table.shape[1] == len(names):
        table = table.set_axis(pd.Index(names, dtype=object), axis=1)
    absent = [column for column in names if column not in table.columns]
    if absent:
        raise missing_columns(name, absent, list(table.columns), names)
    extra = [column for column in table.columns if column not in set(names)]
    if extra:
        listed = ", ".join(extra[:8]) + (", ..." if len(extra) > 8 else "")
        notes = (*notes, f"{'column' if len(extra) == 1 else 'columns'} ignored: {listed}")
    features, found = read_table_as(columns, table)
    return features, (*notes, *found)


def _read(source: Any, text: list[str]) -> tuple[pd.DataFrame | np.ndarray, str, tuple[str, ...]]:
    if isinstance(source, str | os.PathLike) and not str(source).startswith("sklearn:"):
        path = existing_file(source)
        if format_of(path) == ".npz":
            values, notes = read_npz_inputs(path)
            return read_features(values, where=f"{path.name}: "), path.name, notes
    if isinstance(source, str | os.PathLike | pd.DataFrame):
        return read_table(source, text=text)
    return read_features(source), "the array", ()


def _has_names(source: Any) -> bool:
    if isinstance(source, str | os.PathLike):
        return not str(source).lower().endswith(".npz")
    return isinstance(source, pd.DataFrame)
