"""Data on which one check each has something to say, and data on which none has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from gengap.audit import Subject
from gengap.data.dataset import Dataset, Part
from gengap.data.load import load


def clean_table(rows: int = 400, *, regression: bool = False) -> pd.DataFrame:
    """Return a table with which nothing is wrong: the target is `y`."""
    rng = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "width": rng.normal(size=rows),
            "height": rng.gamma(3.0, size=rows),
            "color": rng.choice(["red", "green", "blue"], rows),
            "new": rng.random(rows) < 0.5,
        }
    )
    signal = table["width"] + 0.5 * table["new"] + rng.normal(size=rows)
    table["y"] = signal if regression else np.where(signal > 0, "yes", "no")
    return table


def subject_of(table: pd.DataFrame, target: str = "y", **changes: object) -> Subject:
    """Load a table and make it a subject."""
    options = ("task", "groups", "weight", "test")
    given = {name: changes.pop(name) for name in options if name in changes}
    return Subject(load(table, target=target, **given), **changes)


def tensors(rows: int = 300) -> Dataset:
    """Return small images of noise."""
    rng = np.random.default_rng(3)
    part = Part(rng.normal(size=(rows, 4, 4, 1)).astype(np.float32), rng.integers(0, 2, rows))
    return Dataset("images", "arrays", "classification", "y", ("a", "b"), (), part)


def _with(**columns: object) -> Subject:
    return subject_of(clean_table().assign(**columns))


def _copied(changes: int = 0) -> Subject:
    table = clean_table()
    return subject_of(pd.concat([table, table.head(30 + changes)], ignore_index=True))


def _discrete() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    table = pd.DataFrame({name: rng.choice(list("abc"), 400) for name in ("first", "second")})
    return table.assign(y=np.where(table["first"] == "a", "yes", "no"))


def _conflicting() -> Subject:
    table = clean_table()
    flipped = table.head(5).assign(y=table["y"].head(5).map({"yes": "no", "no": "yes"}))
    return subject_of(pd.concat([table, flipped], ignore_index=True))


def _small_class() -> Subject:
    table = clean_table()
    table.loc[[3, 50, 200], "y"] = "perhaps"
    return subject_of(table)


def _few_classes() -> Subject:
    table = clean_table(60).assign(y=[f"class {k}" for k in range(12)] * 5)
    return subject_of(table)


def _unbalanced() -> Subject:
    table = clean_table(2000)
    return subject_of(pd.concat([table[table["y"] == "yes"], table[table["y"] == "no"].head(99)]))


def _few_groups() -> Subject:
    return subject_of(clean_table().assign(site=np.arange(400) % 4), groups="site")


def _missing() -> Subject:
    table = clean_table()
    table.loc[:11, "height"] = np.nan
    return subject_of(table)


def _shared_test() -> Subject:
    table = clean_table(500)
    return subject_of(table.head(400), test=table.tail(120))


def _many_levels() -> Subject:
    return _with(town=[f"town {k % 90}" for k in range(400)])


def _no_target() -> Subject:
    return subject_of(clean_table().assign(y=np.nan))


def _dirty() -> Subject:
    weights = np.random.default_rng(3).normal(size=400).round(6).astype(str).astype(object)
    weights[[4, 90]] = "unknown", "heavy"
    return _with(weight=weights)


EXAMPLES: dict[str, Callable[[], Subject]] = {
    "all-missing-target": _no_target,
    "one-class-target": lambda: _with(y="yes"),
    "too-few-rows": lambda: subject_of(clean_table(9), folds=2),
    "too-many-folds": _few_classes,
    "too-few-groups": _few_groups,
    "all-missing-columns": lambda: _with(empty=np.nan),
    "conflicting-labels": _conflicting,
    "constant-columns": lambda: _with(unit="kg"),
    "copies": _copied,
    "copies-in-test": _shared_test,
    "dates": lambda: _with(day=pd.date_range("2024-01-01", periods=400)),
    "id-like-columns": lambda: _with(number=range(1000, 1400)),
    "imbalance": _unbalanced,
    "leak": lambda: _with(answer=(clean_table()["y"] == "yes") * 2.0),
    "small-class": _small_class,
    "small-test-folds": lambda: subject_of(clean_table(200)),
    "as-read": lambda: subject_of(clean_table().assign(y=np.arange(400) % 4)),
    "many-levels": _many_levels,
    "missing-values": _missing,
    "repeated-rows": lambda: subject_of(_discrete()),
    "words-among-numbers": _dirty,
}

ODD: dict[str, Callable[[], Subject]] = {
    "tensors": lambda: Subject(tensors()),
    "tensors with copies": lambda: Subject(_doubled(tensors())),
    "one row": lambda: subject_of(clean_table(1)),
    "two rows": lambda: subject_of(clean_table(2)),
    "regression": lambda: subject_of(clean_table(regression=True)),
    "constant regression": lambda: subject_of(clean_table().assign(y=2.5)),
    "one column": lambda: subject_of(clean_table()[["new", "y"]]),
    "only ids": lambda: subject_of(clean_table()[["y"]].assign(row=range(400))),
    "nothing but missing": lambda: subject_of(clean_table()[["y"]].assign(empty=np.nan)),
    "more columns than rows": lambda: subject_of(
        pd.DataFrame(np.random.default_rng(0).normal(size=(40, 300)))
        .rename(columns="c{}".format)
        .assign(y=["a", "b"] * 20)
    ),
    "copies dropped": lambda: dataclasses.replace(_copied(), duplicates="drop"),
    "copies kept": lambda: dataclasses.replace(_copied(), duplicates="keep"),
    "all rows equal": lambda: subject_of(clean_table().iloc[[0] * 100]),
}


def _doubled(dataset: Dataset) -> Dataset:
    rows = dataset.rows
    part = Part(np.concatenate([rows.features] * 2), np.concatenate([rows.target] * 2))
    return dataclasses.replace(dataset, rows=part)
