"""Folds as index arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """One fold of one repeat: indices into the rows of the dataset, sorted, disjoint, complete."""

    repeat: int
    fold: int
    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray
