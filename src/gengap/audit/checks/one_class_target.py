"""The target is the same in every row."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    target, name = subject.target, subject.dataset.target_name
    if not len(target) or (target != target[0]).any():
        return
    if subject.classification:
        label = subject.dataset.classes[target[0]]
        yield f"the target '{name}' has one class, '{label}', in all {len(target):,} rows"
    else:
        yield f"the target '{name}' is {target[0]:g} in all {len(target):,} rows"


CHECK = Check(
    code="one-class-target",
    severity="refuse",
    title="Target with one class",
    why=(
        "Whatever is trained scores perfectly by always giving the same answer, so nothing can "
        "be compared."
    ),
    action=(
        "Check how the labels were made: labels that were turned into numbers on the way often "
        "end up all alike. Name another column with --target."
    ),
    run=run,
)
