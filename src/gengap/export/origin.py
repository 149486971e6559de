"""What a program has to know about where the data came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gengap.audit.columns import numbers_the_rows
from gengap.audit.duplicates import joint_groups
from gengap.audit.equal_rows import feature_codes
from gengap.data.dataset import IN_MEMORY, Dataset
from gengap.data.delimited import dialect_of
from gengap.data.folders import folder_parts, holds_idx
from gengap.data.idx import idx_files
from gengap.data.npz import array_name
from gengap.data.paths import BUNDLED, existing_folder, format_of
from gengap.export.refusal import refusal
from gengap.splits import MOST_GROUPS_BALANCED

#: Arrays of an archive that a program reads.
KEYS = (
    "x",
    "y",
    "lengths",
    "groups",
    "classes",
    "sample_weight",
    "x_test",
    "y_test",
    "lengths_test",
)

__all__ = [
    "Grouping",
    "Origin",
    "Source",
    "grouping_of",
    "origin_of",
    "source_of",
    "with_names",
]


@dataclass(frozen=True)
class Origin:
    """What the user said about the data and the dataset does not hold.

    Attributes
    ----------
    groups, weight : str, optional
        Names of columns.
    test : str, optional
        Path of the test part.
    dropped_copies : bool
        Whether one row of each set of equal ones was kept.
    ran_in : str
        Path from the program's folder to the one in which the study was run, with slashes: paths
        that the user gave begin there.
    """

    groups: str | None = None
    weight: str | None = None
    test: str | None = None
    dropped_copies: bool = False
    ran_in: str = "."


@dataclass(frozen=True)
class Source:
    """How the data are read.

    Attributes
    ----------
    kind : {"text", "parquet", "bundled", "arrays", "idx", "images"}
    path : str
        Of the file or folder, or the name of the bundled set.
    separator, decimal : str
        Of the cells and of the numbers of a text file.
    unnamed : tuple of int
        Places of a text file's columns without a name, from 1.
    keys : mapping
        For arrays: "x", "y" and what else there is -> the key in the archive, or the IDX file in
        the folder. For images: "test" -> the folder of the test part, where it is their own.
    """

    kind: Literal["text", "parquet", "bundled", "arrays", "idx", "images"]
    path: str
    separator: str = ","
    decimal: str = "."
    unnamed: tuple[int, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_columns(self) -> bool:
        """Whether columns have names there; arrays and images have none."""
        return self.kind in ("text", "parquet", "bundled")

    @property
    def has_keys(self) -> bool:
        """Whether inputs and targets are arrays of their own."""
        return self.kind in ("arrays", "idx")


@dataclass(frozen=True)
class Grouping:
    """Which rows stay on one side of a split.

    Attributes
    ----------
    given : bool
        Those of one group that the user gave.
    copies : bool
        Those with equal features.
    ignored : tuple of str
        Columns that number the rows, and are not looked at for that.
    many : bool
        Whether there are too many groups to balance them one by one.
    """

    given: bool = False
    copies: bool = False
    ignored: tuple[str, ...] = ()
    many: bool = False


def origin_of(
    groups: object,
    weight: str | None,
    test: object,
    duplicates: str | None,
    folder: Path | None = None,
) -> Origin:
    """Return what the arguments of `gengap.compare` say about the data.

    Parameters
    ----------
    groups, weight, test, duplicates : object
    folder : Path, optional
        Where the program will stand.
    """
    return Origin(
        groups=groups if isinstance(groups, str) else None,
        weight=weight,
        test=str(test) if isinstance(test, str | os.PathLike) else None,
        dropped_copies=duplicates == "drop",
        ran_in="." if folder is None else _way_from(folder),
    )


def _way_from(folder: Path) -> str:
    """Return the path from a folder to the working directory."""
    here = Path.cwd().resolve()
    try:
        return Path(os.path.relpath(here, folder.resolve())).as_posix()
    except ValueError:  # They are on different drives.
        return here.as_posix()


def with_names(dataset: Dataset, source: Source, origin: Origin, *, groups: bool) -> Origin:
    """Name the columns that a table in memory has to be written with.

    Parameters
    ----------
    groups : bool
        Whether the user gave groups.

    Raises
    ------
    UserError
        Where a file has such columns and the origin does not name them.
    """
    if not source.has_columns:
        return origin
    weighted = dataset.rows.weights is not None and origin.weight is None
    grouped = groups and origin.groups is None
    if (weighted or grouped) and dataset.source not in IN_MEMORY:
        raise refusal("the columns of weights and groups are not known by name")
    return replace(
        origin,
        weight="sample_weight" if weighted else origin.weight,
        groups="groups" if grouped else origin.groups,
    )


def source_of(dataset: Dataset) -> Source:
    """Tell how a program reads the data.

    What was in memory is read from ``data.csv`` or ``data.npz`` beside the program, which the user
    has to write (the program says how).

    Raises
    ------
    UserError
        Where a bundled set has a test part.
    """
    source = dataset.source
    if source.startswith(BUNDLED):
        if dataset.test is not None:
            raise refusal("its rows come from scikit-learn, its test part from elsewhere")
        return Source("bundled", source.removeprefix(BUNDLED))
    if source in IN_MEMORY:
        names = [column.name for column in dataset.columns]
        table = source == "table" or (names and names != [f"x{i}" for i in range(len(names))])
        if table:
            return Source("text", "data.csv")
        keys = ["x", "y"]
        keys += ["groups"] * (dataset.rows.groups is not None)
        keys += ["sample_weight"] * (dataset.rows.weights is not None)
        keys += ["x_test", "y_test"] * (dataset.test is not None)
        return Source("arrays", "data.npz", keys={key: key for key in keys})
    folder = existing_folder(source)
    if folder is not None:
        if holds_idx(folder):
            return Source("idx", source, keys=_idx_keys(folder))
        train, test, _ = folder_parts(Path(source))
        own_test = {} if test is None else {"test": test.as_posix()}
        return Source("images", train.as_posix(), keys=own_test)
    path = Path(source).expanduser()
    if format_of(path) == ".npz":
        return Source("arrays", source, keys=_keys(path))
    if format_of(path) == ".parquet":
        return Source("parquet", source)
    header, separator, decimal = dialect_of(path)
    unnamed = tuple(i for i, name in enumerate(header, 1) if name == f"column {i}")
    return Source("text", source, separator, decimal, unnamed)


def _keys(path: Path) -> dict[str, str]:
    """Return the keys of an archive by the names that gengap knows."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        names = {key: array_name(key) for key in archive.files}
    found = {(name or "").removesuffix("_train"): key for key, name in names.items()}
    return {name: key for name, key in found.items() if name in KEYS}


def _idx_keys(folder: Path) -> dict[str, str]:
    """Return the names of a folder's IDX files by what they hold."""
    files, test_files = idx_files(folder)
    parts = {"": files} if test_files is None else {"": files, "_test": test_files}
    return {
        f"{role}{part}": path.name
        for part, paths in parts.items()
        for role, path in zip("xy", paths, strict=True)
    }


def grouping_of(dataset: Dataset, origin: Origin) -> Grouping:
    """Tell why rows of a dataset are in groups."""
    groups = dataset.rows.groups
    if groups is None:
        return Grouping()
    features = dataset.rows.features
    equal = feature_codes(features, dataset.inputs or dataset.columns)
    alike = len(np.unique(equal)) < len(equal)
    copies = bool(alike and _partition(joint_groups(groups, equal)) == _partition(groups))
    given = origin.groups is not None or _partition(groups) != _partition(equal)
    ignored: tuple[str, ...] = ()
    if copies and isinstance(features, pd.DataFrame):
        ignored = tuple(
            column.name
            for column in dataset.columns
            if numbers_the_rows(features[column.name], column.kind)
        )
    return Grouping(given, copies, ignored, len(np.unique(groups)) > MOST_GROUPS_BALANCED)


def _partition(groups: np.ndarray) -> bytes:
    """Return the same bytes for the same grouping, whatever its codes."""
    return pd.factorize(groups)[0].astype(np.int64).tobytes()
