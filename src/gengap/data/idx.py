"""Folders of IDX files, as MNIST comes."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np

from gengap.errors import UserError

__all__ = ["IdxFiles", "idx_files", "is_idx", "read_idx"]

# train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz, emnist-letters-test-images-idx3-ubyte, ...
_NAME = re.compile(
    r"(?P<part>.*?)[-_.]?(?P<what>images|labels)[-_.]idx\d[-_.]ubyte(\.gz)?", re.IGNORECASE
)
_TRAIN = re.compile(r"(^|[-_.])train$", re.IGNORECASE)
_TEST = re.compile(r"(^|[-_.])(t10k|test)$", re.IGNORECASE)
# Two noughts, and the code for unsigned bytes; then comes the number of axes.
_BYTES = b"\0\0\x08"
_EXPECTED = "train-images-idx3-ubyte and train-labels-idx1-ubyte, gzipped or not"

#: A part's images and labels.
IdxFiles = tuple[Path, Path]


def is_idx(path: Path) -> bool:
    """Tell by its name whether a file holds images or labels in IDX.

    Examples
    --------
    >>> is_idx(Path("train-images-idx3-ubyte.gz")), is_idx(Path("cat.png"))
    (True, False)
    """
    return _NAME.fullmatch(path.name) is not None


def idx_files(folder: Path) -> tuple[IdxFiles, IdxFiles | None]:
    """Find the images and labels of a folder of IDX files.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    rows : tuple of Path
        Images and labels of ``train``, or of the only part that there is.
    test : tuple of Path, optional
        Those of ``t10k`` or ``test``.

    Raises
    ------
    UserError
        ``missing-idx-files``, ``ambiguous-idx-files``.
    """
    parts: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        files = parts.setdefault(match["part"], {})
        what = match["what"].lower()
        if what in files:
            raise UserError(
                "ambiguous-idx-files",
                f"{folder} holds both {files[what].name} and {path.name}",
                "leave one of them",
            )
        files[what] = path
    for part, files in parts.items():
        for what in ("images", "labels"):
            if what not in files:
                (given,) = files.values()
                raise UserError(
                    "missing-idx-files",
                    f"{folder} holds {given.name}, but no {what} of {part or 'the same part'}",
                    f"expected {_EXPECTED}",
                )
    rows, test = [*parts], list[str]()
    if len(parts) > 1:
        rows = [part for part in parts if _TRAIN.search(part)]
        test = [part for part in parts if _TEST.search(part)]
    if len(rows) != 1 or len(rows) + len(test) != len(parts):
        raise UserError(
            "ambiguous-idx-files",
            f"cannot tell which files of {folder} are for training and which for testing: there "
            f"are images and labels of {', '.join(parts)}",
            f"expected {_EXPECTED}, and the same of t10k for a test part",
        )
    found = [(parts[part]["images"], parts[part]["labels"]) for part in rows + test]
    return found[0], found[1] if test else None


def read_idx(path: Path) -> np.ndarray:
    """Read the array of an IDX file.

    Parameters
    ----------
    path : Path
        An existing file, gzipped where its name ends in ``.gz``.

    Raises
    ------
    UserError
        ``not-idx``, ``damaged-file``.
    """
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            content = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            "damaged-file",
            f"{path.name} is no intact gzip file: {error}",
            "write or fetch it again; without compression its name does not end in .gz",
        ) from error
    except OSError as error:
        raise UserError(
            "file-not-readable",
            f"{path} cannot be read: {error.strerror or error}",
            "check that you may read the file",
        ) from error
    if len(content) < 4 or content[:3] != _BYTES:
        raise UserError(
            "not-idx",
            f"{path.name} does not begin as an IDX file of bytes does",
            "fetch it again; gzipped files must end in .gz",
        )
    axes = content[3]
    start = 4 + 4 * axes
    shape = np.frombuffer(content[4:start].ljust(4 * axes, b"\0"), ">u4").tolist()
    if len(content) != start + math.prod(shape):
        raise UserError(
            "damaged-file",
            f"{path.name} is damaged: it has {len(content)} bytes, expected "
            f"{start + math.prod(shape)}",
            "write or fetch it again",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
