"""The rows of the works: drawn, or MNIST where its files are given."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

from suite.works import Work

__all__ = ["read_images", "sample_shape", "write_rows"]

Rows = tuple[np.ndarray, np.ndarray]


def write_rows(work: Work, path: Path, images: Rows | None) -> None:
    """Write the rows of a work, as gengap takes them and as the loops do.

    Parameters
    ----------
    work : Work
    path : Path
        Of the ``.npz`` file. ``x`` and ``y`` are all rows as they come; ``x_train`` and ``x_held``
        are prepared once for all trials of a loop: standardized, or images from 0 to 1.
    images : tuple of arrays, optional
        Images and labels to use instead of drawn ones.
    """
    if work.data == "images" and images is not None:
        if len(images[0]) < work.rows:
            raise SystemExit(f"expected {work.rows} images, found {len(images[0])}")
        x, y = images[0][: work.rows], images[1][: work.rows]
    else:
        x, y = _DRAWN[work.data](work)
    trained = work.rows_trained
    if work.data == "table":
        prepared = StandardScaler().fit(x[:trained]).transform(x).astype(np.float32)
    elif work.data == "images":
        prepared = (x / np.float32(255)).reshape(len(x), *work.shape)
    else:
        channels = x.shape[-1]
        scaler = StandardScaler().fit(x[:trained].reshape(-1, channels))
        prepared = scaler.transform(x.reshape(-1, channels)).reshape(x.shape)
    if work.data == "images":
        x = x.reshape(len(x), *sample_shape(work))
    np.savez(
        path,
        x=x,
        y=y,
        x_train=prepared[:trained],
        y_train=y[:trained],
        x_held=prepared[trained:],
        y_held=y[trained:],
    )


def sample_shape(work: Work) -> tuple[int, ...]:
    """Return the shape of a row as gengap gets it: images whole, as bytes."""
    return (28, 28) if work.data == "images" and len(work.shape) == 1 else work.shape


def read_images(path: Path) -> Rows:
    """Read MNIST's training images and labels.

    Parameters
    ----------
    path : Path
        An ``.npz`` file with ``x_train`` and ``y_train``, or a folder with the IDX files, packed
        by gzip or not.
    """
    if path.is_dir():
        return _read_idx(path, "train-images-idx3-ubyte"), _read_idx(
            path, "train-labels-idx1-ubyte"
        )
    with np.load(path) as found:
        images, labels = found["x_train"], found["y_train"]
    if images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise SystemExit(
            f"{path}: expected images of 28 x 28 bytes, found {images.dtype} {images.shape[1:]}"
        )
    return images, labels


def _read_idx(folder: Path, name: str) -> np.ndarray:
    packed = folder / f"{name}.gz"
    content = (
        gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    )
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _table(work: Work) -> Rows:
    informative = work.shape[0] // 2 + 1
    return make_classification(
        work.rows,
        work.shape[0],
        n_informative=informative,
        n_redundant=2,
        flip_y=0.2,
        random_state=0,
    )


def _images(work: Work) -> Rows:
    """Draw blurred strokes of ten kinds, shifted and noisy, mostly black as MNIST's are."""
    generator = np.random.default_rng(0)
    kinds = generator.standard_normal((work.classes, 28, 28)).astype(np.float32)
    for _ in range(6):
        for axis in (1, 2):
            kinds = (kinds + np.roll(kinds, 1, axis) + np.roll(kinds, -1, axis)) / 3
    kinds = np.where(kinds > np.quantile(kinds, 0.8, axis=(1, 2), keepdims=True), 1, 0)
    y = generator.integers(0, work.classes, work.rows).astype(np.uint8)
    shifts = generator.integers(-3, 4, (work.rows, 2))
    images = np.stack(
        [np.roll(kinds[label], shift, (0, 1)) for label, shift in zip(y, shifts, strict=True)]
    )
    kept = generator.random(images.shape, dtype=np.float32) < 0.6
    specks = generator.random(images.shape, dtype=np.float32) < 0.05
    light = generator.integers(64, 256, images.shape, dtype=np.uint8)
    return np.where(images * kept + specks > 0, light, 0).astype(np.uint8), y


def _series(work: Work) -> Rows:
    """Draw waves whose pitch is the class, in noise, each channel with a phase of its own."""
    generator = np.random.default_rng(0)
    steps, channels = work.shape
    y = generator.integers(0, work.classes, work.rows)
    phase = generator.uniform(0, 2 * np.pi, (work.rows, 1, channels))
    time = np.arange(steps).reshape(1, steps, 1)
    waves = np.sin(0.4 * (1 + y.reshape(-1, 1, 1)) * time + phase)
    x = waves + generator.normal(0, 0.5, (work.rows, steps, channels))
    return x.astype(np.float32), y


_DRAWN: dict[str, Callable[[Work], Rows]] = {
    "table": _table,
    "images": _images,
    "series": _series,
}
