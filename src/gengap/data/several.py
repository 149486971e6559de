"""Several inputs of one network, by their names: each is read, typed and checked by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.columns import missing_columns
from gengap.data.dataset import Column, Columns, Dataset, Features, Modality, OneInput, Part
from gengap.errors import UserError

__all__ = [
    "aligned",
    "as_one_table",
    "check_inputs",
    "check_same_length",
    "flat_columns",
    "in_order",
    "join_hint",
    "read_inputs",
    "row_count",
    "row_numbers_anew",
    "taken",
    "together",
]


def row_count(features: Features) -> int:
    """Return how many rows there are."""
    if isinstance(features, Mapping):
        return len(next(iter(features.values())))
    return len(features)


def taken(features: Features, rows: np.ndarray) -> Features:
    """Return some of the rows, by their numbers or by a mask.

    Parameters
    ----------
    features : DataFrame, ndarray or mapping of such
    rows : ndarray of int or bool
    """
    if isinstance(features, Mapping):
        return {name: _taken(one, rows) for name, one in features.items()}
    return _taken(features, rows)


def _taken(features: OneInput, rows: np.ndarray) -> OneInput:
    if isinstance(features, pd.DataFrame):
        return features.loc[rows] if rows.dtype == bool else features.iloc[rows]
    return features[rows]


def row_numbers_anew(features: Features) -> Features:
    """Number the rows of tables from 0."""
    if isinstance(features, Mapping):
        return {name: _numbered(one) for name, one in features.items()}
    return _numbered(features)


def _numbered(features: OneInput) -> OneInput:
    return features.reset_index(drop=True) if isinstance(features, pd.DataFrame) else features


def together(some: Features, others: Features) -> Features:
    """Put rows of two parts below each other.

    Parameters
    ----------
    some, others : DataFrame, ndarray or mapping of such
        Alike.
    """
    if isinstance(some, Mapping) and isinstance(others, Mapping):
        return {name: _together(one, others[name]) for name, one in some.items()}
    return _together(some, others)


def _together(some: Any, others: Any) -> OneInput:
    if isinstance(some, pd.DataFrame):
        return pd.concat([some, others], ignore_index=True)
    return np.concatenate([some, others])


def read_inputs(
    inputs: Mapping[str, Any],
    read: Callable[..., tuple[OneInput, Modality]],
    where: str = "",
) -> tuple[dict[str, OneInput], dict[str, Modality]]:
    """Read each of several inputs.

    Parameters
    ----------
    inputs : mapping
        Name -> what a study takes for a single input.
    read : callable
        `gengap.data.arrays.read_features`.
    where : str
        Goes before every message.

    Raises
    ------
    UserError
        What reading one of them raises, with its name; ``length-mismatch``.
    """
    features, modalities = {}, {}
    for name, values in inputs.items():
        features[name], modalities[name] = read(values, where=f"{where}input '{name}': ")
    check_same_length(features, where)
    return features, modalities


def check_same_length(features: Mapping[str, OneInput], where: str = "") -> None:
    """Refuse inputs that have not one entry a row each."""
    counts = {name: len(one) for name, one in features.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"'{name}' {count}" for name, count in counts.items())
        raise UserError(
            "length-mismatch",
            f"{where}the inputs have different numbers of rows: {listed}",
            "give every input one entry a row",
        )


def aligned(features: Features, columns: Columns) -> Features:
    """Bring the columns of a test part into the order of the training rows.

    Parameters
    ----------
    features : DataFrame, ndarray or mapping of such
    columns : tuple of Column, or mapping of such
        Of the training rows.

    Raises
    ------
    UserError
        ``missing-columns`` or ``missing-inputs``.
    """
    if isinstance(columns, Mapping):
        named = check_inputs(features, tuple(columns), "the test part")
        return {name: _aligned(named[name], columns[name], name) for name in columns}
    if isinstance(features, Mapping):
        raise UserError(
            "missing-inputs",
            f"the test part has the inputs {', '.join(map(repr, features))}; the rows have one",
            "bring both parts in the same form",
        )
    return _aligned(features, columns)


def _aligned(features: OneInput, columns: tuple[Column, ...], name: str = "") -> OneInput:
    if not isinstance(features, pd.DataFrame):
        return features
    names = [column.name for column in columns]
    absent = [name for name in names if name not in features.columns]
    if absent:
        where = f"the test part of the input '{name}'" if name else "the test part"
        raise missing_columns(where, absent, list(features.columns), names)
    return features[names]


def check_inputs(features: Any, names: Sequence[str], what: str) -> Mapping[str, Any]:
    """Return rows by the names of the inputs, in that order; refuse others.

    Parameters
    ----------
    features : mapping, or sequence in the order of the names
    names : sequence of str
    what : str
        What the rows are called in messages.

    Raises
    ------
    UserError
        ``missing-inputs``.
    """
    if isinstance(features, list | tuple) and len(features) == len(names):
        features = dict(zip(names, features, strict=True))
    if isinstance(features, Mapping) and set(names) == set(features):
        return {name: features[name] for name in names}
    given = type(features).__name__
    if isinstance(features, Mapping):
        given = f"the inputs {', '.join(map(repr, features))}"
    elif isinstance(features, list | tuple):
        given = f"{len(features)} of them"
    raise UserError(
        "missing-inputs",
        f"{what}: the network takes the inputs {', '.join(map(repr, names))}, received {given}",
        f"give a mapping, {{{', '.join(f'{name!r}: ...' for name in names)}}}",
    )


def flat_columns(inputs: Mapping[str, tuple[Column, ...]]) -> tuple[Column, ...]:
    """Return the columns of all tables, named ``INPUT.COLUMN``.

    Examples
    --------
    >>> [column.name for column in flat_columns({"a": (Column("x", "numeric"),), "b": ()})]
    ['a.x']
    """
    return tuple(
        replace(column, name=f"{name}.{column.name}")
        for name, columns in inputs.items()
        for column in columns
    )


def in_order(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Return a dataset of several inputs with these in another order; it is the same data.

    Parameters
    ----------
    dataset : Dataset
    names : sequence of str
        All of them.
    """

    def ordered(part: Part) -> Part:
        return replace(part, features={name: part.of_input(name).alone for name in names})

    inputs = {name: dataset.inputs[name] for name in names}
    return replace(
        dataset,
        columns=flat_columns(inputs),
        inputs=inputs,
        rows=ordered(dataset.rows),
        test=None if dataset.test is None else ordered(dataset.test),
    )


def as_one_table(features: Mapping[str, OneInput]) -> pd.DataFrame | None:
    """Put the tables among inputs beside each other, named as `flat_columns` does.

    Parameters
    ----------
    features : mapping

    Returns
    -------
    DataFrame, optional
        None where none of them is a table.
    """
    tables = [
        one.set_axis(pd.Index([f"{name}.{column}" for column in one], dtype=object), axis=1)
        for name, one in features.items()
        if isinstance(one, pd.DataFrame)
    ]
    return pd.concat(tables, axis=1) if tables else None


def join_hint() -> str:
    """Say what else several inputs can be given as."""
    return (
        "give a keras.Model with several inputs and a mapping from their names to arrays; or join "
        "inputs of one kind: np.concatenate([a, b], axis=-1), in a network that begins with one "
        "keras.Input and slices it (inputs[:, :2], inputs[:, 2:])"
    )
