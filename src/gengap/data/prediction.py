"""Rows to predict: the columns that the network was trained on, read as they were then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.arrays import read_features
from gengap.data.columns import missing_columns, read_table_as
from gengap.data.dataset import Column
from gengap.data.folders import holds_idx
from gengap.data.idx import idx_files, is_idx, read_idx
from gengap.data.image_files import ENDINGS, image_files, is_image, read_images
from gengap.data.load import read_table
from gengap.data.npz import read_npz_inputs
from gengap.data.paths import BUNDLED, existing_file, existing_folder, format_of
from gengap.data.row_form import RowForm, read_rows_as
from gengap.errors import UserError

__all__ = ["files_to_predict", "parse_like"]


def parse_like(
    columns: tuple[Column, ...], source: Any, *, form: RowForm | None = None
) -> tuple[pd.DataFrame | np.ndarray, tuple[str, ...]]:
    """Read rows without targets for a network that was trained on rows like them.

    Parameters
    ----------
    columns : tuple of Column
        `Preprocessing.columns`.
    source : str, PathLike, DataFrame or array-like
        A .csv, .tsv (both also .gz) or .parquet file, ``sklearn:NAME``, an .npz file with the
        array x or x_test, a file or a folder of IDX, an image file or a folder of such, a table,
        or an array, whose columns go by position.
    form : RowForm, optional
        `Preprocessing.form`, where the network takes images or sequences.

    Returns
    -------
    features : DataFrame (n, columns) or ndarray (n, ...)
        What `Preprocessing.transform_features` takes.
    notes : tuple of str
        Columns that were ignored, words that training did not know.

    Raises
    ------
    UserError
        ``missing-columns``, ``ill-typed-column``, ``infinite-values``, ``shape-mismatch``,
        ``other-pixels``, or what reading the file raises.

    Examples
    --------
    >>> rows = pd.DataFrame({"id": [7], "a": ["1.5"]})
    >>> features, notes = parse_like((Column("a", "numeric"),), rows)
    >>> features["a"].tolist(), notes
    ([1.5], ('column ignored: id',))
    """
    words = [column.name for column in columns if column.in_words]
    table, name, notes = _read(source, words, form)
    if form is not None:
        return read_rows_as(form, table, name), notes
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


def _read(
    source: Any, text: list[str], form: RowForm | None
) -> tuple[pd.DataFrame | np.ndarray, str, tuple[str, ...]]:
    if isinstance(source, str | os.PathLike) and not str(source).startswith(BUNDLED):
        arrays = _read_arrays(source, form)
        if arrays is not None:
            return arrays
    if isinstance(source, str | os.PathLike | pd.DataFrame):
        return read_table(source, text=text)
    return read_features(source)[0], "the array", ()


def _read_arrays(
    source: str | os.PathLike[str], form: RowForm | None
) -> tuple[pd.DataFrame | np.ndarray, str, tuple[str, ...]] | None:
    """Read a file or folder that holds arrays or images; None for others."""
    files = files_to_predict(source)
    if files is not None:
        return _read_images(source, files, form)
    folder = existing_folder(source)
    if folder is not None:
        trained, tested = idx_files(folder)
        images, _ = tested or trained
        notes: tuple[str, ...] = (f"predicted are the images of {images.name}",)
        return read_features(read_idx(images))[0], images.name, notes
    path = existing_file(source)
    if is_idx(path):
        return read_features(read_idx(path))[0], path.name, ()
    if format_of(path) != ".npz":
        return None
    values, lengths, notes = read_npz_inputs(path)
    features, _ = read_features(values, lengths=lengths, where=f"{path.name}: ")
    return features, path.name, notes


def files_to_predict(source: Any) -> list[Path] | None:
    """Return the image files that a source names, one a row; None where it names none.

    Parameters
    ----------
    source : str, PathLike or other
        An image file, or a folder with images in it or in its folders.
    """
    if not isinstance(source, str | os.PathLike):
        return None
    folder = existing_folder(source)
    if folder is None:
        return [existing_file(source)] if is_image(Path(source)) else None
    if holds_idx(folder):
        return None
    files = image_files(folder)
    if not files:
        raise UserError(
            "is-a-directory",
            f"{folder} is a folder without images",
            f"name a file, or a folder with images ({', '.join(ENDINGS)})",
        )
    return files


def _read_images(
    source: str | os.PathLike[str], files: list[Path], form: RowForm | None
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    name = os.fspath(source)
    if form is None or form.modality != "image" or len(form.shape) not in (2, 3):
        raise UserError(
            "shape-mismatch",
            f"{name} holds image files; the network takes no images",
            "bring rows like those that it was trained on",
        )
    size = (form.shape[0], form.shape[1])
    grey = len(form.shape) == 2 or form.shape[2] == 1
    images, notes = read_images(files, where=name, size=size, channels=1 if grey else 3)
    return images, name, notes


def _has_names(source: Any) -> bool:
    if isinstance(source, str | os.PathLike):
        return not str(source).lower().endswith(".npz")
    return isinstance(source, pd.DataFrame)
