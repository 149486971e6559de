"""Read images as the examples need them: arrays, with the rows that are set aside for testing."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

Rows = tuple[np.ndarray, np.ndarray]


def read_images(path: Path) -> tuple[Rows, Rows]:
    """Return images and labels for training, and the same for testing.

    Parameters
    ----------
    path : Path
        An .npz file with ``x_train``, ``y_train``, ``x_test`` and ``y_test``, or a folder with
        MNIST's four IDX files, packed by gzip or not.

    Returns
    -------
    training, test : pair of ndarray
        Bytes (n, height, width) or (n, height, width, colors), and class codes (n,).
    """
    if path.is_dir():
        return _part(path, "train"), _part(path, "t10k")
    with np.load(path) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _part(folder: Path, part: str) -> Rows:
    return _idx(folder / f"{part}-images-idx3-ubyte"), _idx(folder / f"{part}-labels-idx1-ubyte")


def _idx(path: Path) -> np.ndarray:
    packed = path.with_name(f"{path.name}.gz")
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    # Two zeros, the type (8: bytes), the number of axes; then the length of each.
    axes = content[3]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(
        np.frombuffer(content, ">u4", axes, offset=4)
    )
