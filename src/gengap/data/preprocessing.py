"""Imputation, scaling and one-hot encoding, fitted on one fold's training rows.

Equal to scikit-learn's ``ColumnTransformer`` of ``SimpleImputer(strategy="median")`` with
``StandardScaler`` and ``OneHotEncoder(handle_unknown="ignore")`` fitted on the same rows; a column
or level that these rows never saw is zero.

``docs/preprocess.md`` says what ``preprocess.json`` holds and how rows are prepared by it alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from gengap.data.cells import MISSING, NO, YES
from gengap.data.dataset import Column, Dataset, Task
from gengap.data.encoding import Encoded, layout, one_hot
from gengap.data.prediction import parse_like
from gengap.errors import UserError

__all__ = ["Preprocessing", "fit_preprocessing", "fold_arrays"]

_SCHEMA = 1
# So many cells (16 MiB) are looked at together, or one column where its rows are more.
_TOGETHER = 2**21


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Fitted on the training rows of a fold; all numbers in the columns' own units.

    Attributes
    ----------
    columns : tuple of Column
    fill, shift, scale, keep : ndarray of float64 (width,)
        Numbers: (value or fill - shift) / scale * keep. One-hot columns: fill 0, shift 0, scale 1.
    target_name : str
    task : {"classification", "regression"}
    classes : tuple of str
    target_shift, target_scale : float
        Mean and standard deviation of the target; 0 and 1 for classification.
    shape : tuple of int, optional
        Shape of one row of a tensor; None for tables.
    """

    columns: tuple[Column, ...]
    fill: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    keep: np.ndarray
    target_name: str
    task: Task
    classes: tuple[str, ...]
    target_shift: float = 0.0
    target_scale: float = 1.0
    shape: tuple[int, ...] | None = None

    @property
    def width(self) -> int:
        """How many encoded columns there are (0 for tensors)."""
        return len(self.fill)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        return layout(self.columns)[0]

    def transform(self, rows: Any) -> np.ndarray:
        """Prepare rows as they come for the network.

        Parameters
        ----------
        rows : DataFrame, array, str or path
            With the columns of the training table, by name; those of an array go by position.
            Columns that the network does not know are ignored.

        Returns
        -------
        ndarray
            float32 (n, width), or a tensor as it is.

        Raises
        ------
        UserError
            Where rows lack columns, hold something else than in training, or have another shape.

        Examples
        --------
        >>> from gengap.data.dataset import Column
        >>> one, two = np.ones(1), np.full(1, 2.0)
        >>> columns = (Column("a", "numeric"),)
        >>> fitted = Preprocessing(columns, one, one, two, one, "y", "regression", ())
        >>> fitted.transform([[5.0], [None]]).tolist()
        [[2.0], [0.0]]
        """
        return self.transform_features(parse_like(self.columns, rows, shape=self.shape)[0])

    def transform_features(self, features: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Prepare rows that were read already: booleans and dates are numbers, words are clean.

        Parameters
        ----------
        features : DataFrame (n, columns) or ndarray (n, ...)
            As in `Part.features`.

        Returns
        -------
        ndarray
            As `transform` returns it.

        Raises
        ------
        UserError
            ``not-read``, for anything else.
        """
        self._check_read(features)
        if not isinstance(features, pd.DataFrame):
            return features
        source = layout(self.columns)[1]
        encoded = np.zeros((len(features), self.width))
        for place, column in enumerate(self.columns):
            at = np.flatnonzero(source == place)
            cells = features[column.name].to_numpy()
            if column.kind == "categorical":
                rows, hits = one_hot(column, cells)
                encoded[rows, at[0] + hits] = 1.0
            else:
                encoded[:, at[0]] = cells.astype(np.float64)
        filled = np.where(np.isnan(encoded), self.fill, encoded)
        limit = np.finfo(np.float32).max
        return np.clip((filled - self.shift) / self.scale * self.keep, -limit, limit).astype(
            np.float32
        )

    def _check_read(self, features: Any) -> None:
        """Refuse what was not read as the training rows were: it would be prepared wrongly."""
        if self.shape is not None:
            fits = isinstance(features, np.ndarray) and features.shape[1:] == self.shape
        else:
            fits = isinstance(features, pd.DataFrame) and all(
                column.name in features
                and features[column.name].dtype
                == (object if column.kind == "categorical" else np.float64)
                for column in self.columns
            )
        if not fits:
            raise UserError(
                "not-read",
                "these are no rows that were read as the training rows were",
                "predict(rows) and preprocessing.transform(rows) take rows as they come",
            )

    def to_json(self) -> str:
        """Return the text of preprocess.json (docs/preprocess.md says what it holds)."""
        columns: list[dict[str, Any]] = []
        for column in self.columns:
            entry: dict[str, Any] = {"name": column.name, "kind": column.kind}
            if column.kind == "categorical":
                entry |= {"levels": list(column.levels), "has_missing_level": column.missing > 0}
            columns.append(entry)
        names, source, levels = layout(self.columns)
        encoded: list[dict[str, Any]] = []
        for place, name in enumerate(names):
            column = self.columns[source[place]]
            entry = {"name": name, "column": column.name}
            if column.kind == "categorical":
                entry["level"] = levels[place]
            else:
                entry |= {
                    "fill": float(self.fill[place]),
                    "shift": float(self.shift[place]),
                    "scale": float(self.scale[place]),
                }
            encoded.append(entry | {"keep": int(self.keep[place])})
        document = {
            "schema": _SCHEMA,
            "kind": "table" if self.shape is None else "tensor",
            "shape": None if self.shape is None else list(self.shape),
            "words": {"missing": sorted(MISSING), "yes": sorted(YES), "no": sorted(NO)},
            "columns": columns,
            "encoded": encoded,
            "target": {
                "name": self.target_name,
                "task": self.task,
                "classes": list(self.classes),
                "shift": self.target_shift,
                "scale": self.target_scale,
            },
        }
        return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote.

        Raises
        ------
        UserError
            ``not-preprocessing``.
        """
        try:
            document = json.loads(text)
            columns = tuple(
                Column(
                    entry["name"],
                    entry["kind"],
                    tuple(entry.get("levels", ())),
                    int(entry.get("has_missing_level", False)),
                )
                for entry in document["columns"]
            )
            encoded, target = document["encoded"], document["target"]
            shape = document["shape"]
            return cls(
                columns=columns,
                fill=np.array([entry.get("fill", 0.0) for entry in encoded], dtype=np.float64),
                shift=np.array([entry.get("shift", 0.0) for entry in encoded], dtype=np.float64),
                scale=np.array([entry.get("scale", 1.0) for entry in encoded], dtype=np.float64),
                keep=np.array([entry["keep"] for entry in encoded], dtype=np.float64),
                target_name=target["name"],
                task=target["task"],
                classes=tuple(target["classes"]),
                target_shift=target["shift"],
                target_scale=target["scale"],
                shape=None if shape is None else tuple(shape),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                "not-preprocessing",
                f"this is no preprocess.json that gengap wrote: {error}",
                "name a run folder as gengap compare writes it",
            ) from error


def fit_preprocessing(dataset: Dataset, encoded: Encoded, rows: np.ndarray) -> Preprocessing:
    """Fit medians, means, scales and known levels on the given rows.

    Parameters
    ----------
    dataset : Dataset
    encoded : Encoded
        Of the dataset's rows.
    rows : ndarray of int
        Training rows of a fold.

    Returns
    -------
    Preprocessing
    """
    features, target = dataset.rows.features, dataset.rows.target[rows]
    shift, scale = 0.0, 1.0
    if dataset.task == "regression":
        scaler = StandardScaler().fit(target.reshape(-1, 1))
        shift, scale = float(scaler.mean_[0]), float(scaler.scale_[0])
    tensor = not isinstance(features, pd.DataFrame)
    fill, mean, deviation, keep = _statistics(dataset.columns, features, encoded, rows)
    return Preprocessing(
        columns=dataset.columns,
        fill=fill,
        shift=mean,
        scale=deviation,
        keep=keep,
        target_name=dataset.target_name,
        task=dataset.task,
        classes=dataset.classes,
        target_shift=shift,
        target_scale=scale,
        shape=tuple(features.shape[1:]) if tensor else None,
    )


def fold_arrays(preprocessing: Preprocessing, encoded: Encoded) -> dict[str, np.ndarray]:
    """Return a fold's record for the device, in the units of the encoded values.

    ``x = (where(isnan(e), fill, e) - shift) / scale * keep`` of `encoded.values` equals
    `Preprocessing.transform_features` of the features.

    Parameters
    ----------
    preprocessing : Preprocessing
    encoded : Encoded

    Returns
    -------
    dict
        fill, shift, scale, keep: float32 (width,).
    """
    # A scale below what 32 bits hold would divide by zero.
    smallest = float(np.finfo(np.float32).tiny)
    scale = np.maximum(preprocessing.scale / encoded.unit, smallest)
    arrays = {
        "fill": (preprocessing.fill - encoded.offset) / encoded.unit,
        "shift": (preprocessing.shift - encoded.offset) / encoded.unit,
        "scale": scale,
        "keep": preprocessing.keep,
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _statistics(
    columns: tuple[Column, ...],
    features: pd.DataFrame | np.ndarray,
    encoded: Encoded,
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    width = encoded.width
    fill, shift, scale, keep = np.zeros(width), np.zeros(width), np.ones(width), np.ones(width)
    if not isinstance(features, pd.DataFrame):
        return fill, shift, scale, keep
    levels = np.flatnonzero(~encoded.is_numeric)
    keep[levels] = _seen(encoded.values, rows, levels)
    numeric = [column.name for column in columns if column.kind != "categorical"]
    places = np.flatnonzero(encoded.is_numeric)
    step = max(1, _TOGETHER // max(1, len(rows)))
    for start in range(0, len(numeric), step):
        names, at = numeric[start : start + step], places[start : start + step]
        # A column is a line of memory, as it is in a table that scikit-learn is given: it then
        # adds the rows up in the same order, to the last bit.
        lines = np.stack([features[name].to_numpy()[rows] for name in names])
        fill[at], keep[at] = zip(*map(_fill_in, lines), strict=True)
        scaler = StandardScaler().fit(lines.T)
        shift[at], scale[at] = scaler.mean_, scaler.scale_
    return fill, shift, scale, keep


def _seen(values: np.ndarray, rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Say which of the columns `at` are not 0 in all rows."""
    seen = np.zeros(len(at), dtype=bool)
    step = max(1, _TOGETHER // max(1, len(at)))
    for start in range(0, len(rows), step):
        seen |= values[np.ix_(rows[start : start + step], at)].any(axis=0)
    return seen


def _fill_in(line: np.ndarray) -> tuple[float, bool]:
    """Fill missing numbers in, in place; return with what, and whether any was there."""
    missing = np.isnan(line)
    if missing.all():
        line[:] = 0.0
        return 0.0, False
    median = float(np.median(line[~missing] if missing.any() else line))
    line[missing] = median
    return median, True
