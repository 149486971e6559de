"""Imputation, scaling and one-hot encoding, fitted on one fold's training rows.

Equal to scikit-learn's ``ColumnTransformer`` of ``SimpleImputer(strategy="median")`` with
``StandardScaler`` and ``OneHotEncoder(handle_unknown="ignore")`` fitted on the same rows; a column
or level that these rows never saw is zero (`gengap.data.text` says what texts are). The channels of
sequences are scaled as by a ``StandardScaler`` fitted on the steps of the same rows. Images of
bytes are divided by 255; others are as they are. Where the network prepares its inputs itself,
numbers are neither centered nor scaled (`Encoded.as_given`).

``docs/preprocess.md`` says what ``preprocess.json`` holds and how rows are prepared by it alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from gengap.data.dataset import Column, Dataset, OneInput, Task
from gengap.data.encoding import Encoded, layout, one_hot
from gengap.data.fitted_outputs import FittedOutput, fit_outputs, scaling_of
from gengap.data.prediction import parse_like
from gengap.data.preprocess_file import from_json, to_json
from gengap.data.row_form import RowForm
from gengap.data.text import inverse_frequency, term_shares
from gengap.errors import UserError

__all__ = ["Preprocessing", "fit_preprocessing", "fold_arrays"]

# So many cells (16 MiB) are looked at together, or one column where its rows are more.
_TOGETHER = 2**21


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Fitted on the training rows of a fold; all numbers in the columns' own units.

    Attributes
    ----------
    columns : tuple of Column
    fill, shift, scale, keep : ndarray of float64 (width,)
        Numbers: (value or fill - shift) / scale * keep. One-hot columns: fill 0, shift 0, scale 1;
        terms of texts likewise, but a scale of 1 / (the weight of the term).
        Of sequences shift and scale (channels,) alone, of images none.
    target_name : str
    task : {"classification", "regression"}
    classes : tuple of str
    target_shift, target_scale : float
        Mean and standard deviation of the target; 0 and 1 for classification.
    form : RowForm, optional
        Of images and sequences; None for tables.
    outputs : tuple of FittedOutput
        Every one of several outputs, in the order of the network's; empty where there is one. The
        target is that of the one that decides.
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
    form: RowForm | None = None
    outputs: tuple[FittedOutput, ...] = ()

    @property
    def width(self) -> int:
        """How many encoded columns there are (0 for images and sequences)."""
        return len(self.fill)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        return layout(self.columns)[0]

    def parse(self, rows: Any) -> tuple[OneInput, tuple[str, ...]]:
        """Read rows as they come, as those of the training were read.

        Parameters
        ----------
        rows : DataFrame, array, str or path

        Returns
        -------
        features : DataFrame (n, columns) or ndarray (n, ...)
            What `transform_features` takes.
        notes : tuple of str
            Columns that were ignored, words that training did not know.
        """
        return parse_like(self.columns, rows, form=self.form)

    def transform(self, rows: Any) -> np.ndarray:
        """Prepare rows as they come for the network.

        Parameters
        ----------
        rows : DataFrame, array, str or path
            With the columns of the training table, by name; those of an array go by position.
            Columns that the network does not know are ignored.

        Returns
        -------
        ndarray of float32 (n, width) or (n, ...)

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
        return self.transform_features(self.parse(rows)[0])

    def transform_features(self, features: OneInput) -> np.ndarray:
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
            return self._transform_tensor(features)
        source = layout(self.columns)[1]
        encoded = np.zeros((len(features), self.width))
        for place, column in enumerate(self.columns):
            at = np.flatnonzero(source == place)
            cells = features[column.name].to_numpy()
            if column.kind == "categorical":
                rows, hits = one_hot(column, cells)
                encoded[rows, at[0] + hits] = 1.0
            elif column.kind == "text":
                encoded[:, at] = term_shares(column.levels, cells)
            else:
                encoded[:, at[0]] = cells.astype(np.float64)
        filled = np.where(np.isnan(encoded), self.fill, encoded)
        return _in_32_bits((filled - self.shift) / self.scale * self.keep)

    def _transform_tensor(self, features: np.ndarray) -> np.ndarray:
        assert self.form is not None
        if self.form.modality == "sequence":
            prepared = _in_32_bits((features - self.shift) / self.scale)
            if self.form.padding is not None:
                prepared[np.isnan(prepared)] = self.form.padding
            return prepared
        images = features.reshape(len(features), *self.form.shape)
        return images.astype(np.float32) / np.float32(self.form.divisor)

    def _check_read(self, features: Any) -> None:
        """Refuse what was not read as the training rows were: it would be prepared wrongly."""
        if self.form is not None:
            fits = isinstance(features, np.ndarray) and _has_form(features, self.form)
        else:
            fits = isinstance(features, pd.DataFrame) and all(
                column.name in features
                and features[column.name].dtype == (object if column.in_words else np.float64)
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
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote.

        Raises
        ------
        UserError
            ``not-preprocessing``.
        """
        return cls(**from_json(text))


def _has_form(features: np.ndarray, form: RowForm) -> bool:
    shape = features.shape[1:]
    if form.modality == "sequence":
        return shape == form.shape and (form.padding is not None or not np.isnan(features).any())
    # A network without a channel axis still reads grey images with one.
    shapes = (form.shape, (*form.shape, 1))
    return shape in shapes and (features.dtype == np.uint8) == (form.pixels == "bytes")


def _in_32_bits(values: np.ndarray) -> np.ndarray:
    limit = np.finfo(np.float32).max
    return np.clip(values, -limit, limit).astype(np.float32)


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
    features, target = dataset.rows.alone, dataset.rows.target[rows]
    shift, scale = 0.0, 1.0
    if dataset.task == "regression":
        shift, scale = scaling_of(target)
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
        form=encoded.form,
        outputs=fit_outputs(dataset, rows),
    )


def fold_arrays(preprocessing: Preprocessing, encoded: Encoded) -> dict[str, np.ndarray]:
    """Return a fold's record for the device, in the units of the encoded values.

    ``x = (where(isnan(e), fill, e) - shift) / scale * keep`` of `encoded.values` equals
    `Preprocessing.transform_features` of the features; of sequences, ``padding`` then takes the
    place of what is NaN.

    Parameters
    ----------
    preprocessing : Preprocessing
    encoded : Encoded

    Returns
    -------
    dict
        fill, shift, scale, keep: float32 (width,). Of sequences shift and scale (channels,), and
        padding () where there is some; of images scale () where they are divided.
    """
    form = preprocessing.form
    if form is not None and form.modality == "image":
        return {} if form.divisor == 1 else {"scale": np.asarray(form.divisor, np.float32)}
    # A scale below what 32 bits hold would divide by zero.
    smallest = float(np.finfo(np.float32).tiny)
    arrays = {
        "shift": (preprocessing.shift - encoded.offset) / encoded.unit,
        "scale": np.maximum(preprocessing.scale / encoded.unit, smallest),
    }
    if form is None:
        arrays["fill"] = (preprocessing.fill - encoded.offset) / encoded.unit
        arrays["keep"] = preprocessing.keep
    elif form.padding is not None:
        arrays["padding"] = np.asarray(form.padding)
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
        if features.ndim == 3 and encoded.as_given:
            shift, scale = np.zeros(features.shape[-1]), np.ones(features.shape[-1])
        elif features.ndim == 3:
            # It passes over the steps that are none: they are NaN.
            scaler = StandardScaler().fit(features[rows].reshape(-1, features.shape[-1]))
            shift, scale = scaler.mean_, scaler.scale_
        return fill, shift, scale, keep
    levels = np.flatnonzero(~encoded.is_numeric)
    keep[levels] = _seen(encoded.values, rows, levels)
    for place, column in enumerate(columns):
        if column.kind == "text":
            at = np.flatnonzero(encoded.source == place)
            scale[at] = 1 / inverse_frequency(encoded.values[np.ix_(rows, at)])
    numeric = [column.name for column in columns if not column.in_words]
    places = np.flatnonzero(encoded.is_numeric)
    step = max(1, _TOGETHER // max(1, len(rows)))
    for start in range(0, len(numeric), step):
        names, at = numeric[start : start + step], places[start : start + step]
        # A column is a line of memory, as it is in a table that scikit-learn is given: it then
        # adds the rows up in the same order, to the last bit.
        lines = np.stack([features[name].to_numpy()[rows] for name in names])
        fill[at], keep[at] = zip(*map(_fill_in, lines), strict=True)
        if encoded.as_given:
            continue
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
