"""The record that every input becomes: typed columns, a target, and what belongs to the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from gengap.statistics.metrics import Task

__all__ = ["IN_MEMORY", "Column", "ColumnKind", "Dataset", "Modality", "Part", "Task"]

ColumnKind = Literal["numeric", "boolean", "date", "categorical", "text"]
Modality = Literal["table", "image", "sequence"]

#: What a dataset calls its source where the data were in memory.
IN_MEMORY = ("arrays", "table")


@dataclass(frozen=True)
class Column:
    """One input column.

    Attributes
    ----------
    name : str
        The name as the user wrote it.
    kind : {"numeric", "boolean", "date", "categorical", "text"}
        Numeric, boolean (0 or 1) and date (days since 1970) columns are float64 in
        `Part.features`, with NaN for missing; categorical ones and texts hold str, with None for
        missing.
    levels : tuple of str
        The sorted levels of a categorical column in the whole table (missing is not among them);
        the sorted terms of texts that become inputs (`gengap.data.text`).
    missing : int
        How many of the rows have no value.
    """

    name: str
    kind: ColumnKind
    levels: tuple[str, ...] = ()
    missing: int = 0

    @property
    def in_words(self) -> bool:
        """Whether its cells hold str, not numbers."""
        return self.kind in ("categorical", "text")


@dataclass(frozen=True, eq=False)
class Part:
    """Rows with known targets.

    Attributes
    ----------
    features : DataFrame (n, columns), or ndarray (n, ...) with three or more axes
        The inputs: a parsed table; images (n, height, width, channels), bytes or numbers; or
        sequences (n, steps, channels), whose steps after the last one hold NaN.
    target : ndarray (n,)
        Class codes (int64) for classification, values in their own unit (float64) for regression.
    weights : ndarray (n,), optional
        A weight a row, used in the loss only.
    groups : ndarray (n,), optional
        Codes of rows that must stay on one side of every split.
    """

    features: pd.DataFrame | np.ndarray
    target: np.ndarray
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a study learns from.

    Attributes
    ----------
    name : str
        A short name for headings and run folders (``"winequality-red"``).
    source : str
        What the user gave: a path, ``sklearn:NAME``, or one of `IN_MEMORY`.
    task : {"classification", "regression"}
    target_name : str
    classes : tuple of str
        Names of the classes in the order of their codes; empty for regression.
    columns : tuple of Column
        Empty for images and sequences.
    rows : Part
        The rows that the folds are made of.
    test : Part, optional
        A test part that stays out of the folds and is scored once.
    notes : tuple of str
        What was decided on the way and the user may want otherwise.
    fingerprint : str
        SHA-256 of everything above that determines a result.
    """

    name: str
    source: str
    task: Task
    target_name: str
    classes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Part
    test: Part | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = field(default="", repr=False)

    @property
    def modality(self) -> Modality:
        """What one row is: the values of a table, a sequence (T, C), or an image (H, W, C)."""
        features = self.rows.features
        axes = 2 if isinstance(features, pd.DataFrame) else features.ndim
        return "table" if axes == 2 else "sequence" if axes == 3 else "image"

    @property
    def file(self) -> str | None:
        """The file or the named set that it was read from; None for what was in memory."""
        return None if self.source in IN_MEMORY else self.source
