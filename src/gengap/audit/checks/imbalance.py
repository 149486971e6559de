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


def advise(subject: Subject) -> str:
    steps = []
    if subject.metric == "accuracy":
        steps.append("decide by --metric balanced_accuracy or roc_auc")
    elif subject.metric is None:
        steps.append("decide by balanced_accuracy, as is done here by default, or --metric roc_auc")
    elif subject.metric not in _FAIR:
        steps.append(f"read balanced accuracy in the report beside {subject.metric}, too")
    if not subject.weighted:
        steps.append("weigh the rare classes up with --class-weight balanced")
    if not steps:
        return "Nothing: the metric sees every class, and rare classes are weighed up."
    sentence = "; ".join(steps)
    return f"{sentence[0].upper()}{sentence[1:]}."


_FAIR = ("balanced_accuracy", "roc_auc")  # metrics that a frequent class does not decide alone

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
    advise=advise,
)
