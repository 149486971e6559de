"""What was decided while the data were read."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    yield from subject.dataset.notes


CHECK = Check(
    code="as-read",
    severity="note",
    title="How the data were read",
    why="Data do not say everything; what they leave open was decided as the values suggest.",
    action="Where it is meant otherwise: --task or --target, or other values in the data.",
    run=run,
)
