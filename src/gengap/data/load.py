"""Files, named data sets and tables to a Dataset."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from gengap.data.arrays import check_names
from gengap.data.assemble import Raw, assemble, split_table
from gengap.data.bundled import read_bundled
from gengap.data.dataset import Column, Dataset, Task
from gengap.data.delimited import read_delimited
from gengap.data.load_arrays import Asked, Source, load_folder, load_npz, refuse_size
from gengap.data.parquet import read_parquet
from gengap.data.paths import BUNDLED, existing_folder, format_of, named_file, stem_of
from gengap.data.target import check_task
from gengap.errors import UserError

__all__ = ["load", "read_table"]


def load(
    source: Source,
    *,
    target: str | None = None,
    task: Task | None = None,
    test: Source | None = None,
    groups: str | None = None,
    weight: str | None = None,
    image_size: str | Sequence[int] | None = None,
) -> Dataset:
    """Read a file, a folder of images, a data set that scikit-learn brings, or a table.

    Parameters
    ----------
    source : str, PathLike or DataFrame
        A .csv, .tsv (both also .gz), .parquet or .npz file, a folder of IDX files or of class
        folders with PNG and JPEG files, ``sklearn:NAME``, or a table.
    target : str, optional
        Name of the column to predict; needed for tables and never guessed.
    task : {"classification", "regression"}, optional
        Found from the target where it is not given.
    test : str, PathLike or DataFrame, optional
        Rows that stay out of the folds; the same columns, or a folder with the same classes.
    groups, weight : str, optional
        Names of columns, which then are no features.
    image_size : str or pair of int, optional
        Height and width in pixels that image files are resized to, such as ``"64x64"``.

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
    asked = Asked(target, task, test, groups, weight, image_size)
    if isinstance(source, pd.DataFrame):
        refuse_size(asked, "a table")
        return _load_table(check_names(source), "table", "table", asked)
    text = os.fspath(source)
    if text.startswith(BUNDLED):
        name = text.removeprefix(BUNDLED)
        refuse_size(asked, text)
        table, own = read_bundled(name)
        kept = f"the target that {text} comes with, '{own}', is a feature here"
        own_notes = () if target in (None, own) else (kept,)
        return _load_table(table, name, text, replace(asked, target=target or own), notes=own_notes)
    folder = existing_folder(text)
    if folder is not None:
        return load_folder(folder, text, asked)
    path = named_file(text)
    refuse_size(asked, path)
    if format_of(path) == ".npz":
        return load_npz(path, text, asked)
    # Class and group names are kept as they are written: 01 is not 1.
    as_written = [column for column in (target, groups) if column is not None]
    table, notes = _read_file(path, as_written)
    return _load_table(table, stem_of(path), text, asked, where=path.name, notes=notes)


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
        What to call it in messages.
    notes : tuple of str

    Raises
    ------
    UserError
        As `load`.
    """
    if isinstance(source, pd.DataFrame):
        return check_names(source), "the table", ()
    spelt = os.fspath(source)
    if spelt.startswith(BUNDLED):
        return read_bundled(spelt.removeprefix(BUNDLED))[0], spelt, ()
    path = named_file(spelt)
    if format_of(path) == ".npz":
        raise UserError(
            "not-a-table",
            f"{path.name} holds arrays; expected a table",
            "an .npz brings its own test part: x_test and y_test",
        )
    table, notes = _read_file(path, text)
    return table, path.name, notes


def _read_file(path: Path, text: Collection[str] | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if format_of(path) == ".parquet":
        table, notes = read_parquet(path)
        return check_names(table), notes
    return read_delimited(path, text=text)


def _load_table(
    table: pd.DataFrame,
    name: str,
    source: str,
    asked: Asked,
    *,
    where: str | None = None,
    notes: tuple[str, ...] = (),
) -> Dataset:
    target, test = asked.target, asked.test
    if target is None:
        columns = list(table.columns)
        listed = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
        raise UserError(
            "target-not-given",
            f"which of the {len(columns)} columns of {where or name} is to be predicted?",
            f"say --target COLUMN (target=... in Python); columns: {listed}",
        )
    rows = split_table(
        table,
        target=target,
        groups=asked.groups,
        weight=asked.weight,
        where=where or name,
        notes=notes,
    )
    if test is None:
        return assemble(name, source, target, rows, task=asked.task)

    def read_test(columns: tuple[Column, ...]) -> Raw:
        # All as it is written, since what is a number is decided by the training rows.
        found, test_name, test_notes = read_table(test, text=None)
        return split_table(
            found,
            target=target,
            groups=asked.groups,
            where=f"the test part {test_name}",
            notes=test_notes,
            test_of=columns,
        )

    return assemble(name, source, target, rows, task=asked.task, test=read_test)
