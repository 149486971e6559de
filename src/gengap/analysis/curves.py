"""Learning curves over the folds, and whether they had come to an end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gengap.analysis.folds import Folds
from gengap.analysis.selection import Choice
from gengap.results import CurveBand, Finding
from gengap.statistics.intervals import finite_or_none
from gengap.trials import Trial

__all__ = ["curve_bands", "still_improves", "undertrained"]

LEAST_EPOCHS = 5
STILL_IMPROVES = 0.01


def curve_bands(folds: Folds, choice: Choice) -> tuple[CurveBand, ...]:
    """Return a candidate's loss and metric, training and validation, by epoch.

    They are the curves of the candidate's refitted grid point, one recipe in every fold. A run that
    stopped early, or diverged, contributes while it ran: beyond that the band is of the others.

    Parameters
    ----------
    folds : Folds
    choice : Choice
    """
    trials = folds.trials[choice.refit]
    bands = []
    for quantity in ("loss", "metric"):
        for part in ("train", "validation"):
            values = _stack([getattr(trial.curves, f"{part}_{quantity}") for trial in trials])
            low, median, high = (_quantile(values, q) for q in (0.1, 0.5, 0.9))
            bands.append(
                CurveBand(
                    candidate=choice.candidate.name,
                    quantity=quantity,
                    part=part,
                    median=median,
                    low=low,
                    high=high,
                    best_epochs=tuple(trial.best_epoch for trial in trials),
                )
            )
    return tuple(bands)


def _stack(curves: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return (folds, epochs), NaN where a run had ended or its figure is not finite."""
    values = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[: len(curve)] = curve
    return np.where(np.isfinite(values), values, np.nan)


def _quantile(values: NDArray[np.float64], q: float) -> tuple[float | None, ...]:
    """Return the quantile of every column; None where nothing is finite."""
    # Column by column NumPy takes longer than the rest of the analysis.
    found = np.full(values.shape[1], np.nan)
    complete = np.isfinite(values).all(axis=0)
    found[complete] = np.quantile(values[:, complete], q, axis=0)
    for place in np.flatnonzero(~complete & np.isfinite(values).any(axis=0)):
        column = values[:, place]
        found[place] = np.quantile(column[np.isfinite(column)], q)
    return tuple(finite_or_none(value) for value in found)


def still_improves(trial: Trial, epochs: int) -> bool:
    """Whether a run's validation loss was still falling when its epochs were spent.

    The rule: the run used all its epochs, its lowest validation loss lies in the last tenth of
    them, and the mean of the last tenth is below the mean of the tenth before by more than 1 % of
    the whole way down (first epoch to lowest). Below 5 epochs there is no telling.

    Parameters
    ----------
    trial : Trial
    epochs : int
        The most epochs that a run could take.
    """
    loss = np.asarray(trial.curves.validation_loss, dtype=np.float64)
    if trial.status == "diverged" or len(loss) < max(epochs, LEAST_EPOCHS):
        return False
    if not np.isfinite(loss).all():
        return False
    tenth = max(1, len(loss) // 10)
    way = loss[0] - loss.min()
    late = int(np.argmin(loss)) >= len(loss) - tenth
    step = loss[-2 * tenth : -tenth].mean() - loss[-tenth:].mean()
    return bool(late and way > 0 and step > STILL_IMPROVES * way)


def undertrained(
    folds: Folds, choices: Sequence[Choice], *, epochs: int
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Return the candidates whose curves still improve at the last epoch, and the finding.

    A candidate counts where that is so in more than half of the folds, at its refitted grid point.

    Parameters
    ----------
    folds : Folds
    choices : sequence of Choice
    epochs : int
        The most epochs that a run could take.
    """
    counts = {
        choice.candidate.name: sum(still_improves(t, epochs) for t in folds.trials[choice.refit])
        for choice in choices
    }
    names = tuple(name for name, count in counts.items() if 2 * count > len(folds.keys))
    if not names:
        return names, ()
    listed = ", ".join(f"{name} ({counts[name]} of {len(folds.keys)} folds)" for name in names)
    return names, (
        Finding(
            code="undertrained",
            severity="warn",
            message=f"Validation loss still falls at the last of {epochs} epochs: {listed}.",
            why=(
                "A technique that slows training down looks worse than it is, one that speeds it "
                "up looks better."
            ),
            action=f"Train longer: --epochs {2 * epochs}, or with a higher --learning-rate.",
        ),
    )
