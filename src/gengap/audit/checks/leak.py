"""A single column that tells the target almost perfectly.

For every column, a predictor that sees nothing else is cross-validated: for columns with few
different values and for categories, the commonest class (mean) of every value; for other numbers,
a small decision tree. Classes count equally, whatever their size; a regression target is ranked
first, so that a few huge values decide nothing. The score is balanced accuracy, or the share of the
ranks' variance that is explained.

A finding takes a score of 0.97. The best single column of data that are honestly easy stays below
it: 0.95 on iris (petal width), 0.90 on the breast cancer data that scikit-learn ships, 0.87 on the
energy efficiency of buildings. A copy of a binary target in which 1 % of the labels are wrong
scores 0.99, a regression target with noise of a tenth of its standard deviation 0.98. Honest data
that are easier still do exist, so the finding warns and does not refuse.

What it cannot see: a leak that only several columns together make; and in fewer than 30 different
rows, or in classes of fewer than 10, it does not look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from gengap.audit.base import Check, Subject, percent
from gengap.wording import listed

__all__ = ["CHECK"]

ALMOST_PERFECT = 0.97
FEWEST_ROWS = 30
CLASS_ROWS = 10
FOLDS = 5
SAMPLE = 5000
FEW_VALUES = 20


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None:
        return
    rows = _sample(subject)
    if len(rows) < FEWEST_ROWS or len(np.unique(subject.target[rows])) < 2:
        return
    judge = _Judge(subject.target[rows], subject.classification)
    scores = {
        column.name: judge.score(table[column.name].iloc[rows], column.in_words)
        for column in subject.dataset.columns
    }
    found = sorted((n for n in scores if scores[n] >= ALMOST_PERFECT), key=lambda n: -scores[n])
    if not found:
        return
    verb = "predicts" if len(found) == 1 else "each predict"
    named = listed([f"'{name}' ({percent(scores[name])})" for name in found])
    how = "right, classes counted equally" if subject.classification else "of its ranks' variance"
    yield (
        f"{'1 column' if len(found) == 1 else f'{len(found)} columns'} alone {verb} the target "
        f"'{subject.dataset.target_name}' almost perfectly ({how}): {named}"
    )


def _sample(subject: Subject) -> np.ndarray:
    """Return the rows to look at: different ones, at most 5000, rare classes not thinned out."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(subject.copies.first)
    if not subject.classification:
        return rows[:SAMPLE]
    by_class = [rows[subject.target[rows] == k] for k in range(len(subject.dataset.classes))]
    by_class = [members for members in by_class if len(members) >= CLASS_ROWS]
    if not by_class:
        return rows[:0]
    share = max(CLASS_ROWS, SAMPLE // len(by_class))
    # One class after the other: folds that take every fifth row then hold equal shares of each.
    return np.concatenate([members[:share] for members in by_class])


class _Judge:
    """How well one column predicts the target, cross-validated; 1 is perfect."""

    def __init__(self, target: np.ndarray, classification: bool) -> None:
        self.classification = classification
        self.fold = np.arange(len(target)) % FOLDS
        if classification:
            self.target = np.unique(target, return_inverse=True)[1]
            self.sizes = np.bincount(self.target)
        else:
            ranks = pd.Series(target).rank().to_numpy()
            self.target = (ranks - ranks.mean()) / ranks.std()

    def score(self, values: pd.Series, categorical: bool) -> float:
        """Return the score of a column, or 0 where even its own rows cannot be told from it."""
        codes, different = pd.factorize(values, sort=not categorical, use_na_sentinel=True)
        if len(different) + (codes < 0).any() < 2:
            return 0.0
        by_value = categorical or len(different) <= FEW_VALUES
        # Codes instead of values: ranks are all that a tree sees, and float32 carries them exactly.
        column = codes + 1 if by_value else np.where(codes < 0, np.nan, codes).astype(np.float32)
        predict = self._by_value if by_value else self._by_tree
        everything = np.ones(len(codes), bool)
        if self._quality(predict(column, everything, everything)) < ALMOST_PERFECT:
            return 0.0
        predicted = np.empty(len(codes))
        for training, test in self._splits():
            predicted[test] = predict(column, training, test)
        return self._quality(predicted)

    def _splits(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for fold in range(FOLDS):
            yield self.fold != fold, self.fold == fold

    def _quality(self, predicted: np.ndarray) -> float:
        if self.classification:
            right = np.bincount(self.target[predicted == self.target], minlength=len(self.sizes))
            return float((right / self.sizes).mean())
        return float(1 - np.mean((self.target - predicted) ** 2))

    def _by_value(self, codes: np.ndarray, training: np.ndarray, test: np.ndarray) -> np.ndarray:
        known, target, length = codes[training], self.target[training], codes.max() + 1
        if not self.classification:
            counts = np.bincount(known, minlength=length)
            means = np.bincount(known, target, minlength=length) / np.maximum(counts, 1)
            return means[codes[test]]
        classes = len(self.sizes)
        table = np.bincount(known * classes + target, minlength=length * classes)
        return np.argmax(table.reshape(length, classes) / self.sizes, axis=1)[codes[test]]

    def _by_tree(self, ranks: np.ndarray, training: np.ndarray, test: np.ndarray) -> np.ndarray:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        tree: Any
        if self.classification:
            leaves = 4 * len(self.sizes)
            tree = DecisionTreeClassifier(
                max_leaf_nodes=leaves, class_weight="balanced", random_state=0
            )
        else:
            tree = DecisionTreeRegressor(max_depth=6, min_samples_leaf=5, random_state=0)
        tree.fit(ranks[training, None], self.target[training])
        return np.asarray(tree.predict(ranks[test, None]))


CHECK = Check(
    code="leak",
    severity="warn",
    title="Column that gives the target away",
    why=(
        "A column that alone predicts the target this well is often made from it, or only known "
        "after it; the scores will not hold where it is not."
    ),
    action=(
        "Ask whether it is known before the target is. If not, remove it from the table; if so, "
        "the problem is easy, and no regularization is needed."
    ),
    run=run,
)
