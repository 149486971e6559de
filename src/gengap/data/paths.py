"""Find the file that the user named, or say why it is none."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from gengap.errors import UserError, suggest

__all__ = [
    "BUNDLED",
    "FORMATS",
    "check_exists",
    "existing_file",
    "existing_folder",
    "format_of",
    "named_file",
    "stem_of",
]

#: What the names of data sets that scikit-learn brings begin with.
BUNDLED = "sklearn:"

FORMATS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".npz")


def check_exists(source: str) -> None:
    """Refuse the name of data of which there is neither a file nor a folder.

    Parameters
    ----------
    source : str
        Names that begin with `BUNDLED` are none of files.

    Raises
    ------
    UserError
        As `named_file`.
    """
    if not source.startswith(BUNDLED) and existing_folder(source) is None:
        named_file(source)


def named_file(source: str) -> Path:
    """Return the path of the file that a source names.

    Parameters
    ----------
    source : str

    Raises
    ------
    UserError
        ``unknown-source``, where it names something else; or as `existing_file`.
    """
    scheme, colon, _ = source.partition(":")
    # One letter is a drive.
    if colon and len(scheme) > 1 and scheme.isalnum() and not Path(source).exists():
        raise UserError(
            "unknown-source",
            f"'{source}' is neither a file nor a source that gengap knows",
            f"expected a file, or {BUNDLED}NAME",
        )
    return existing_file(source)


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that exists, is readable and is not empty.

    Parameters
    ----------
    path : str or PathLike
        ``~`` stands for the home folder.

    Raises
    ------
    UserError
        ``file-not-found``, ``is-a-directory``, ``file-not-readable`` or ``empty-file``.
    """
    given = Path(path).expanduser()
    if "\0" in str(given) or not str(path):
        raise UserError("file-not-found", f"{str(path)!r} is no name of a file", "name one")
    if given.is_dir():
        raise UserError(
            "is-a-directory",
            f"{given} is a folder; expected a file",
            f"name one of the files in it ({', '.join(FORMATS)})",
        )
    if not given.exists():
        raise _not_found(given)
    try:
        with given.open("rb") as stream:
            first = stream.read(1)
    except OSError as error:
        raise UserError(
            "file-not-readable",
            f"{given} cannot be read: {error.strerror}",
            "check that you may read the file",
        ) from error
    if not first:
        raise UserError("empty-file", f"{given} is empty", "check how the file was written")
    return given


def existing_folder(path: str | os.PathLike[str]) -> Path | None:
    """Return the path of a folder; None where there is none of that name.

    Parameters
    ----------
    path : str or PathLike
        ``~`` stands for the home folder.
    """
    given = Path(path).expanduser()
    return given if "\0" not in str(given) and str(path) and given.is_dir() else None


def format_of(path: Path) -> str:
    """Return which of `FORMATS` a file has, by the end of its name.

    Raises
    ------
    UserError
        ``unknown-format``.

    Examples
    --------
    >>> format_of(Path("Wine.CSV.gz"))
    '.csv.gz'
    """
    name = path.name.lower()
    for ending in FORMATS:
        if name.endswith(ending):
            return ending
    raise UserError(
        "unknown-format",
        f"{path} has no ending that says what it holds",
        f"expected one of {', '.join(FORMATS)}",
    )


def stem_of(path: Path) -> str:
    """Return the file's name without folder and format.

    Examples
    --------
    >>> stem_of(Path("data/wine.red.csv.gz"))
    'wine.red'
    """
    return path.name[: -len(format_of(path))] or path.name


def _not_found(given: Path) -> UserError:
    folder = given.parent
    if not folder.is_dir():
        message = f"there is no file {given}: the folder {folder} does not exist"
        return UserError("file-not-found", message, "check the path")
    names = sorted(entry.name for entry in folder.iterdir() if _is_data(entry.name))
    if not names:
        hint = f"there are no data files in {folder} ({', '.join(FORMATS)})"
    else:
        close = difflib.get_close_matches(given.name, names, n=8, cutoff=0.3)
        ordered = close + [name for name in names if name not in close]
        hint = suggest(given.name, ordered, noun="data files there")
    return UserError("file-not-found", f"there is no file {given}", hint)


def _is_data(name: str) -> bool:
    return name.lower().endswith(FORMATS)
