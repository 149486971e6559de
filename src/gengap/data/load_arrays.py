"""Archives of arrays and folders of images to a Dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from gengap.data.arrays import raw_arrays
from gengap.data.assemble import Raw, assemble
from gengap.data.dataset import Dataset, Task
from gengap.data.folders import (
    classes_in,
    folder_parts,
    holds_idx,
    read_class_folders,
    read_idx_folder,
)
from gengap.data.image_files import parse_size
from gengap.data.npz import class_names, read_npz
from gengap.data.paths import existing_folder, stem_of
from gengap.errors import UserError

__all__ = ["Asked", "Source", "load_folder", "load_npz", "refuse_size"]

Source: TypeAlias = "str | os.PathLike[str] | pd.DataFrame"


@dataclass(frozen=True)
class Asked:
    """What the user said about the data (see `gengap.data.load.load`)."""

    target: str | None
    task: Task | None
    test: Source | None
    groups: str | None
    weight: str | None
    image_size: str | Sequence[int] | None


def load_npz(path: Path, source: str, asked: Asked) -> Dataset:
    """Read an archive of arrays (`gengap.data.npz`).

    Parameters
    ----------
    path : Path
        An existing file.
    source : str
        What the user gave.
    asked : Asked

    Raises
    ------
    UserError
        ``npz-brings-its-own``, and whatever is wrong with the arrays.
    """
    _refuse_columns(
        asked,
        "npz-brings-its-own",
        f"{path.name} is an archive of arrays",
        "it brings its own arrays: y, x_test and y_test, groups",
    )
    arrays, notes = read_npz(path)
    classes = None if asked.task == "regression" else arrays.get("classes")

    def raw(suffix: str, groups: object = None) -> Raw:
        y = arrays["y" + suffix]
        return raw_arrays(
            arrays["x" + suffix],
            y if classes is None else class_names(y, classes),
            groups=groups,
            lengths=arrays.get("lengths" + suffix),
            where=f"{path.name}: ",
        )[0]

    rows = raw("", arrays.get("groups"))
    rows = replace(rows, notes=(*notes, *rows.notes))
    test = (lambda _columns: raw("_test")) if "x_test" in arrays else None
    return assemble(stem_of(path), source, "y", rows, task=asked.task, test=test)


def load_folder(folder: Path, source: str, asked: Asked) -> Dataset:
    """Read a folder of IDX files, or of class folders with images (`gengap.data.folders`).

    Parameters
    ----------
    folder : Path
        An existing one.
    source : str
        What the user gave.
    asked : Asked

    Raises
    ------
    UserError
        ``folder-brings-its-own``, ``test-part``, ``image-size-of-arrays``, and whatever is wrong
        with the files.
    """
    size = parse_size(asked.image_size)
    if holds_idx(folder):
        _refuse_columns(
            asked,
            "folder-brings-its-own",
            f"{folder} is a folder of IDX files",
            "it brings its own labels and, in files of t10k, its test part",
        )
        refuse_size(asked, folder)
        rows, test = read_idx_folder(folder)
        target = "label"
    else:
        train, own_test, notes = folder_parts(folder)
        classes_in(train)  # a folder without images is told before what was said about it
        test_folder = own_test if asked.test is None else _test_folder(asked.test)
        _refuse_columns(
            asked if own_test is not None else replace(asked, test=None),
            "folder-brings-its-own",
            f"{folder} is a folder of images",
            "a class is a folder; a test part is a folder like it, or one called test beside train",
        )
        rows, test = read_class_folders(train, test_folder, size=size)
        rows = replace(rows, notes=(*notes, *rows.notes))
        target = "class"
    read_test = None if test is None else lambda _columns: test
    return assemble(folder.resolve().name, source, target, rows, task=asked.task, test=read_test)


def _test_folder(test: Source) -> Path:
    folder = None if isinstance(test, pd.DataFrame) else existing_folder(test)
    if folder is None:
        raise UserError(
            "test-part",
            "the rows are images in class folders, the test part is no folder",
            "give a folder with the same classes: --test FOLDER",
        )
    return folder


def refuse_size(asked: Asked, what: object) -> None:
    """Refuse a size of images where there are no image files."""
    if asked.image_size is not None:
        raise UserError(
            "image-size-of-arrays",
            f"{what} holds no image files that could be resized",
            "leave --image-size out; it is for folders of PNG and JPEG files",
        )


def _refuse_columns(asked: Asked, code: str, what: str, hint: str) -> None:
    given = {
        "target": asked.target,
        "test": asked.test,
        "groups": asked.groups,
        "weight": asked.weight,
    }
    used = [option for option, value in given.items() if value is not None]
    if used:
        raise UserError(code, f"{what}: it has no columns for {' and '.join(used)}", hint)
