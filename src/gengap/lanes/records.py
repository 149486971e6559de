"""What a trained lane has to say: one record a judgement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gengap.lanes.program import Run
from gengap.recipe import Part

__all__ = ["LaneRecord", "Trained"]


@dataclass(frozen=True, eq=False)
class LaneRecord:
    """What one judgement of a run found.

    Attributes
    ----------
    judgement : Part or None
    diverged : bool
        Whether the judged weights come from an epoch in which something was not finite.
    epochs, best_epoch : int
    seconds : float
        Its share of the training time.
    predictions : ndarray (N, C) or (N,)
        Of all rows; values in the target's own unit.
    losses : ndarray (N,)
    noisy_predictions : ndarray (n, C) or (n,)
        Of the fold's test rows.
    noisy_losses : ndarray (n,)
    zero_weights, weight_norm : float
    curves : ndarray (epochs, 4)
        See `gengap.lanes.loop.CURVES`.
    """

    judgement: Part | None
    diverged: bool
    epochs: int
    best_epoch: int
    seconds: float
    predictions: np.ndarray
    losses: np.ndarray
    noisy_predictions: np.ndarray
    noisy_losses: np.ndarray
    zero_weights: float
    weight_norm: float
    curves: np.ndarray


@dataclass(frozen=True, eq=False)
class Trained:
    """A run that ended, with a record a judgement, in the order asked."""

    run: Run
    records: tuple[LaneRecord, ...]
