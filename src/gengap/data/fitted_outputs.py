"""What the outputs of a network stand for: classes, or values in the unit of some training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler

from gengap.data.dataset import Dataset, Output

__all__ = ["FittedOutput", "fit_outputs", "scaling_of"]


@dataclass(frozen=True)
class FittedOutput:
    """One of several outputs, fitted on the training rows of a fold.

    Attributes
    ----------
    output : Output
    shift, scale : float
        Mean and standard deviation of its targets; 0 and 1 for classification.
    """

    output: Output
    shift: float = 0.0
    scale: float = 1.0


def scaling_of(targets: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of values, as a ``StandardScaler`` fits them."""
    scaler = StandardScaler().fit(targets.reshape(-1, 1))
    return float(scaler.mean_[0]), float(scaler.scale_[0])


def fit_outputs(dataset: Dataset, rows: np.ndarray) -> tuple[FittedOutput, ...]:
    """Fit every one of several outputs, in their order; nothing where there is one.

    Parameters
    ----------
    dataset : Dataset
    rows : ndarray of int
        Training rows of a fold.
    """
    lines = {dataset.target_name: dataset.rows.target, **dataset.rows.further}
    return tuple(
        FittedOutput(one)
        if one.task == "classification"
        else FittedOutput(one, *scaling_of(lines[one.name][rows]))
        for one in dataset.outputs
    )
