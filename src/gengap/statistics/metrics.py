"""The metrics, vectorized over trials, and how large a change in each of them must be to matter.

Notation
--------
n   rows of a part
K   classes
p   outputs, (..., n, K): probabilities, a row sums to 1
y   target, (n,): class codes 0 .. K-1, or values

Every function takes one target and the outputs of many trials at once and returns a score a trial.
They are written here, and not taken from scikit-learn, because a call there costs about 6 ms a
part, mostly validation: for a small table that is more than the training. The tests hold each of
them to scikit-learn's value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.errors import UserError, suggest

__all__ = [
    "IMBALANCED",
    "METRICS",
    "Metric",
    "Task",
    "constant_prediction",
    "default_metric",
    "effect",
    "evaluate",
    "find_metric",
    "gap",
]

Array = NDArray[Any]
Task = Literal["classification", "regression"]
Score = Callable[[Array, Array], Array]

ECE_BINS = 15
#: Where the largest class has a larger share of the rows, balanced accuracy decides by default.
IMBALANCED = 0.8


@dataclass(frozen=True)
class Metric:
    """A way to score predictions.

    Attributes
    ----------
    name : str
    tasks : tuple of str
    greater_is_better : bool
    function : callable
        ``(target (n,), outputs (..., n[, K])) -> scores (...)``; NaN where the metric is undefined
        or an output of the trial is not finite.
    rope : callable
        ``(baseline_mean, target_std) -> r``: the half-width of the region of practical
        equivalence, in the metric's unit.
    perfect : float
        The score of a perfect prediction.
    summary : str
        One line.
    step : callable, optional
        ``(counts (..., K)) -> (...)``: what one row is worth in a part with so many rows of each
        class, where the metric counts rows; None where it does not.
    """

    name: str
    tasks: tuple[Task, ...]
    greater_is_better: bool
    function: Score
    rope: Callable[[float, float], float]
    perfect: float
    summary: str
    step: Callable[[Array], Array] | None = None

    def steps(self, target: Array, rows_tested: ArrayLike) -> Array | None:
        """Return what one row is worth in test parts with the classes of the whole table.

        Parameters
        ----------
        target : ndarray (n,)
            Class codes of all rows.
        rows_tested : array_like (folds,)
            Rows of each test part.

        Returns
        -------
        ndarray (folds,), optional
            None for a metric that does not count rows.

        Examples
        --------
        >>> METRICS["accuracy"].steps(np.array([0, 1, 1, 1]), [50, 20]).tolist()
        [0.02, 0.05]
        >>> METRICS["brier"].steps(np.array([0, 1, 1, 1]), [50, 20]) is None
        True
        """
        if self.step is None:
            return None
        shares = np.bincount(target) / len(target)
        return self.step(np.outer(np.asarray(rows_tested), shares[shares > 0]))

    @property
    def direction(self) -> str:
        """Return ``"maximize"`` or ``"minimize"``."""
        return "maximize" if self.greater_is_better else "minimize"


def _guarded(score: Score, task: Task) -> Score:
    """Check shapes, and give NaN to trials with outputs that are not finite."""
    axes = 2 if task == "classification" else 1

    def function(target: Array, outputs: Array) -> Array:
        target, outputs = np.asarray(target), np.asarray(outputs)
        if outputs.ndim < axes or outputs.shape[outputs.ndim - axes] != len(target):
            expected = "(..., n, K)" if axes == 2 else "(..., n)"
            raise ValueError(
                f"expected outputs of shape {expected} with n = {len(target)}, "
                f"received {outputs.shape}"
            )
        trials = outputs.shape[: outputs.ndim - axes]
        if task == "regression":
            target = target.astype(np.float64)
        if len(target) == 0:
            return np.full(trials, np.nan)
        finite = np.isfinite(outputs).all(axis=tuple(range(-axes, 0)))
        if not finite.all():
            outputs = np.where(finite.reshape(finite.shape + (1,) * axes), outputs, 0)
        # Values near the end of the float range overflow when squared: undefined, not a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            scores = np.asarray(score(target, outputs), dtype=np.float64)
        return np.where(finite & np.isfinite(scores), scores, np.nan)

    function.__name__ = score.__name__.lstrip("_")
    function.__doc__ = score.__doc__
    return function


def _accuracy(target: Array, outputs: Array) -> Array:
    """Share of rows whose most probable class (the first one in a tie) is the target."""
    hits: Array = (outputs.argmax(-1) == target).mean(-1)
    return hits


def _balanced_accuracy(target: Array, outputs: Array) -> Array:
    """Mean recall over the classes that occur in the target."""
    counts = np.bincount(target, minlength=outputs.shape[-1])
    weights = 1.0 / (counts[target] * np.count_nonzero(counts))
    # Not a matrix product, whose roundings hang on how many outputs are stacked.
    hits: Array = np.where(outputs.argmax(-1) == target, weights, 0.0).sum(axis=-1)
    return hits


def _roc_auc(target: Array, outputs: Array) -> Array:
    """Area under the ROC curve; one class against the rest, macro average, for K > 2.

    It is the Mann-Whitney statistic: the share of the m (n - m) pairs of a positive and a negative
    in which the positive has the higher output, ties half. Sorting the negatives and looking the
    positives up takes a tenth of the time of ranking all rows.
    """
    n, classes = outputs.shape[-2:]
    counts = np.bincount(target, minlength=classes)
    if classes < 2 or (counts == 0).any():
        return np.full(outputs.shape[:-2], np.nan)
    areas = []
    for label in [1] if classes == 2 else range(classes):
        of_class = target == label
        positives = outputs[..., label][..., of_class].reshape(-1, counts[label])
        negatives = np.sort(outputs[..., label][..., ~of_class].reshape(-1, n - counts[label]))
        # Twice as many: a tie counts as below on one side and as above on the other.
        wins = [
            np.searchsorted(below, of_trial, "left").sum()
            + np.searchsorted(below, of_trial, "right").sum()
            for below, of_trial in zip(negatives, np.sort(positives), strict=True)
        ]
        areas.append(np.array(wins) / (2 * positives.shape[1] * negatives.shape[1]))
    return np.mean(areas, axis=0).reshape(outputs.shape[:-2])


def _log_loss(target: Array, outputs: Array) -> Array:
    """Mean of -log p of the target's class, p held off 0 and 1 by the outputs' machine epsilon."""
    epsilon = np.finfo(outputs.dtype if outputs.dtype == np.float32 else np.float64).eps
    picked = outputs[..., np.arange(len(target)), target].astype(np.float64)
    return -np.log(np.clip(picked, epsilon, 1 - epsilon)).mean(-1)


def _brier(target: Array, outputs: Array) -> Array:
    """Mean over rows of the sum over classes of (p - [y = k])^2; halved for two classes."""
    errors = outputs.astype(np.float64)
    errors[..., np.arange(len(target)), target] -= 1
    total: Array = np.square(errors).sum(-1).mean(-1)
    return total / 2 if outputs.shape[-1] < 3 else total


def _ece(target: Array, outputs: Array) -> Array:
    """Expected calibration error of the top label over 15 equal bins ((b-1)/15, b/15].

    Sum over bins of (rows in it / n) * |its accuracy - its mean confidence|.
    """
    hits = (outputs.argmax(-1) == target).reshape(-1, len(target))
    confidence = outputs.max(-1).astype(np.float64).reshape(hits.shape)
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    # Rows in bin * (accuracy - confidence) is the sum of (hit - confidence): one pass for all.
    cells = (bins + ECE_BINS * np.arange(len(hits))[:, None]).ravel()
    sums = np.bincount(cells, (hits - confidence).ravel(), minlength=ECE_BINS * len(hits))
    error = np.abs(sums).reshape(len(hits), ECE_BINS).sum(-1) / len(target)
    return error.reshape(outputs.shape[:-2])


def _r2(target: Array, outputs: Array) -> Array:
    """1 - residual sum of squares / total sum of squares; undefined for a constant target."""
    total = np.square(target - target.mean()).sum()
    if total == 0:
        return np.full(outputs.shape[:-1], np.nan)
    ratio: Array = 1 - np.square(outputs - target).sum(-1) / total
    return ratio


def _rmse(target: Array, outputs: Array) -> Array:
    """Square root of the mean squared error."""
    root: Array = np.sqrt(np.square(outputs - target).mean(-1))
    return root


def _mae(target: Array, outputs: Array) -> Array:
    """Mean absolute error."""
    mean: Array = np.abs(outputs - target).mean(-1)
    return mean


def _row_of_all(counts: Array) -> Array:
    return np.asarray(1 / counts.sum(-1))


def _row_of_classes(counts: Array) -> Array:
    """Return the root of the sum of squares of the classes' steps: they are rounded apart."""
    steps = 1 / (counts.shape[-1] * np.maximum(counts, 1))
    return np.asarray(np.sqrt(np.square(steps).sum(-1)))


def _fixed(r: float) -> Callable[[float, float], float]:
    return lambda baseline_mean, target_std: r


def _declare() -> Iterable[Metric]:
    def metric(
        name: str,
        task: Task,
        score: Score,
        rope: Callable[[float, float], float],
        summary: str,
        *,
        perfect: float,
        step: Callable[[Array], Array] | None = None,
    ) -> Metric:
        function = _guarded(score, task)
        return Metric(name, (task,), perfect == 1, function, rope, perfect, summary, step)

    def of_target(baseline_mean: float, target_std: float) -> float:
        return 0.01 * target_std

    def of_baseline(baseline_mean: float, target_std: float) -> float:
        return 0.02 * abs(baseline_mean)

    kind: Task = "classification"
    yield metric(
        "accuracy",
        kind,
        _accuracy,
        _fixed(0.01),
        "share of rows right",
        perfect=1,
        step=_row_of_all,
    )
    yield metric(
        "balanced_accuracy",
        kind,
        _balanced_accuracy,
        _fixed(0.01),
        "mean over classes of the share of rows right",
        perfect=1,
        step=_row_of_classes,
    )
    yield metric(
        "roc_auc",
        kind,
        _roc_auc,
        _fixed(0.01),
        "chance that a row of a class is ranked above a row of another class",
        perfect=1,
    )
    yield metric(
        "log_loss", kind, _log_loss, of_baseline, "mean negative log probability", perfect=0
    )
    yield metric(
        "brier", kind, _brier, _fixed(0.005), "mean squared error of probabilities", perfect=0
    )
    yield metric(
        "ece",
        kind,
        _ece,
        _fixed(0.01),
        "how far confidence is from the share of rows right",
        perfect=0,
    )
    kind = "regression"
    yield metric(
        "r2", kind, _r2, _fixed(0.01), "share of the target's variance explained", perfect=1
    )
    yield metric("rmse", kind, _rmse, of_target, "root of the mean squared error", perfect=0)
    yield metric("mae", kind, _mae, of_target, "mean absolute error", perfect=0)


METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _declare()}


def evaluate(task: Task, target: Array, outputs: Array) -> dict[str, Array]:
    """Score many trials by every metric of a task.

    Parameters
    ----------
    task : {"classification", "regression"}
    target : ndarray (n,)
        Class codes, or values.
    outputs : ndarray (..., n, K) or (..., n)
        Probabilities, or predictions in the target's unit.

    Returns
    -------
    dict
        Metric name -> ndarray (...); NaN where a metric is undefined.

    Examples
    --------
    >>> scores = evaluate("regression", np.array([1.0, 3.0]), np.array([[1.0, 3.0], [2.0, 2.0]]))
    >>> scores["mae"].tolist(), scores["r2"].tolist()
    ([0.0, 1.0], [1.0, 0.0])
    """
    return {
        name: metric.function(target, outputs)
        for name, metric in METRICS.items()
        if task in metric.tasks
    }


def default_metric(task: Task, target: Array) -> str:
    """Name the deciding metric where the user names none.

    `rmse` for regression; `accuracy` for classification, but `balanced_accuracy` where the largest
    class has over 80 % of the rows.

    Examples
    --------
    >>> default_metric("classification", np.array([0] * 9 + [1]))
    'balanced_accuracy'
    """
    if task == "regression":
        return "rmse"
    counts = np.unique(target, return_counts=True)[1]
    return "balanced_accuracy" if counts.max() > IMBALANCED * counts.sum() else "accuracy"


def find_metric(name: str, task: Task) -> Metric:
    """Return the metric called `name`.

    Raises
    ------
    UserError
        ``unknown-metric`` where there is none of that name, ``metric-not-for-task`` where it is not
        defined for the task.
    """
    choices = [key for key, metric in METRICS.items() if task in metric.tasks]
    if name not in METRICS:
        raise UserError(
            "unknown-metric", f"no metric {name!r}", suggest(name, choices, noun=f"for {task}")
        )
    if name not in choices:
        raise UserError(
            "metric-not-for-task",
            f"the metric {name!r} is not defined for {task}",
            f"for {task}: {', '.join(choices)}",
        )
    return METRICS[name]


_ROUNDING = 1e-12


def effect(metric: Metric, candidate: ArrayLike, baseline: ArrayLike) -> Array:
    """Return how much better the candidate is, so that positive is better whatever the metric.

    Scores that differ by no more than rounding are equal.

    Examples
    --------
    >>> float(effect(METRICS["rmse"], 2.0, 2.5))
    0.5
    """
    first, second = (np.asarray(scores, dtype=np.float64) for scores in (candidate, baseline))
    difference = first - second if metric.greater_is_better else second - first
    largest = np.maximum(np.abs(first), np.abs(second))
    return np.where(np.abs(difference) <= _ROUNDING * largest, 0.0, difference)


def gap(metric: Metric, train: ArrayLike, test: ArrayLike) -> Array:
    """Return the generalization gap: how much worse unseen rows are scored (overfitting > 0)."""
    return effect(metric, train, test)


def constant_prediction(task: Task, target: Array) -> Array:
    """Return the outputs of a model that ignores its inputs: class shares, or the mean.

    Parameters
    ----------
    task : {"classification", "regression"}
    target : ndarray (n,)

    Returns
    -------
    ndarray (n, K) or (n,)
    """
    if task == "regression":
        return np.full(len(target), np.mean(target, dtype=np.float64))
    shares = np.bincount(target) / len(target)
    return np.tile(shares, (len(target), 1))
