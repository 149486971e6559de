"""Folds as index arrays: test, validation and training rows, with groups and copies on one side."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

from gengap.errors import UserError

__all__ = ["Split", "copies", "join_groups", "make_splits"]

# Validation is one of so many parts of what is not test: 20 %.
_VALIDATION_PARTS = 5
# scikit-learn's StratifiedGroupKFold balances classes and sizes of groups one by one, which takes
# a millisecond a group; with more groups than this, chance balances their sizes as well.
_MOST_GROUPS_BALANCED = 200


@dataclass(frozen=True, eq=False)
class Split:
    """One fold of one repeat: indices into the rows of the dataset, sorted, disjoint, complete."""

    repeat: int
    fold: int
    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def make_splits(
    target: np.ndarray,
    *,
    task: str,
    folds: int,
    repeats: int = 1,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> tuple[Split, ...]:
    """Partition rows into test, validation and training parts, fold by fold.

    In a repeat every row is in the test part of one fold. Validation is 20 % of what is not test.
    Classes keep their shares in every part as far as their rows allow: a class with fewer rows
    than folds is absent from some parts. Rows of one group are in one part; where there are over
    200 groups, each counts as one row of its most frequent class. A repeat is a new partition, by
    its own seed.

    Parameters
    ----------
    target : ndarray (n,)
        Class codes, or numbers for regression.
    task : {"classification", "regression"}
    folds : int
        At least 2.
    repeats : int
    seed : int
    groups : ndarray (n,), optional
        Codes of rows that must stay on one side.

    Returns
    -------
    tuple of Split
        Repeat by repeat, fold by fold.

    Raises
    ------
    UserError
        ``too-few-folds``, ``too-few-repeats``, ``negative-seed``, ``too-few-rows-to-split`` or
        ``too-few-groups-to-split``.

    Examples
    --------
    >>> split = make_splits(np.array([0, 1] * 10), task="classification", folds=4)[0]
    >>> len(split.training), len(split.validation), len(split.test)
    (12, 3, 5)
    """
    rows = len(target)
    _check(rows, folds, repeats, seed, groups)
    labels = target if task == "classification" else None
    splits = []
    for repeat in range(repeats):
        of_repeat = np.random.SeedSequence(seed, spawn_key=(repeat,))
        for fold, test in enumerate(_partition(labels, rows, groups, folds, of_repeat, spare=2)):
            rest = np.setdiff1d(np.arange(rows), test, assume_unique=True)
            inner = _partition(
                None if labels is None else labels[rest],
                len(rest),
                None if groups is None else groups[rest],
                _VALIDATION_PARTS,
                np.random.SeedSequence(seed, spawn_key=(repeat, fold)),
                spare=1,
            )
            validation = rest[inner[0]]
            training = np.setdiff1d(rest, validation, assume_unique=True)
            splits.append(Split(repeat, fold, training, validation, test))
    return tuple(splits)


def copies(features: pd.DataFrame | np.ndarray) -> np.ndarray:
    """Give rows with equal features one code.

    Parameters
    ----------
    features : DataFrame (n, columns) or ndarray (n, ...)
        Missing equals missing.

    Returns
    -------
    ndarray of int64 (n,)
        Codes in the order in which they first occur.

    Examples
    --------
    >>> copies(pd.DataFrame({"a": [1.0, 2.0, 1.0]})).tolist()
    [0, 1, 0]
    """
    if isinstance(features, pd.DataFrame):
        values = np.empty(features.shape, dtype=np.float64)
        for place, name in enumerate(features.columns):
            column = features[name]
            numeric = pd.api.types.is_numeric_dtype(column.dtype)
            values[:, place] = column.to_numpy() if numeric else pd.factorize(column)[0]
    else:
        values = features.reshape(len(features), -1)
    if values.dtype.kind == "f":
        # One zero and one NaN, so that equal values have equal bytes.
        values = np.where(np.isnan(values), np.nan, values + 0.0)
    values = np.ascontiguousarray(values)
    digests = [hashlib.blake2b(row, digest_size=16).digest() for row in values]
    return pd.factorize(np.array(digests, dtype="V16").astype(object))[0].astype(np.int64)


def join_groups(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Join two groupings: rows that either of them ties together share a code, and so on onwards.

    Parameters
    ----------
    first, second : ndarray of int (n,), optional
        Codes; None ties nothing together.

    Returns
    -------
    ndarray of int64 (n,) or None
        The connected components; None where both are None.

    Examples
    --------
    >>> join_groups(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    if first is None or second is None:
        only = second if first is None else first
        return None if only is None else np.unique(only, return_inverse=True)[1].astype(np.int64)
    left = np.unique(first, return_inverse=True)[1]
    right = np.unique(second, return_inverse=True)[1]
    size = int(left.max(initial=-1)) + 1
    nodes = size + int(right.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(left)), (left, right + size)), shape=(nodes, nodes))
    components = connected_components(edges, directed=False)[1]
    return pd.factorize(components[left])[0].astype(np.int64)


def _check(rows: int, folds: int, repeats: int, seed: int, groups: np.ndarray | None) -> None:
    if seed < 0:
        raise UserError("negative-seed", f"the seed is {seed}", "use a whole number of at least 0")
    if folds < 2:
        raise UserError(
            "too-few-folds",
            f"{folds} folds: every row must be in a test part once",
            "use at least 2",
        )
    if repeats < 1:
        raise UserError("too-few-repeats", f"{repeats} repeats", "use at least 1")
    if rows < max(folds, 4):
        raise UserError(
            "too-few-rows-to-split",
            f"{rows} rows cannot be split into {folds} folds with test, validation and training "
            "parts",
            "bring more rows, or use fewer folds",
        )
    if groups is None:
        return
    # Two folds of two groups each, or three of one: training and validation need one of the rest.
    count, least = len(np.unique(groups)), 4 if folds == 2 else folds
    if count < least:
        raise UserError(
            "too-few-groups-to-split",
            f"{count} groups cannot be split into {folds} folds with test, validation and "
            f"training parts; expected at least {least}",
            "use fewer folds (3 need 3 groups), or leave the groups out",
        )


def _partition(
    labels: np.ndarray | None,
    rows: int,
    groups: np.ndarray | None,
    parts: int,
    seed: np.random.SeedSequence,
    *,
    spare: int,
) -> list[np.ndarray]:
    """Return the rows of every part; fewer parts where there are fewer rows or groups.

    No part takes so many groups that fewer than `spare` are left for the others.
    """
    state = int(seed.generate_state(1)[0])
    if groups is None:
        return _parts_of(labels, rows, parts, state)
    groups = np.unique(groups, return_inverse=True)[1]
    units = int(groups.max()) + 1
    if labels is not None and units <= _MOST_GROUPS_BALANCED and _can_stratify(labels, parts):
        settings = {"n_splits": min(parts, units), "shuffle": True, "random_state": state}
        with _rare_classes_allowed():
            splitter = StratifiedGroupKFold(**settings)
            found = [test for _, test in splitter.split(np.zeros(rows), labels, groups)]
        # Balancing the classes of few, large groups can leave a part empty, or another too few.
        sizes = [len(np.unique(groups[test])) for test in found]
        if min(sizes) > 0 and units - max(sizes) >= spare:
            return found
    kinds = None if labels is None else _largest_class(labels, groups, units)
    part_of = np.empty(units, dtype=np.int64)
    for part, members in enumerate(_parts_of(kinds, units, parts, state)):
        part_of[members] = part
    return [np.flatnonzero(part_of[groups] == part) for part in range(min(parts, units))]


def _parts_of(labels: np.ndarray | None, units: int, parts: int, state: int) -> list[np.ndarray]:
    settings = {"n_splits": min(parts, units), "shuffle": True, "random_state": state}
    if labels is None or not _can_stratify(labels, settings["n_splits"]):
        return [test for _, test in KFold(**settings).split(np.zeros(units))]
    with _rare_classes_allowed():
        return [test for _, test in StratifiedKFold(**settings).split(np.zeros(units), labels)]


def _can_stratify(labels: np.ndarray, parts: int) -> bool:
    """Say whether some class reaches all parts: where none does, scikit-learn refuses."""
    return bool(np.unique(labels, return_counts=True)[1].max() >= parts)


def _largest_class(labels: np.ndarray, groups: np.ndarray, units: int) -> np.ndarray:
    """Return the class that most of a group's rows have (units,)."""
    classes, codes = np.unique(labels, return_inverse=True)
    pairs, counts = np.unique(groups * len(classes) + codes, return_counts=True)
    order = np.argsort(counts, kind="stable")
    largest = np.zeros(units, dtype=np.int64)
    largest[pairs[order] // len(classes)] = pairs[order] % len(classes)
    return largest


@contextmanager
def _rare_classes_allowed() -> Iterator[None]:
    with warnings.catch_warnings():
        # A class smaller than the number of parts is absent from some of them: the audit says so.
        warnings.filterwarnings(
            "ignore", message="The least populated class in y", category=UserWarning
        )
        yield
