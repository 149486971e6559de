"""A hash of everything in a dataset that determines a result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.dataset import Column, Dataset, OneInput, Part

__all__ = ["fingerprint"]


def fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256 of columns, values, targets, weights, groups and test part (64 digits).

    Name, source and notes are left out: the same data from another file is the same data.

    Parameters
    ----------
    dataset : Dataset
    """
    digest = hashlib.sha256()
    schema: list[Any] = [dataset.task, dataset.target_name, dataset.classes]
    schema.append(_schema(dataset.columns))
    if dataset.inputs:
        # The same in whatever order they were given.
        schema[-1] = [[name, _schema(own)] for name, own in sorted(dataset.inputs.items())]
    if dataset.outputs:
        told = [(one.name, one.task, one.classes) for one in dataset.outputs]
        schema.append(sorted(told))
    digest.update(json.dumps(schema, ensure_ascii=False).encode())
    for part in (dataset.rows, dataset.test):
        digest.update(b"part" if part is not None else b"none")
        if part is not None:
            _add_part(digest, part)
    return digest.hexdigest()


def _schema(columns: tuple[Column, ...]) -> list[Any]:
    return [(column.name, column.kind, column.levels) for column in columns]


def _add_part(digest: hashlib._Hash, part: Part) -> None:
    if isinstance(part.features, Mapping):
        for name in sorted(part.features):
            _add_input(digest, part.features[name])
    else:
        _add_input(digest, part.features)
    for array in (part.target, part.weights, part.groups):
        digest.update(b"none" if array is None else b"array")
        if array is not None:
            _add_array(digest, array)
    for name in sorted(part.further):
        _add_array(digest, part.further[name])


def _add_input(digest: hashlib._Hash, features: OneInput) -> None:
    if isinstance(features, pd.DataFrame):
        for name in features.columns:
            _add_array(digest, features[name].to_numpy())
    else:
        _add_array(digest, features)


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
