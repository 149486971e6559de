"""Equal rows: which they are, whether they are copies, and what a study does with them.

Two rows are equal where all their features are; missing equals missing. Columns that number the
rows are not compared: copies that were numbered afterwards are still copies. A *copy* is a row
whose target is equal too. Whether equal rows are copies of one observation or different
observations that happen to agree shows in the other columns: where one of them is continuous,
agreement by chance is rare; where all are discrete, it is expected.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gengap.audit.columns import is_continuous, numbers_the_rows
from gengap.data.dataset import Column, Dataset, Part
from gengap.errors import UserError, suggest

__all__ = [
    "Copies",
    "Policy",
    "copies_policy",
    "drop_copies",
    "feature_codes",
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
        Equal codes where all features are equal.
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
        return self.rows - len(np.unique(self.by_features))


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
    by_features = feature_codes(features, dataset.columns)
    both = np.column_stack([by_features, pd.factorize(dataset.rows.target)[0]])
    by_row = _row_codes(both)
    first = np.unique(by_row, return_index=True)[1] if len(by_row) else np.zeros(0, np.intp)
    if isinstance(features, pd.DataFrame):
        compared = list(_compared(features, dataset.columns))
        continuous = tuple(c.name for c, values in compared if is_continuous(values, c.kind))
    else:
        continuous = ("every input",)
    return Copies(by_features, np.sort(first), len(dataset.rows), continuous)


def feature_codes(features: pd.DataFrame | np.ndarray, columns: tuple[Column, ...]) -> np.ndarray:
    """Give rows with equal features equal codes.

    Parameters
    ----------
    features : DataFrame (n, columns), or ndarray (n, ...)
    columns : tuple of Column
        What the columns of a table are; not used for tensors.

    Returns
    -------
    ndarray (n,)
        Codes from 0, in the order of first appearance.
    """
    if not isinstance(features, pd.DataFrame):
        return _row_codes(np.ascontiguousarray(features).reshape(len(features), -1))
    compared = [values for _, values in _compared(features, columns)]
    if not compared:
        return np.arange(len(features))
    return _row_codes(np.column_stack([pd.factorize(values)[0] for values in compared]))


def _compared(
    features: pd.DataFrame, columns: tuple[Column, ...]
) -> Iterator[tuple[Column, pd.Series]]:
    for column in columns:
        values = features[column.name]
        if not numbers_the_rows(values, column.kind):
            yield column, values


def _row_codes(matrix: np.ndarray) -> np.ndarray:
    """Return a code for each row of a matrix; rows are equal where their bytes are."""
    codes: dict[bytes, int] = {}
    rows = (row.tobytes() for row in np.ascontiguousarray(matrix))
    return np.fromiter((codes.setdefault(r, len(codes)) for r in rows), np.int64, len(matrix))


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


def drop_copies(dataset: Dataset) -> Dataset:
    """Keep the first row of every set of copies; a test part is left alone.

    Rows with equal features and different targets are no copies and all remain. Weights are not
    added up: a row that was there twice counts once.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    Dataset
        With the remaining rows in their order, and a fingerprint of its own; the same object where
        no row is a copy.
    """
    copies = find_copies(dataset)
    if not copies.extra:
        return dataset
    rows, columns = _take(dataset.rows, copies.first), dataset.columns
    if isinstance(rows.features, pd.DataFrame):
        missing = rows.features.isna().sum()
        columns = tuple(
            dataclasses.replace(column, missing=int(missing[column.name])) for column in columns
        )
    return dataclasses.replace(
        dataset, rows=rows, columns=columns, fingerprint=_derived(dataset, "copies dropped")
    )


def group_copies(dataset: Dataset) -> Dataset:
    """Put rows with equal features into one group, together with the groups that they belong to.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    Dataset
        Its rows have `groups`, codes from 0; the fingerprint is its own.
    """
    groups = joint_groups(dataset.rows.groups, find_copies(dataset).by_features)
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
    features = part.features
    return Part(
        features.iloc[index].reset_index(drop=True)
        if isinstance(features, pd.DataFrame)
        else features[index],
        part.target[index],
        None if part.weights is None else part.weights[index],
        None if part.groups is None else part.groups[index],
    )


def _derived(dataset: Dataset, change: str) -> str:
    return hashlib.sha256(f"{dataset.fingerprint}: {change}".encode()).hexdigest()
