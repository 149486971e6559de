"""A class has fewer rows than there are folds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gengap.audit.base import Check, Subject
from gengap.wording import listed

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    counts = subject.class_counts
    small = np.flatnonzero((counts > 0) & (counts < subject.folds))
    if not len(small):
        return
    small = small[np.argsort(counts[small], kind="stable")]
    named = listed([f"'{subject.dataset.classes[k]}' ({counts[k]})" for k in small])
    have = "has" if len(small) == 1 else "have"
    classes = "1 class" if len(small) == 1 else f"{len(small)} classes"
    yield f"{classes} {have} fewer rows than there are folds ({subject.folds}): {named}"


CHECK = Check(
    code="small-class",
    severity="warn",
    title="Class smaller than the number of folds",
    why=(
        "It is absent from some test parts, and a metric that needs every class is undefined "
        "there; what it adds to the score rests on a few rows."
    ),
    action="Use fewer folds (--folds), join rare classes, or get more rows of them.",
    run=run,
)
