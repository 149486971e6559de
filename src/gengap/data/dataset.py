"""The record that every input becomes: typed columns, a target, and what belongs to the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from gengap.statistics.metrics import Task

__all__ = [
    "IN_MEMORY",
    "Column",
    "ColumnKind",
    "Columns",
    "Dataset",
    "Features",
    "Modality",
    "OneInput",
    "Output",
    "Part",
    "Task",
]

ColumnKind = Literal["numeric", "boolean", "date", "categorical", "text"]
Modality = Literal["table", "image", "sequence"]

#: What one input of a network takes: a parsed table, images or sequences.
OneInput: TypeAlias = pd.DataFrame | np.ndarray
#: The same, or each of several inputs by its name.
Features: TypeAlias = OneInput | Mapping[str, OneInput]

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


#: Of one input, or of each of several by its name.
Columns: TypeAlias = tuple[Column, ...] | Mapping[str, tuple[Column, ...]]


@dataclass(frozen=True)
class Output:
    """What one of several outputs of a network predicts.

    Attributes
    ----------
    name : str
    task : {"classification", "regression"}
    classes : tuple of str
        In the order of their codes; empty for regression.
    """

    name: str
    task: Task
    classes: tuple[str, ...] = ()

    @property
    def class_count(self) -> int:
        """How many classes the network tells apart there: at least 2, or 0 for regression."""
        return max(2, len(self.classes)) if self.task == "classification" else 0


@dataclass(frozen=True, eq=False)
class Part:
    """Rows with known targets.

    Attributes
    ----------
    features : DataFrame (n, columns), or ndarray (n, ...) with three or more axes, or mapping
        The inputs: a parsed table; images (n, height, width, channels), bytes or numbers; or
        sequences (n, steps, channels), whose steps after the last one hold NaN. Of a network with
        several inputs one of these for each, by name.
    target : ndarray (n,)
        Class codes (int64) for classification, values in their own unit (float64) for regression.
    weights : ndarray (n,), optional
        A weight a row, used in the loss only.
    groups : ndarray (n,), optional
        Codes of rows that must stay on one side of every split.
    further : mapping of str to ndarray (n,)
        Targets of a network's other outputs, like `target`, by their names; empty where there is
        one output, and for a test part.
    """

    features: Features
    target: np.ndarray
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    further: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.target)

    @property
    def alone(self) -> OneInput:
        """The features of the one input that there is."""
        if isinstance(self.features, Mapping):
            raise TypeError(f"there are several inputs: {', '.join(self.features)}")
        return self.features

    def of_input(self, name: str) -> Part:
        """Return the same rows as one of several inputs takes them."""
        assert isinstance(self.features, Mapping)
        return replace(self, features=self.features[name])


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
        Empty for images and sequences. Of several inputs those of all tables among them, named
        ``INPUT.COLUMN``.
    rows : Part
        The rows that the folds are made of.
    test : Part, optional
        A test part that stays out of the folds and is scored once.
    notes : tuple of str
        What was decided on the way and the user may want otherwise.
    fingerprint : str
        SHA-256 of everything above that determines a result.
    inputs : mapping
        Name of each of several inputs -> its columns, under their own names; empty where there is
        one input.
    outputs : tuple of Output
        What each of several outputs predicts; empty where there is one. Of the one that decides,
        `target_name`, all that is said above: task, classes, target.
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
    inputs: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()

    def by_input(self) -> dict[str, Dataset]:
        """Return the dataset as each of several inputs sees it; empty where there is one input."""
        return {
            name: replace(
                self,
                columns=columns,
                inputs={},
                rows=self.rows.of_input(name),
                test=None if self.test is None else self.test.of_input(name),
            )
            for name, columns in self.inputs.items()
        }

    @property
    def deciding(self) -> str | None:
        """Which of several outputs decides; None where there is one."""
        return self.target_name if self.outputs else None

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What a row is to each of the inputs, see `modality`."""
        return tuple(one.modality for one in self.by_input().values()) or (self.modality,)

    @property
    def modality(self) -> Modality:
        """What one row is: the values of a table, a sequence (T, C), or an image (H, W, C)."""
        features = self.rows.alone
        axes = 2 if isinstance(features, pd.DataFrame) else features.ndim
        return "table" if axes == 2 else "sequence" if axes == 3 else "image"

    @property
    def file(self) -> str | None:
        """The file or the named set that it was read from; None for what was in memory."""
        return None if self.source in IN_MEMORY else self.source
