"""No row has a target."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    if not len(subject.dataset.rows):
        yield f"the target '{subject.dataset.target_name}' has no value in any row"


CHECK = Check(
    code="all-missing-target",
    severity="refuse",
    title="Target without values",
    why="Rows without a target cannot be learned from, and none is left.",
    action=(
        "Check the target column: labels that were turned into numbers on the way often end up "
        "empty. Name another column with --target."
    ),
    run=run,
    final=True,
)
