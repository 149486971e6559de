"""One class has most of the rows."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, percent
from gengap.statistics.metrics import IMBALANCED

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    counts = subject.class_counts
    if (counts > 0).sum() < 2 or counts.max() <= IMBALANCED * counts.sum():
        return
    label = subject.dataset.classes[int(counts.argmax())]
    share = percent(counts.max() / counts.sum())
    blind = "; accuracy, as asked, hardly sees the others" if subject.metric == "accuracy" else ""
    yield f"class '{label}' has {share} of the rows{blind}"


CHECK = Check(
    code="imbalance",
    severity="warn",
    title="Strong imbalance",
    why="Accuracy hardly moves when the rare classes are all wrong.",
    action=(
        "Decide by --metric balanced_accuracy (the default here) or roc_auc; weigh the rare "
        "classes up with --class-weight balanced."
    ),
    run=run,
)
