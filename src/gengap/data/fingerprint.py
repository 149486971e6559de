"""A hash of everything in a dataset that determines a result."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from gengap.data.dataset import Dataset, Part

__all__ = ["fingerprint"]


def fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256 of columns, values, target, weights, groups and test part (64 digits).

    Name, source and notes are left out: the same data from another file is the same data.

    Parameters
    ----------
    dataset : Dataset
    """
    digest = hashlib.sha256()
    columns = [(column.name, column.kind, column.levels) for column in dataset.columns]
    schema = [dataset.task, dataset.target_name, dataset.classes, columns]
    digest.update(json.dumps(schema, ensure_ascii=False).encode())
    for part in (dataset.rows, dataset.test):
        digest.update(b"part" if part is not None else b"none")
        if part is not None:
            _add_part(digest, part)
    return digest.hexdigest()


def _add_part(digest: hashlib._Hash, part: Part) -> None:
    if isinstance(part.features, pd.DataFrame):
        for name in part.features.columns:
            _add_array(digest, part.features[name].to_numpy())
    else:
        _add_array(digest, part.features)
    for array in (part.target, part.weights, part.groups):
        digest.update(b"none" if array is None else b"array")
        if array is not None:
            _add_array(digest, array)


def _add_array(digest: hashlib._Hash, array: np.ndarray) -> None:
    if array.dtype == object:
        codes, words = pd.factorize(array)
        digest.update(json.dumps(list(words), ensure_ascii=False).encode())
        array = codes
    elif array.dtype.kind == "f":
        # One zero and one NaN, so that equal values have equal bytes.
        array = np.where(np.isnan(array), np.nan, array + 0.0).astype(array.dtype)
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
