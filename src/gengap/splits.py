"""Folds as index arrays: test, validation and training rows, with groups and copies on one side."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

from gengap.errors import UserError

__all__ = ["MOST_GROUPS_BALANCED", "Split", "fewest_groups", "make_splits"]

# Validation is one of so many parts of what is not test: 20 %.
_VALIDATION_PARTS = 5
#: scikit-learn's StratifiedGroupKFold takes a millisecond a group; so many it balances.
MOST_GROUPS_BALANCED = 200


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
    than folds is absent from some parts. Rows of one group are in one part; of over 200 groups,
    each counts as rows of its most frequent class. A repeat is a new partition, by its own seed.

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


def fewest_groups(folds: int) -> int:
    """Return how many groups so many folds need.

    Two folds of two groups each, or three of one: training and validation need one of the rest.

    Examples
    --------
    >>> fewest_groups(2), fewest_groups(3), fewest_groups(10)
    (4, 3, 10)
    """
    return 4 if folds == 2 else folds


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
    count, least = len(np.unique(groups)), fewest_groups(folds)
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
    state = seed.generate_state(2)
    if groups is None:
        return _parts_of(labels, rows, parts, int(state[0]))
    groups = np.unique(groups, return_inverse=True)[1]
    units = int(groups.max()) + 1
    parts = min(parts, units)

    def leaves_enough(found: list[np.ndarray]) -> bool:
        sizes = [len(np.unique(groups[test])) for test in found]
        return min(sizes) > 0 and units - max(sizes) >= spare

    if labels is not None and units <= MOST_GROUPS_BALANCED and _can_stratify(labels, parts):
        splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=int(state[0]))
        with _rare_classes_allowed():
            found = [test for _, test in splitter.split(np.zeros(rows), labels, groups)]
        if leaves_enough(found):
            return found
    part_of = _balanced(labels, groups, units, parts, np.random.default_rng(state))
    found = [np.flatnonzero(part_of[groups] == part) for part in range(parts)]
    if leaves_enough(found):
        return found
    members = _parts_of(None, units, parts, int(state[0]))
    return [np.flatnonzero(np.isin(groups, some)) for some in members]


def _parts_of(labels: np.ndarray | None, units: int, parts: int, state: int) -> list[np.ndarray]:
    parts = min(parts, units)
    if labels is None or not _can_stratify(labels, parts):
        splitter = KFold(parts, shuffle=True, random_state=state)
        return [test for _, test in splitter.split(np.zeros(units))]
    with _rare_classes_allowed():
        stratified = StratifiedKFold(parts, shuffle=True, random_state=state)
        return [test for _, test in stratified.split(np.zeros(units), labels)]


def _can_stratify(labels: np.ndarray, parts: int) -> bool:
    """Say whether some class reaches all parts: where none does, scikit-learn refuses."""
    return bool(np.unique(labels, return_counts=True)[1].max() >= parts)


def _balanced(
    labels: np.ndarray | None,
    groups: np.ndarray,
    units: int,
    parts: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the part of every group (units,): as many rows of a class and in all as can be.

    Every group goes, the largest first and equally large ones by lot, to the part with the fewest
    rows of its class so far (the class that most of its rows have), among these to the one with
    the fewest rows. So a part stays empty only if there are fewer groups than parts.
    """
    kinds = np.zeros(units, dtype=np.int64) if labels is None else _largest_class(labels, groups)
    sizes = np.bincount(groups, minlength=units)
    lot = rng.permutation(units)
    order = lot[np.argsort(-sizes[lot], kind="stable")]
    part_of = np.empty(units, dtype=np.int64)
    total = np.zeros(parts, dtype=np.int64)
    for kind in np.unique(kinds):
        # Rows of this class, rows in all, a lot, and the part.
        fullness = [
            (0, int(total[part]), int(tie), part) for part, tie in enumerate(rng.permutation(parts))
        ]
        heapq.heapify(fullness)
        for unit in order[kinds[order] == kind].tolist():
            size = int(sizes[unit])
            of_kind, in_all, tie, part = fullness[0]
            heapq.heapreplace(fullness, (of_kind + size, in_all + size, tie, part))
            part_of[unit] = part
        for _, in_all, _, part in fullness:
            total[part] = in_all
    return part_of


def _largest_class(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the class that most of a group's rows have (units,)."""
    classes, codes = np.unique(labels, return_inverse=True)
    pairs, counts = np.unique(groups * len(classes) + codes, return_counts=True)
    order = np.argsort(counts, kind="stable")
    largest = np.zeros(int(groups.max()) + 1, dtype=np.int64)
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
