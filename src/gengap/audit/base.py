"""What a check is, and what it may look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from gengap.audit.duplicates import Copies, Policy, copies_policy, find_copies, joint_groups
from gengap.data.dataset import Dataset
from gengap.data.several import as_one_table
from gengap.results import Finding
from gengap.wording import listed

__all__ = [
    "SEVERITIES",
    "Check",
    "Severity",
    "Subject",
    "name_columns",
    "percent",
]

Severity = Literal["refuse", "warn", "note"]
SEVERITIES: tuple[Severity, ...] = ("refuse", "warn", "note")


@dataclass(frozen=True, eq=False)
class Subject:
    """What a check may look at: the data and the protocol, before anything is trained.

    Attributes
    ----------
    dataset : Dataset
        As loaded: copies are still in it.
    folds : int
    duplicates : {"group", "keep", "drop"}, optional
        What the user wants done with equal rows; None leaves it to the table.
    metric : str, optional
        The metric that decides; None for the default.
    weighted : bool
        Whether classes weigh by their rarity in the loss.
    """

    dataset: Dataset
    folds: int = 10
    duplicates: Policy | None = None
    metric: str | None = None
    weighted: bool = False

    @property
    def classification(self) -> bool:
        """Whether the target has classes."""
        return self.dataset.task == "classification"

    @property
    def target(self) -> np.ndarray:
        """The target of every row, shape (n,)."""
        return self.dataset.rows.target

    @cached_property
    def table(self) -> pd.DataFrame | None:
        """The features of every row, or None where they are tensors.

        Of several inputs the tables among them beside each other, with the columns' names of
        `gengap.data.dataset.Dataset.columns`.
        """
        features = self.dataset.rows.features
        if isinstance(features, Mapping):
            return as_one_table(features)
        return features if isinstance(features, pd.DataFrame) else None

    @cached_property
    def copies(self) -> Copies:
        """Which rows are equal."""
        return find_copies(self.dataset)

    @cached_property
    def policy(self) -> Policy:
        """What is done with equal rows."""
        return copies_policy(self.dataset, self.duplicates, copies=self.copies)

    @cached_property
    def kept(self) -> np.ndarray:
        """Indices of the rows that the folds are made of: without copies where they are dropped."""
        return self.copies.first if self.policy == "drop" else np.arange(len(self.target))

    @cached_property
    def class_counts(self) -> np.ndarray:
        """Kept rows of each class, shape (classes,); empty for regression."""
        if not self.classification:
            return np.zeros(0, np.int64)
        return np.bincount(self.target[self.kept], minlength=len(self.dataset.classes))

    @cached_property
    def units(self) -> int:
        """How many sets of rows can be put on one side of a split independently of each other."""
        groups = self.dataset.rows.groups
        if self.policy == "group":
            return len(np.unique(joint_groups(groups, self.copies.by_features)))
        return len(self.kept) if groups is None else len(np.unique(groups[self.kept]))


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong with data, target or protocol.

    Attributes
    ----------
    code : str
        Stable: results, ``--allow`` and the documentation name it.
    severity : {"refuse", "warn", "note"}
        A refusing finding ends a study before training, unless its code is allowed.
    title : str
        What it is about, in a few words.
    why : str
        Why it matters.
    action : str
        What to do, naming options of the command line.
    run : callable
        ``(subject) -> iterator of str``: what was seen, with the evidence, in clauses without a
        full stop; nothing where all is well.
    final : bool
        Whether a study could not go on with it even if the user let it pass.
    advise : callable, optional
        ``(subject) -> str``: what to do where it hangs on the options that were given; `action`
        is then said where none were.
    """

    code: str
    severity: Severity
    title: str
    why: str
    action: str
    run: Callable[[Subject], Iterator[str]]
    final: bool = False
    advise: Callable[[Subject], str] | None = None

    def findings(self, subject: Subject) -> tuple[Finding, ...]:
        """Run the check over a subject."""
        action = self.action if self.advise is None else self.advise(subject)
        return tuple(self.finding(message, action) for message in self.run(subject))

    def finding(self, message: str, action: str | None = None) -> Finding:
        """Return the finding of this check with `message`, made a sentence, as its evidence."""
        first = message.split(maxsplit=1)[0]
        # A sentence may begin with a name, such as e3.csv, which is not to be changed.
        start = first[0].upper() if first.replace("-", "").isalpha() else first[0]
        sentence = f"{start}{message[1:].removesuffix('.')}."
        return Finding(self.code, self.severity, sentence, self.why, action or self.action)


def name_columns(names: Sequence[str]) -> str:
    """Name at most five columns and count the others.

    Parameters
    ----------
    names : sequence of str
        At least one.

    Returns
    -------
    str

    Examples
    --------
    >>> name_columns(["age", "height"])
    "'age' and 'height'"
    >>> name_columns(list("abcdefgh"))
    "'a', 'b', 'c', 'd', 'e' and 3 more"
    """
    return listed([f"'{name}'" for name in names])


def percent(share: float) -> str:
    """Write a share as a percentage that reads 100 or 0 only where it is exactly that.

    Examples
    --------
    >>> percent(0.845), percent(0.99962), percent(1.0), percent(0.00001)
    ('84.5 %', '99.96 %', '100 %', '0.001 %')
    """
    if share in {0.0, 1.0}:
        return f"{100 * share:.0f} %"
    decimals = max(1, math.ceil(-math.log10(100 * min(share, 1 - share))))
    return f"{100 * share:.{decimals}f} %"
