"""Folders as data: IDX files, or image files in class folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from gengap.data.arrays import raw_arrays
from gengap.data.assemble import Raw
from gengap.data.idx import IdxFiles, idx_files, is_idx, read_idx
from gengap.data.image_files import (
    ENDINGS,
    Channels,
    ClassFolders,
    Size,
    class_folders,
    read_images,
)
from gengap.errors import UserError, suggest
from gengap.wording import listed

__all__ = ["classes_in", "folder_parts", "holds_idx", "read_class_folders", "read_idx_folder"]

_TRAIN, _TEST = ("train", "training"), ("test", "testing")


def holds_idx(folder: Path) -> bool:
    """Tell whether there are IDX files in a folder."""
    return any(is_idx(path) for path in folder.iterdir())


def read_idx_folder(folder: Path) -> tuple[Raw, Raw | None]:
    """Read the rows of a folder of IDX files, and its test part.

    Raises
    ------
    UserError
        ``not-images`` and what `gengap.data.idx` raises.
    """
    files, test_files = idx_files(folder)
    return _read_idx(files), None if test_files is None else _read_idx(test_files)


def _read_idx(files: IdxFiles) -> Raw:
    images, labels = map(read_idx, files)
    if images.ndim not in (3, 4):
        raise UserError(
            "not-images",
            f"{files[0].name} holds an array of the shape {images.shape}; expected images by "
            "height by width",
            "check which file it is",
        )
    return raw_arrays(images, labels, where=f"{files[0].name}: ")[0]


def folder_parts(folder: Path) -> tuple[Path, Path | None, tuple[str, ...]]:
    """Find where the class folders of a folder are: in it, or in its folders train and test.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    rows : Path
        The folder itself, or the one called train in it.
    test : Path, optional
        The one called test beside it.
    notes : tuple of str
        Folders beside them, which were ignored.
    """
    inner = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    train = next((inner[name] for name in _TRAIN if name in inner), None)
    if train is None or not any(path.is_dir() for path in train.iterdir()):
        return folder, None, ()
    test = next((inner[name] for name in _TEST if name in inner), None)
    others = [path.name for path in inner.values() if path not in (train, test)]
    notes: tuple[str, ...] = ()
    if others:
        notes = (
            f"folders beside {train.name} that were ignored: {listed(sorted(others))} (folds have "
            "validation parts of their own)",
        )
    return train, test, notes


def classes_in(folder: Path) -> ClassFolders:
    """Find the image files in the class folders of a folder.

    Raises
    ------
    UserError
        ``is-a-directory``, where no folder in it holds an image.
    """
    found = class_folders(folder)
    if found is None:
        raise UserError(
            "is-a-directory",
            f"{folder} is a folder without images of classes",
            f"expected a file, IDX files such as train-images-idx3-ubyte, or a folder a class with "
            f"its images ({', '.join(ENDINGS)})",
        )
    return found


def read_class_folders(
    folder: Path, test: Path | None = None, *, size: Size | None = None
) -> tuple[Raw, Raw | None]:
    """Read image files whose class is the name of their folder.

    Parameters
    ----------
    folder : Path
    test : Path, optional
        A folder like it, whose images stay out of the folds.
    size : tuple of int, optional
        Height and width that images of another size are resized to.

    Returns
    -------
    rows : Raw
    test : Raw, optional

    Raises
    ------
    UserError
        ``is-a-directory`` for a folder without images in class folders; ``unknown-class``;
        ``shape-mismatch``; and what `gengap.data.image_files.read_images` raises.
    """
    found = classes_in(folder)
    rows = _read_images(folder, found, found.classes, size, None)
    if test is None:
        return rows, None
    tested = classes_in(test)
    for name in tested.classes:
        if name not in found.classes:
            raise UserError(
                "unknown-class",
                f"the test part {test} has a class that {folder} lacks: {name!r}",
                suggest(name, found.classes, noun="classes"),
            )
    images = rows.features
    assert isinstance(images, np.ndarray)
    channels: Channels = 1 if images.shape[-1] == 1 else 3
    test_rows = _read_images(test, tested, found.classes, size, channels)
    return rows, replace(test_rows, notes=tuple(f"test part: {note}" for note in test_rows.notes))


def _read_images(
    folder: Path,
    found: ClassFolders,
    classes: tuple[str, ...],
    size: Size | None,
    channels: Channels | None,
) -> Raw:
    images, notes = read_images(found.files, where=str(folder), size=size, channels=channels)
    names = pd.Index(found.classes).take(found.codes)
    # In their order, and a folder may be called none.
    labels = pd.Series(pd.Categorical(names, categories=list(classes), ordered=True))
    raw, _ = raw_arrays(images, labels, where=f"{folder.name}: ")
    return replace(raw, notes=(*found.notes, *notes))
