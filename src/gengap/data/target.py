"""The target: find the task, name the classes, and find the rows that have one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gengap.data.cells import distinct_words, to_numbers
from gengap.data.columns import check_finite
from gengap.data.dataset import Task
from gengap.errors import UserError, suggest

__all__ = ["Target", "check_task", "read_target", "read_test_target"]

# Whole numbers with more distinct values than this are a quantity, with fewer they are classes.
_MOST_NUMBERED_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Target:
    """A target as read.

    Attributes
    ----------
    name : str
    task : {"classification", "regression"}
    classes : tuple of str
        In the order of their codes; empty for regression.
    known : ndarray of bool (rows,)
        Which rows have a target.
    values : ndarray (known rows,)
        Class codes (int64), or numbers (float64).
    notes : tuple of str
    guessed : bool
        Whether its whole numbers could as well have been taken otherwise.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    known: np.ndarray
    values: np.ndarray
    notes: tuple[str, ...] = ()
    guessed: bool = False


def check_task(task: str | None) -> None:
    """Refuse a task that there is not."""
    if task not in (None, "classification", "regression"):
        raise UserError(
            "unknown-task",
            f"no task '{task}'",
            suggest(str(task), ("classification", "regression"), noun="tasks"),
        )


def read_target(name: str, series: pd.Series, *, task: Task | None = None) -> Target:
    """Read a target, and find out the task where it is not given.

    Words, booleans and categories are classes; numbers are classes if they are whole and have at
    most 20 distinct values, else a quantity. Classes are sorted, as numbers if all are numbers,
    in their own order if they are ordered categories, else as text. Nothing is refused for having
    too few classes: that is the audit's to say.

    Parameters
    ----------
    name : str
    series : Series (n,)
    task : {"classification", "regression"}, optional
        What the user says it is.

    Raises
    ------
    UserError
        ``words-as-regression-target``, ``infinite-values``, ``nested-cells`` or
        ``unsupported-type``.

    Examples
    --------
    >>> read_target("y", pd.Series(["good", "bad", "?", "good"])).classes
    ('bad', 'good')
    >>> read_target("y", pd.Series([1.5, 2.0])).task
    'regression'
    """
    found = _distinct(name, series)
    notes: list[str] = []
    if task is None:
        task, note = _find_task(name, found)
        notes.extend(note)
    guessed = bool(notes)
    known = found.codes >= 0
    if not known.all():
        notes.append(
            f"{int((~known).sum())} of {known.size} rows are left out: they have no value in the "
            f"target '{name}'{_spelt(series[~known])}"
        )
    codes = found.codes[known]
    if task == "regression":
        if found.numbers is None:
            raise _words_as_numbers(name, found.names)
        values = np.append(found.numbers, np.nan)[codes]
        return Target(name, task, (), known, values, tuple(notes), guessed)
    return Target(name, task, found.names, known, codes, tuple(notes), guessed)


def read_test_target(target: Target, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Read the target of a test part like that of the training rows.

    Returns
    -------
    known : ndarray of bool (n,)
    values : ndarray (known rows,)

    Raises
    ------
    UserError
        ``unknown-class`` for a class that no training row has, else as `read_target`.
    """
    if target.task == "regression":
        read = read_target(target.name, series, task="regression")
        return read.known, read.values
    found = _distinct(target.name, series)
    place = {name: code for code, name in enumerate(target.classes)}
    unknown = [name for name in found.names if name not in place]
    if unknown:
        listed = ", ".join(repr(name) for name in unknown[:5])
        raise UserError(
            "unknown-class",
            f"the test part's target '{target.name}' has classes that no training row has: "
            f"{listed}",
            suggest(unknown[0], target.classes, noun="classes"),
        )
    known = found.codes >= 0
    lookup = np.array([place[name] for name in found.names], dtype=np.int64)
    return known, lookup[found.codes[known]] if known.any() else np.zeros(0, np.int64)


def _spelt(missing: pd.Series) -> str:
    """Say how missing values are written, in case one of them was meant as a class."""
    words = [word for word in missing.dropna().astype(str).str.strip().unique().tolist() if word]
    return f" ({', '.join(repr(word) for word in words[:5])} means no value)" if words else ""


@dataclass(frozen=True, eq=False)
class _Distinct:
    """Distinct values in the order of classes; `numbers` where all are numbers."""

    codes: np.ndarray
    names: tuple[str, ...]
    numbers: np.ndarray | None
    categories: bool = False


def _distinct(name: str, series: pd.Series) -> _Distinct:
    dtype, types = series.dtype, pd.api.types
    if types.is_complex_dtype(dtype):
        raise UserError(
            "unsupported-type",
            f"the target '{name}' holds complex numbers; expected numbers or words",
            "predict the real part, the imaginary part or the size",
        )
    if types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
        check_finite(f"the target '{name}'", floats)
        numbers, codes = np.unique(floats[~np.isnan(floats)], return_inverse=True)
        spread = np.full(len(floats), -1, dtype=np.int64)
        spread[~np.isnan(floats)] = codes
        return _Distinct(spread, tuple(_number_name(value) for value in numbers), numbers)
    if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered:
        used = series.cat.remove_unused_categories().cat
        names = tuple(str(category) for category in used.categories)
        return _Distinct(used.codes.to_numpy(dtype=np.int64), names, None, categories=True)
    found = distinct_words(name, series)
    parsed = to_numbers(found.words) if found.words else np.zeros(0)
    if parsed is None or np.isnan(parsed).any():
        return _Distinct(found.codes, found.words, None)
    check_finite(f"the target '{name}'", found.spread(parsed, np.nan, float))
    numbers, place = np.unique(parsed, return_inverse=True)
    codes = np.append(place, -1)[found.codes]
    categories = isinstance(dtype, pd.CategoricalDtype)
    return _Distinct(codes, tuple(_number_name(value) for value in numbers), numbers, categories)


def _find_task(name: str, found: _Distinct) -> tuple[Task, list[str]]:
    if found.numbers is None or found.numbers.size < 2 or found.categories:
        return "classification", []
    if not np.equal(np.mod(found.numbers, 1), 0).all():
        return "regression", []
    several = f"'{name}' holds {found.numbers.size} different whole numbers"
    if found.numbers.size > _MOST_NUMBERED_CLASSES:
        return "regression", [
            f"{several}: taken as a quantity (regression); --task classification takes them as "
            "classes"
        ]
    return "classification", [
        f"{several}: taken as classes (classification); --task regression takes them as a quantity"
    ]


def _number_name(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _words_as_numbers(name: str, words: tuple[str, ...]) -> UserError:
    listed = ", ".join(repr(word) for word in words[:3])
    return UserError(
        "words-as-regression-target",
        f"the target '{name}' holds words ({listed}); regression expects numbers",
        "leave out --task, or say --task classification",
    )
