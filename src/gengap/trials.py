"""A judged run, with its scores: what the lanes produce, the store keeps and the analysis reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

__all__ = ["Curves", "Trial", "epochs_of", "seconds_of"]

T = TypeVar("T", int, float)

Status = Literal["finished", "diverged"]


@dataclass(frozen=True)
class Curves:
    """What was measured at the end of every epoch, in inference mode, without penalties.

    The training figures are measured on a fixed sample of the training rows, as many as there are
    validation rows; loss as compiled, metric is accuracy or rmse.
    """

    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    train_metric: tuple[float, ...]
    validation_metric: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """One judged run.

    Attributes
    ----------
    key : str
        Hash of everything that determines the result.
    run : str
        Key of the run that was judged; judgements of one run share it.
    recipe : str
        Canonical text, with every strength given; ``"baseline"`` for the empty recipe.
    fold, repeat, seed : int
    status : {"finished", "diverged"}
    epochs : int
        Epochs that the judgement needed.
    best_epoch : int
        The epoch (1 is the first) whose weights were scored.
    seconds : float
        Its share of the training time.
    scores : mapping
        ``{"train" | "validation" | "test" | "noisy": {metric: value or None}}``; every metric of
        the task on the first three, "noisy" (test rows with Gaussian noise of 0.5 standard
        deviations on the numeric inputs) likewise. "loss" is among the metrics: the compiled loss
        in inference mode without penalties.
    zero_weights : float
        Share of kernel weights that are exactly zero.
    weight_norm : float
        Euclidean norm of all kernels.
    curves : Curves
    """

    key: str
    run: str
    recipe: str
    fold: int
    repeat: int
    seed: int
    status: Status
    epochs: int
    best_epoch: int
    seconds: float
    scores: Mapping[str, Mapping[str, float | None]]
    zero_weights: float
    weight_norm: float
    curves: Curves


def epochs_of(trials: Iterable[Trial]) -> int:
    """Return how many epochs the trainings needed, whenever they were done.

    Parameters
    ----------
    trials : iterable of Trial
    """
    return sum(_most_by_run((trial.run, trial.epochs) for trial in trials))


def seconds_of(trials: Iterable[Trial]) -> float:
    """Return how long the trainings took, whenever they were done.

    Parameters
    ----------
    trials : iterable of Trial
    """
    return sum(_most_by_run((trial.run, trial.seconds) for trial in trials))


def _most_by_run(amounts: Iterable[tuple[str, T]]) -> Iterable[T]:
    """Return the largest amount of each run, whose trials are judgements of one training."""
    most: dict[str, T] = {}
    for run, amount in amounts:
        most[run] = max(amount, most.get(run, amount))
    return most.values()
