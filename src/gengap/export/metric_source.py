"""Metrics as functions of a plain program, by scikit-learn where it has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["METRIC_SOURCES", "MetricSource"]


@dataclass(frozen=True)
class MetricSource:
    """The function ``score(target, outputs)`` of a metric, and what it imports."""

    function: str
    imports: tuple[str, ...] = ()


def _by(name: str, outputs: str, *arguments: str) -> MetricSource:
    called = ", ".join(["target", outputs, *arguments])
    return MetricSource(
        "\n".join(
            [
                "def score(target, outputs):",
                '    """Score outputs: the metric that the study decided by."""',
                f"    return {name}({called})",
            ]
        ),
        (f"from sklearn.metrics import {name}",),
    )


_ROC_AUC = MetricSource(
    '''\
def score(target, outputs):
    """Area under the ROC curve; each class against the rest where there are more than two."""
    if outputs.shape[1] == 2:
        return roc_auc_score(target, outputs[:, 1])
    labels = np.arange(outputs.shape[1])
    return roc_auc_score(target, outputs, multi_class="ovr", labels=labels)''',
    ("from sklearn.metrics import roc_auc_score",),
)
_BRIER = MetricSource(
    '''\
def score(target, outputs):
    """Brier score: the squared error of the probabilities, halved for two classes."""
    errors = ((outputs - np.eye(outputs.shape[1])[target]) ** 2).sum(axis=1)
    return errors.mean() / 2 if outputs.shape[1] == 2 else errors.mean()''',
)
_ECE = MetricSource(
    '''\
def score(target, outputs):
    """Expected calibration error of the top label, over 15 equal bins."""
    confidence, hit = outputs.max(axis=1), outputs.argmax(axis=1) == target
    bins = np.clip(np.ceil(confidence * 15) - 1, 0, 14).astype(int)
    return np.abs(np.bincount(bins, hit - confidence)).sum() / len(target)''',
)
#: By the metric's name.
METRIC_SOURCES: Mapping[str, MetricSource] = {
    "accuracy": _by("accuracy_score", "outputs.argmax(axis=1)"),
    "balanced_accuracy": _by("balanced_accuracy_score", "outputs.argmax(axis=1)"),
    "roc_auc": _ROC_AUC,
    "log_loss": _by("log_loss", "outputs", "labels=np.arange(outputs.shape[1])"),
    "brier": _BRIER,
    "ece": _ECE,
    "r2": _by("r2_score", "outputs"),
    "rmse": _by("root_mean_squared_error", "outputs"),
    "mae": _by("mean_absolute_error", "outputs"),
}
