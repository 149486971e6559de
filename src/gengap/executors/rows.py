"""A Dataset as files that another process maps into its memory, and back.

Numbers are one array, a column a row of it; the words of a categorical column are codes and a list.
Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.cells import Words
from gengap.data.columns import table_of
from gengap.data.dataset import Column, Columns, Dataset, OneInput, Output, Part

__all__ = ["read_dataset", "write_dataset"]

_DOCUMENT = "dataset.json"
_LINES = ("target", "weights", "groups")


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Write a dataset into an empty folder.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
    """
    record = {
        field.name: getattr(dataset, field.name)
        for field in dataclasses.fields(dataset)
        if field.name not in ("rows", "test", "columns", "inputs", "outputs")
    }
    record["outputs"] = [dataclasses.asdict(output) for output in dataset.outputs]
    record["further"] = list(dataset.rows.further)
    record["columns"] = _columns(dataset.columns)
    parts = {"rows": dataset.rows, "test": dataset.test}
    given = {name: part for name, part in parts.items() if part is not None}
    inputs = dataset.by_input() or {"": dataset}
    record["inputs"] = [[name, _columns(one.columns)] for name, one in inputs.items() if name]
    # Files of inputs are numbered: a name need not be one of a file.
    record["words"] = {
        name: [
            _write_features(getattr(one, name).alone, one.columns, folder, f"{name}-{number}")
            for number, one in enumerate(inputs.values())
        ]
        for name in given
    }
    for name, part in given.items():
        _write_lines(part, folder, name)
    (folder / _DOCUMENT).write_text(json.dumps(record), encoding="ascii")


def read_dataset(folder: Path) -> Dataset:
    """Read what `write_dataset` wrote; the arrays stay in the files and cannot be written.

    Parameters
    ----------
    folder : Path
    """
    record = json.loads((folder / _DOCUMENT).read_text(encoding="ascii"))
    words, further = record.pop("words"), record.pop("further")
    columns = _read_columns(record["columns"])
    inputs = {name: _read_columns(own) for name, own in record["inputs"]}
    parts = {name: _read_part(inputs or columns, words[name], folder, name) for name in words}
    lists = {name: tuple(record[name]) for name in ("classes", "notes")}
    lists["outputs"] = tuple(_read_output(one) for one in record["outputs"])
    parts["rows"] = dataclasses.replace(
        parts["rows"],
        further={
            name: _mapped(folder / f"rows-further-{number}.npy")
            for number, name in enumerate(further)
        },
    )
    return Dataset(
        **{**record, **lists, "columns": columns, "inputs": inputs, "test": None, **parts}
    )


def _columns(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(column) for column in columns]


def _read_columns(record: list[dict[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column(**{**column, "levels": tuple(column["levels"])}) for column in record)


def _write_lines(part: Part, folder: Path, name: str) -> None:
    for line in _LINES:
        values = getattr(part, line)
        if values is not None:
            np.save(folder / f"{name}-{line}.npy", values, allow_pickle=False)
    # Files of outputs are numbered, as those of inputs are.
    for number, values in enumerate(part.further.values()):
        np.save(folder / f"{name}-further-{number}.npy", values, allow_pickle=False)


def _read_output(record: dict[str, Any]) -> Output:
    return Output(**{**record, "classes": tuple(record["classes"])})


def _write_features(
    features: OneInput, columns: tuple[Column, ...], folder: Path, name: str
) -> list[list[str]]:
    if not isinstance(features, pd.DataFrame):
        np.save(folder / f"{name}-tensor.npy", features, allow_pickle=False)
        return []
    numeric = [column.name for column in columns if not column.in_words]
    other = [column.name for column in columns if column.in_words]
    if numeric:
        numbers = _new(folder / f"{name}-numbers.npy", np.float64, (len(numeric), len(features)))
        for row, column in zip(numbers, numeric, strict=True):
            row[:] = features[column].to_numpy()
    words = []
    if other:
        codes = _new(folder / f"{name}-codes.npy", np.int32, (len(other), len(features)))
        for row, column in zip(codes, other, strict=True):
            row[:], found = pd.factorize(features[column].to_numpy(dtype=object))
            words.append(list(found))
    return words


def _read_part(columns: Columns, words: list[list[list[str]]], folder: Path, name: str) -> Part:
    lines = {line: folder / f"{name}-{line}.npy" for line in _LINES}
    given: dict[str, Any] = {line: _mapped(path) for line, path in lines.items() if path.exists()}
    if not isinstance(columns, Mapping):
        return Part(_read_features(columns, words[0], folder, f"{name}-0"), **given)
    features = {
        one: _read_features(own, words[number], folder, f"{name}-{number}")
        for number, (one, own) in enumerate(columns.items())
    }
    return Part(features, **given)


def _read_features(
    columns: tuple[Column, ...], words: list[list[str]], folder: Path, name: str
) -> OneInput:
    if not columns:
        return _mapped(folder / f"{name}-tensor.npy")
    values: dict[str, np.ndarray] = {}
    kinds = {column.in_words for column in columns}
    numbers = iter(_mapped(folder / f"{name}-numbers.npy") if False in kinds else ())
    codes = iter(_mapped(folder / f"{name}-codes.npy") if True in kinds else ())
    listed = iter(words)
    for column in columns:
        if column.in_words:
            found = tuple(next(listed))
            values[column.name] = Words(next(codes), found).spread(found, None, object)
        else:
            values[column.name] = next(numbers)
    rows = len(next(iter(values.values())))
    return table_of(values, rows, copy=False)


def _new(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _mapped(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
