"""There are more folds than the rows, or the largest class, can fill."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    rows, folds = len(subject.kept), subject.folds
    if folds > rows / 2:
        yield f"{folds} folds are more than half of the {rows:,} rows"
    elif subject.classification and folds > subject.class_counts.max():
        largest = subject.class_counts.max()
        yield f"{folds} folds are more than the {largest} rows of the largest class"


CHECK = Check(
    code="too-many-folds",
    severity="refuse",
    title="More folds than the data fill",
    why="Test parts of one row, or without most of the classes, cannot be scored.",
    action="Use fewer folds (--folds), or more rows.",
    run=run,
)
