"""From what was read to the record that a study learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.cells import distinct_words
from gengap.data.columns import check_finite, missing_columns, read_table_as, type_columns
from gengap.data.dataset import (
    Column,
    Columns,
    Dataset,
    Features,
    Modality,
    OneInput,
    Part,
    Task,
)
from gengap.data.fingerprint import fingerprint
from gengap.data.sequences import as_long
from gengap.data.several import flat_columns, taken
from gengap.data.several_targets import read_outputs
from gengap.data.target import Target, read_test_target
from gengap.data.tensors import taken_as
from gengap.errors import UserError, suggest

__all__ = ["Raw", "assemble", "split_table"]


@dataclass(frozen=True, eq=False)
class Raw:
    """Rows as read: features, target, and what else belongs to the rows (n rows each).

    Of several inputs, features and modality are mappings by their names. Of several outputs
    `target` is that of the one that decides, and `further` has those of the others.
    """

    features: Features
    target: pd.Series
    groups: pd.Series | None = None
    weights: pd.Series | None = None
    notes: tuple[str, ...] = ()
    modality: Modality | Mapping[str, Modality] = "table"
    further: Mapping[str, pd.Series] = field(default_factory=dict)


def assemble(
    name: str,
    source: str,
    target_name: str,
    rows: Raw,
    *,
    task: Task | Mapping[str, Task] | None,
    test: Callable[[Any], Raw] | None = None,
) -> Dataset:
    """Type the columns, read the target, drop rows without one, and take a hash.

    Parameters
    ----------
    name, source, target_name : str
    rows : Raw
    task : {"classification", "regression"}, or mapping of such, optional
        Of several outputs, by their names.
    test : callable, optional
        Reads the test part, given the columns of the rows (of several inputs, by their names).

    Returns
    -------
    Dataset
    """
    read = read_outputs(target_name, rows.target, rows.further, task)
    target = read.deciding
    features = rows.features if target.known.all() else taken(rows.features, target.known)
    columns, features, notes = _typed(features)
    test_rows = None if test is None else test(columns)
    if test_rows is not None:
        features, test_features = _as_long(features, test_rows.features)
        test_rows = replace(test_rows, features=test_features)
    groups, test_groups = _groups(rows, test_rows, target.known)
    weights = _weights(rows, target.known)
    part = Part(features, target.values, weights, groups, read.further)
    notes = (*rows.notes, *target.notes, *read.notes, *notes, *_taken_as(features, rows.modality))
    test_part = None
    if test_rows is not None:
        test_part, found = _test_part(test_rows, target, columns, part, test_groups)
        notes = (*notes, *test_rows.notes, *found)
    dataset = Dataset(
        name=name,
        source=source,
        task=target.task,
        target_name=target_name,
        classes=target.classes,
        columns=flat_columns(columns) if isinstance(columns, Mapping) else columns,
        rows=part,
        test=test_part,
        notes=notes,
        inputs=columns if isinstance(columns, Mapping) else {},
        outputs=read.outputs,
    )
    return replace(dataset, fingerprint=fingerprint(dataset))


def split_table(
    table: pd.DataFrame,
    *,
    target: str,
    groups: str | None = None,
    weight: str | None = None,
    where: str,
    notes: tuple[str, ...] = (),
    test_of: tuple[Column, ...] | None = None,
) -> Raw:
    """Take target, groups and weights out of a table; what is left are the features.

    Parameters
    ----------
    table : DataFrame (n, columns)
    target, groups, weight : str
        Names of columns.
    where : str
        What the table is called in messages.
    test_of : tuple of Column, optional
        Of the training rows, where the table is their test part: these must be in it, groups and
        weights need not.

    Raises
    ------
    UserError
        ``unknown-column``, ``column-used-twice``, ``one-column`` or ``missing-columns``.
    """
    names = [str(name) for name in table.columns]
    roles = {"target": target, "groups": groups, "weight": weight}
    taken = {role: name for role, name in roles.items() if name is not None}
    if test_of is not None:
        taken = {role: name for role, name in taken.items() if role == "target" or name in names}
    needed = {*taken.values(), *(column.name for column in test_of or ())}
    for role, name in taken.items():
        if name not in names:
            raise UserError(
                "unknown-column",
                f"no column '{name}' in {where} (given as {role})",
                suggest(name, names, noun="columns", never=needed),
            )
    if len(set(taken.values())) < len(taken):
        raise UserError(
            "column-used-twice",
            f"{' and '.join(taken)} cannot be the same column",
            "target, groups and weight are columns of their own",
        )
    if test_of is None:
        features = [name for name in names if name not in taken.values()]
        if not features:
            listed = ", ".join(repr(name) for name in taken.values())
            raise UserError(
                "one-column",
                f"{where} has no column to learn from besides {listed}",
                "check the separator of the file: commas for .csv, tabs for .tsv",
            )
    else:
        features = [column.name for column in test_of]
        absent = [name for name in features if name not in names]
        if absent:
            raise missing_columns(where, absent, names, needed)
    return Raw(
        table[features],
        table[target],
        None if "groups" not in taken else table[taken["groups"]],
        None if "weight" not in taken else table[taken["weight"]],
        notes,
    )


def _typed(features: Features) -> tuple[Columns, Features, tuple[str, ...]]:
    """Type the columns of tables; tensors have none."""
    if not isinstance(features, Mapping):
        return type_columns(features) if isinstance(features, pd.DataFrame) else ((), features, ())
    columns: dict[str, tuple[Column, ...]] = {}
    typed: dict[str, OneInput] = {}
    notes: tuple[str, ...] = ()
    for name, one in features.items():
        columns[name], typed[name], found = (
            type_columns(one) if isinstance(one, pd.DataFrame) else ((), one, ())
        )
        notes += _of_input(name, found)
    return columns, typed, notes


def _as_long(features: Features, others: Features) -> tuple[Features, Features]:
    """Pad sequences of two parts to one length."""
    if not isinstance(features, Mapping) or not isinstance(others, Mapping):
        return as_long(features, others)
    pairs = {name: as_long(one, others[name]) for name, one in features.items()}
    return (
        {name: pair[0] for name, pair in pairs.items()},
        {name: pair[1] for name, pair in pairs.items()},
    )


def _taken_as(features: Features, modality: Modality | Mapping[str, Modality]) -> tuple[str, ...]:
    """Say in notes what tensors were taken as."""
    if isinstance(modality, Mapping):
        assert isinstance(features, Mapping)
        found = {name: _taken_as(one, modality[name]) for name, one in features.items()}
        return tuple(note for name, notes in found.items() for note in _of_input(name, notes))
    return (taken_as(features, modality),) if isinstance(features, np.ndarray) else ()


def _of_input(name: str, notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"input '{name}': {note}" for note in notes)


def _test_part(
    raw: Raw, target: Target, columns: Columns, rows: Part, groups: np.ndarray | None
) -> tuple[Part, list[str]]:
    known, values = read_test_target(target, raw.target)
    notes = []
    if not known.any():
        raise UserError(
            "empty-test-part",
            f"no row of the test part has a value in the target '{target.name}'",
            "a test part needs its targets to be scored",
        )
    if not known.all():
        notes.append(f"{int((~known).sum())} of {known.size} test rows are left out: no target")
    features = raw.features if known.all() else taken(raw.features, known)
    if isinstance(columns, Mapping):
        assert isinstance(features, Mapping)
        read: dict[str, OneInput] = {}
        for name, one in features.items():
            read[name], found = _read_as(columns[name], one, rows.of_input(name).alone)
            notes.extend(_of_input(name, found))
        features = read
    else:
        assert not isinstance(features, Mapping)
        features, found = _read_as(columns, features, rows.alone)
        notes.extend(found)
    if groups is not None and rows.groups is not None:
        groups = groups[known]
        shared = np.intersect1d(groups, rows.groups).size
        if shared:
            notes.append(
                f"groups with rows both in the test part and among the training rows: {shared}"
            )
    return Part(features, values, None, groups), notes


def _read_as(
    columns: tuple[Column, ...], features: OneInput, rows: OneInput
) -> tuple[OneInput, tuple[str, ...]]:
    """Read one input of a test part like that of the training rows."""
    if isinstance(features, pd.DataFrame) and isinstance(rows, pd.DataFrame):
        return read_table_as(columns, features)
    if features.shape[1:] != rows.shape[1:]:
        raise UserError(
            "shape-mismatch",
            f"a test row has the shape {features.shape[1:]}, a training row {rows.shape[1:]}",
            "bring both parts in the same shape",
        )
    return features, ()


def _groups(
    rows: Raw, test: Raw | None, known: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if rows.groups is None:
        return None, None
    parts = [rows.groups] if test is None or test.groups is None else [rows.groups, test.groups]
    # A cell that says that there is no value names no group, however the file was read.
    found = [distinct_words(str(part.name), part).codes for part in parts]
    for codes in found:
        if (codes < 0).any():
            raise UserError(
                "missing-groups",
                f"the groups miss a value in row {int(np.flatnonzero(codes < 0)[0]) + 1}",
                "give every row a group (a row of its own is a group of one)",
            )
    both = distinct_words(
        str(rows.groups.name), pd.concat([part.astype(object) for part in parts], ignore_index=True)
    )
    kept = np.append(known, np.ones(len(both.codes) - len(known), bool))
    codes = pd.factorize(both.codes[kept])[0].astype(np.int64)
    inside = int(known.sum())
    return codes[:inside], codes[inside:] if len(parts) > 1 else None


def _weights(rows: Raw, known: np.ndarray) -> np.ndarray | None:
    if rows.weights is None:
        return None
    weights = pd.to_numeric(rows.weights, errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    check_finite("the weight", weights)
    wrong = np.flatnonzero(~(weights >= 0))
    if wrong.size:
        raise UserError(
            "unusable-weights",
            f"the weight in row {wrong[0] + 1} is {rows.weights.iloc[wrong[0]]}; expected a number "
            "of at least 0",
            "give every row a weight; 1 for a row that counts once",
        )
    if weights.size and not weights[known].any():
        raise UserError("unusable-weights", "all weights are 0", "give some row a weight above 0")
    return weights[known]
