"""Equal rows: whether they are copies, and what a study does with them.

A *copy* is a row whose features (`gengap.audit.equal_rows`) and target are another's. Whether equal
rows are copies of one observation or different observations that happen to agree shows in the
columns: where one of them is continuous, agreement by chance is rare; where all are discrete, it is
expected.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gengap.audit.columns import is_continuous
from gengap.audit.equal_rows import compared_columns, feature_codes
from gengap.data.dataset import Column, Dataset, OneInput, Part
from gengap.data.several import flat_columns, row_numbers_anew, taken
from gengap.errors import UserError, suggest

__all__ = [
    "Copies",
    "Policy",
    "copies_policy",
    "drop_copies",
    "find_copies",
    "group_copies",
    "joint_groups",
]

Policy = Literal["group", "keep", "drop"]


@dataclass(frozen=True, eq=False)
class Copies:
    """Which rows of a dataset are equal.

    Attributes
    ----------
    by_features : ndarray (n,)
        Codes from 0, without holes; equal where all features are equal.
    first : ndarray (m,)
        Index of the first row of every set of copies (equal features and target), ascending.
    rows : int
        n.
    continuous : tuple of str
        The continuous columns, which make equal rows copies; for tensors, one name for them all.
    """

    by_features: np.ndarray
    first: np.ndarray
    rows: int
    continuous: tuple[str, ...]

    @property
    def extra(self) -> int:
        """How many rows are a copy of an earlier one."""
        return self.rows - len(self.first)

    @property
    def alike(self) -> int:
        """How many rows have the features of an earlier one, whatever their targets."""
        return self.rows - (int(self.by_features.max(initial=-1)) + 1)


def find_copies(dataset: Dataset) -> Copies:
    """Find the equal rows of a dataset.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    Copies

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from gengap.data.dataset import Column, Dataset, Part
    >>> rows = Part(pd.DataFrame({"x": [0.5, 0.5, 0.7]}), np.array([0, 0, 1]))
    >>> dataset = Dataset(
    ...     "d", "arrays", "classification", "y", ("a", "b"), (Column("x", "numeric"),), rows
    ... )
    >>> find_copies(dataset).extra
    1
    """
    features = dataset.rows.features
    by_features = feature_codes(features, dataset.inputs or dataset.columns)
    if isinstance(features, Mapping):
        continuous = tuple(
            f"{name}.{column}" if isinstance(one.rows.alone, pd.DataFrame) else f"input '{name}'"
            for name, one in dataset.by_input().items()
            for column in _continuous(one.rows.alone, one.columns)
        )
    else:
        continuous = _continuous(features, dataset.columns)
    # Copies are equal in the targets of all outputs.
    codes = by_features
    for line in (dataset.rows.target, *dataset.rows.further.values()):
        targets, different = pd.factorize(line, use_na_sentinel=False)
        codes = pd.factorize(codes)[0] * len(different) + targets
    repeated = pd.Series(codes).duplicated()
    return Copies(by_features, np.flatnonzero(~repeated), len(dataset.rows), continuous)


def _continuous(features: OneInput, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Name the continuous columns; tensors are so as a whole."""
    if not isinstance(features, pd.DataFrame):
        return ("every input",)
    return tuple(
        column.name
        for column, values in compared_columns(features, columns)
        if is_continuous(values, column.kind)
    )


def copies_policy(
    dataset: Dataset, choice: str | None = None, *, copies: Copies | None = None
) -> Policy:
    """Decide what a study does with equal rows.

    Parameters
    ----------
    dataset : Dataset
    choice : {"group", "keep", "drop"}, optional
        What the user wants; None leaves it to the table: rows with equal features are grouped
        where a column is continuous, and kept as they are where all columns are discrete.
    copies : Copies, optional
        The result of `find_copies`, where it is at hand.

    Returns
    -------
    {"group", "keep", "drop"}
        ``"group"``: rows with equal features stay on one side of every split (`group_copies`);
        ``"keep"``: nothing is done; ``"drop"``: one row of each set of copies remains
        (`drop_copies`).

    Raises
    ------
    UserError
        ``unknown-duplicates``, for any other word.
    """
    for policy in get_args(Policy):
        if choice == policy:
            return policy
    if choice is not None:
        raise UserError(
            "unknown-duplicates",
            f"unknown choice {choice!r} for duplicates",
            suggest(choice, get_args(Policy), noun="choices"),
        )
    copies = find_copies(dataset) if copies is None else copies
    return "group" if copies.continuous and copies.alike else "keep"


def drop_copies(dataset: Dataset, *, copies: Copies | None = None) -> Dataset:
    """Keep the first row of every set of copies; a test part is left alone.

    Rows with equal features and different targets are no copies and all remain. Weights are not
    added up: a row that was there twice counts once.

    Parameters
    ----------
    dataset : Dataset
    copies : Copies, optional
        The result of `find_copies`, where it is at hand.

    Returns
    -------
    Dataset
        With the remaining rows in their order, and a fingerprint of its own; the same object where
        no row is a copy.
    """
    copies = find_copies(dataset) if copies is None else copies
    if not copies.extra:
        return dataset
    rows = _take(dataset.rows, copies.first)
    inputs = {
        name: _with_missing(columns, rows.of_input(name).alone)
        for name, columns in dataset.inputs.items()
    }
    return dataclasses.replace(
        dataset,
        rows=rows,
        columns=flat_columns(inputs) if inputs else _with_missing(dataset.columns, rows.alone),
        inputs=inputs,
        fingerprint=_derived(dataset, "copies dropped"),
    )


def _with_missing(columns: tuple[Column, ...], features: OneInput) -> tuple[Column, ...]:
    """Count anew how many rows miss a value in each column."""
    if not isinstance(features, pd.DataFrame):
        return columns
    missing = features.isna().sum()
    return tuple(
        dataclasses.replace(column, missing=int(missing[column.name])) for column in columns
    )


def group_copies(dataset: Dataset, *, copies: Copies | None = None) -> Dataset:
    """Put rows with equal features into one group, together with the groups that they belong to.

    Parameters
    ----------
    dataset : Dataset
    copies : Copies, optional
        The result of `find_copies`, where it is at hand.

    Returns
    -------
    Dataset
        Its rows have `groups`, codes from 0; the fingerprint is its own.
    """
    copies = find_copies(dataset) if copies is None else copies
    groups = joint_groups(dataset.rows.groups, copies.by_features)
    return dataclasses.replace(
        dataset,
        rows=dataclasses.replace(dataset.rows, groups=groups),
        fingerprint=_derived(dataset, "copies grouped"),
    )


def joint_groups(groups: np.ndarray | None, others: np.ndarray) -> np.ndarray:
    """Join two groupings: rows that share a group in either share one in the result.

    Parameters
    ----------
    groups, others : ndarray (n,)
        Codes; None for `groups` means that every row stands alone.

    Returns
    -------
    ndarray (n,)
        Codes from 0.

    Examples
    --------
    >>> joint_groups(np.array([0, 0, 1, 2]), np.array([5, 6, 6, 7]))
    array([0, 0, 0, 1])
    """
    others = np.unique(others, return_inverse=True)[1]
    if groups is None:
        return others
    names, groups = np.unique(groups, return_inverse=True)
    nodes = len(names) + len(np.unique(others))
    # Groups of either kind are nodes, and every row is an edge between the two that it is in.
    edges = coo_array((np.ones(len(others)), (groups, len(names) + others)), (nodes, nodes))
    labels = connected_components(edges, directed=False)[1]
    return labels[groups].astype(np.int64)


def _take(part: Part, index: np.ndarray) -> Part:
    return Part(
        row_numbers_anew(taken(part.features, index)),
        part.target[index],
        None if part.weights is None else part.weights[index],
        None if part.groups is None else part.groups[index],
        {name: line[index] for name, line in part.further.items()},
    )


def _derived(dataset: Dataset, change: str) -> str:
    return hashlib.sha256(f"{dataset.fingerprint}: {change}".encode()).hexdigest()
