"""Files, named data sets and tables to a Dataset."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from gengap.data.arrays import check_names, raw_arrays
from gengap.data.assemble import Raw, assemble, split_table
from gengap.data.bundled import read_bundled
from gengap.data.dataset import Column, Dataset, Task
from gengap.data.delimited import read_delimited
from gengap.data.npz import class_names, read_npz
from gengap.data.parquet import read_parquet
from gengap.data.paths import existing_file, format_of, stem_of
from gengap.data.target import check_task
from gengap.errors import UserError, suggest

__all__ = ["load", "read_table"]

Source = str | os.PathLike[str] | pd.DataFrame


def load(
    source: Source,
    *,
    target: str | None = None,
    task: Task | None = None,
    test: Source | None = None,
    groups: str | None = None,
    weight: str | None = None,
) -> Dataset:
    """Read a file, a data set that scikit-learn brings, or a table.

    Parameters
    ----------
    source : str, PathLike or DataFrame
        A .csv, .tsv (both also .gz), .parquet or .npz file, ``sklearn:NAME``, or a table.
    target : str, optional
        Name of the column to predict; needed for tables and never guessed.
    task : {"classification", "regression"}, optional
        Found from the target where it is not given.
    test : str, PathLike or DataFrame, optional
        Rows that stay out of the folds; the same columns.
    groups, weight : str, optional
        Names of columns, which then are no features.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        Whatever is wrong with the input, with a stable code and a hint.

    Examples
    --------
    >>> dataset = load("sklearn:wine")
    >>> dataset.task, dataset.classes, dataset.rows.features.shape
    ('classification', ('class_0', 'class_1', 'class_2'), (178, 13))
    """
    check_task(task)
    if not isinstance(source, pd.DataFrame):
        text = os.fspath(source)
        if text.startswith("sklearn:"):
            return _load_bundled(text, target, task, test, groups, weight)
        if ":" in text and not os.path.exists(text) and text.partition(":")[0].isalpha():
            raise UserError(
                "unknown-source",
                f"'{text}' is neither a file nor a source that gengap knows",
                "expected a file, or sklearn:NAME",
            )
        path = existing_file(text)
        if format_of(path) == ".npz":
            return _load_npz(text, target, task, test, groups, weight)
    table, name, notes = read_table(source, text=[c for c in (target, groups) if c is not None])
    return _load_table(table, name, source, target, task, test, groups, weight, notes)


def read_table(
    source: Source, *, text: Collection[str] | None = ()
) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read a table, whatever its format, as it is.

    Parameters
    ----------
    source : str, PathLike or DataFrame
    text : collection of str, optional
        Columns of a text file that are kept as they are written; None for all.

    Returns
    -------
    table : DataFrame (n, columns)
    name : str
        What to call it.
    notes : tuple of str

    Raises
    ------
    UserError
        As `load`.
    """
    if isinstance(source, pd.DataFrame):
        return check_names(source), "table", ()
    spelt = os.fspath(source)
    if spelt.startswith("sklearn:"):
        return read_bundled(spelt.removeprefix("sklearn:"))[0], spelt, ()
    path = existing_file(source)
    ending = format_of(path)
    if ending == ".npz":
        raise UserError(
            "not-a-table",
            f"{path.name} holds arrays; expected a table",
            "an .npz brings its own test part: x_test and y_test",
        )
    table, notes = read_parquet(path) if ending == ".parquet" else read_delimited(path, text=text)
    return check_names(table), stem_of(path), notes


def _load_table(
    table: pd.DataFrame,
    name: str,
    source: Source,
    target: str | None,
    task: Task | None,
    test: Source | None,
    groups: str | None,
    weight: str | None,
    notes: tuple[str, ...] = (),
) -> Dataset:
    if target is None:
        columns = [str(column) for column in table.columns]
        listed = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
        raise UserError(
            "target-not-given",
            f"which of the {len(columns)} columns of {name} is to be predicted?",
            f"say --target COLUMN (target=... in Python); columns: {listed}",
        )
    where = name if isinstance(source, pd.DataFrame) else os.path.basename(os.fspath(source))
    rows = split_table(table, target=target, groups=groups, weight=weight, where=where, notes=notes)

    def read_test(columns: tuple[Column, ...]) -> Raw:
        assert test is not None
        found, test_name, test_notes = read_table(test, text=None)
        return split_table(
            found,
            target=target,
            groups=groups,
            where=f"the test part {test_name}",
            notes=test_notes,
            test_of=columns,
        )

    spelt = "table" if isinstance(source, pd.DataFrame) else os.fspath(source)
    return assemble(name, spelt, target, rows, task=task, test=None if test is None else read_test)


def _load_bundled(
    source: str,
    target: str | None,
    task: Task | None,
    test: Source | None,
    groups: str | None,
    weight: str | None,
) -> Dataset:
    name = source.removeprefix("sklearn:")
    table, own = read_bundled(name)
    return _load_table(table, name, source, target or own, task, test, groups, weight)


def _load_npz(
    source: str,
    target: str | None,
    task: Task | None,
    test: Source | None,
    groups: str | None,
    weight: str | None,
) -> Dataset:
    path = existing_file(source)
    given = {"target": target, "test": test, "groups": groups, "weight": weight}
    used = [option for option, value in given.items() if value is not None]
    if used:
        raise UserError(
            "npz-brings-its-own",
            f"{path.name} is an archive of arrays: it has no columns for {' and '.join(used)}",
            "it brings its own: y, x_test and y_test, groups",
        )
    arrays, notes = read_npz(path)
    classes = arrays.get("classes")

    def raw(suffix: str, groups: object = None) -> Raw:
        y = arrays["y" + suffix]
        if classes is not None and task != "regression":
            y = class_names(y, classes)
        return raw_arrays(arrays["x" + suffix], y, groups=groups, where=f"{path.name}: ")[0]

    rows = raw("", arrays.get("groups"))
    rows = replace(rows, notes=(*notes, *rows.notes))
    read_test = None if "x_test" not in arrays else lambda columns: raw("_test")
    return assemble(stem_of(path), source, "y", rows, task=task, test=read_test)
