"""Read .npz archives; nothing in them is ever unpickled."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from gengap.data.arrays import is_one_hot
from gengap.errors import UserError

__all__ = ["array_name", "class_names", "read_npz", "read_npz_inputs"]

_ROLES = ("x", "y", "lengths")
_KNOWN = frozenset({*(role + of for role in _ROLES for of in ("", "_train", "_test"))}) | {
    "groups",
    "classes",
}
_ALIASES = {"images": "x", "labels": "y", "length": "lengths", "len": "lengths"}
_EXPECTED = (
    "x and y, or x_train, y_train, x_test and y_test; optionally lengths, groups and classes"
)


def array_name(key: str) -> str | None:
    """Return what gengap calls the array of a key, None where it knows none of that name.

    Case makes no difference, nor whether train and test stand before or behind; images are x,
    labels are y, and len is lengths.

    Examples
    --------
    >>> array_name("Train_Images"), array_name("len_test"), array_name("groups"), array_name("z")
    ('x_train', 'lengths_test', 'groups', None)
    """
    name = re.sub(r"^(train|test)_(.+)$", r"\2_\1", key.lower())
    role, _, part = name.partition("_")
    name = _ALIASES.get(role, role) + (f"_{part}" if part else "")
    return name if name in _KNOWN else None


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read the arrays that gengap knows from an archive of arrays.

    Parameters
    ----------
    path : Path
        An existing file. Its keys are `x` and `y`, or `x_train` and `y_train` with or without
        `x_test` and `y_test`, in any spelling that `array_name` knows; `lengths` (of sequences,
        of each part), `groups` (a code a training row) and `classes` (names of the class codes
        0, 1, ... in y) may be there.

    Returns
    -------
    arrays : dict
        Names as `array_name` gives them; what belongs to the training rows has no `_train`.
    notes : tuple of str
        Which arrays were ignored.

    Raises
    ------
    UserError
        ``not-an-archive``, ``pickled-data``, ``damaged-file``, ``missing-array`` or
        ``ambiguous-arrays``.
    """
    arrays, ignored = _arrays(path)
    notes = (f"arrays that were ignored: {', '.join(ignored)}",) if ignored else ()
    return _renamed(path, arrays, ignored), notes


def read_npz_inputs(path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Read the rows to predict from an archive: x, else x_test; and their lengths, if any.

    Raises
    ------
    UserError
        As `read_npz`.
    """
    arrays, _ = _arrays(path)
    for key in ("x", "x_test"):
        if key in arrays:
            lengths = arrays.get(key.replace("x", "lengths"))
            return arrays[key], lengths, (f"predicted is the array {key}",)
    listed = ", ".join(arrays) or "none that gengap knows"
    raise UserError(
        "missing-array",
        f"{path.name} has no array x or x_test (it has {listed})",
        "write the rows to predict by numpy.savez(file, x=...)",
    )


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":
            raise _no_archive(path)
    arrays: dict[str, np.ndarray] = {}
    ignored = []
    try:
        # Opened here, since NumPy leaves a file open in which it finds a fault.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            for key in archive.files:
                name = array_name(key)
                if name is None:
                    ignored.append(key)
                    continue
                if name in arrays:
                    raise _ambiguous(path, f"two arrays are called {name} but for their spelling")
                arrays[name] = _array(path, key, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UserError(
            "damaged-file", f"{path.name} is damaged: {error}", "write or fetch it again"
        ) from error
    return arrays, ignored


def class_names(target: np.ndarray, classes: np.ndarray) -> pd.Series | np.ndarray:
    """Put the names of classes, in their order, in the place of their codes.

    Parameters
    ----------
    target : ndarray (n,), (n, 1) or one-hot (n, classes)
        What is none of these is returned as it is, to be refused as it is without names.
    classes : ndarray (classes,)

    Raises
    ------
    UserError
        ``class-code-out-of-range``; ``duplicate-classes``.
    """
    names = [str(name) for name in np.ravel(classes)]
    if len(set(names)) < len(names):
        raise UserError(
            "duplicate-classes",
            "the array 'classes' holds a name twice",
            "give every class its own",
        )
    if target.ndim and target.size == len(target):
        values = target.reshape(-1)
    elif is_one_hot(target) and target.shape[1] == len(names):
        values = target.argmax(axis=1)
    else:
        return target
    if values.dtype.kind in "US":
        codes = np.array([names.index(v) if v in names else -1 for v in values.astype(str)])
    else:
        codes = np.where(np.isin(values, np.arange(len(names))), values, -1).astype(np.int64)
    wrong = np.flatnonzero(codes < 0)
    if wrong.size:
        raise UserError(
            "class-code-out-of-range",
            f"y holds {values[wrong[0]]} in row {wrong[0] + 1}; expected codes from 0 to "
            f"{len(names) - 1}, since 'classes' has {len(names)} names",
            "correct the array 'classes', or leave it out",
        )
    return pd.Series(pd.Categorical.from_codes(codes, categories=names, ordered=True))


def _array(path: Path, key: str, archive: np.lib.npyio.NpzFile) -> np.ndarray:
    try:
        return archive[key]
    except ValueError as error:
        raise UserError(
            "pickled-data",
            f"the array {key} in {path.name} holds Python objects or is damaged; gengap never "
            "unpickles a file",
            "write it as an array of numbers or of text (dtype=str)",
        ) from error


def _renamed(
    path: Path, arrays: dict[str, np.ndarray], ignored: list[str]
) -> dict[str, np.ndarray]:
    train = {f"{role}_train" for role in _ROLES} & arrays.keys()
    if train and set(_ROLES) & arrays.keys():
        raise _ambiguous(path, "it has both x, y or lengths and arrays of the same with _train")
    found = {key.removesuffix("_train"): array for key, array in arrays.items()}
    for pair in (("x", "y"), ("x_test", "y_test")):
        absent = [key for key in pair if key not in found]
        if absent and (pair[0] == "x" or len(absent) == 1):
            names = [key + "_train" if train and "_" not in key else key for key in absent]
            raise UserError(
                "missing-array",
                f"{path.name} has no array {' and '.join(names)} (it has "
                f"{', '.join([*arrays, *ignored]) or 'none'})",
                f"expected {_EXPECTED}, in any case",
            )
    return found


def _ambiguous(path: Path, why: str) -> UserError:
    return UserError("ambiguous-arrays", f"{path.name}: {why}", f"expected {_EXPECTED}")


def _no_archive(path: Path) -> UserError:
    return UserError(
        "not-an-archive",
        f"{path.name} is no archive of NumPy arrays (it may be a pickle or a single array; "
        "gengap never unpickles a file)",
        f"write it by numpy.savez(file, x=..., y=...) with the arrays {_EXPECTED}",
    )
