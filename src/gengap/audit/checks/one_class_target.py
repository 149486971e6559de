"""The target is the same in every row, or that of a further output is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    dataset = subject.dataset
    yield from _alike(f"the target '{dataset.target_name}'", subject.target, dataset.classes)
    classes = {one.name: one.classes for one in dataset.outputs}
    for name, values in dataset.rows.further.items():
        yield from _alike(f"the output '{name}'", values, classes[name])


def _alike(what: str, values: np.ndarray, classes: Sequence[str]) -> Iterator[str]:
    if not len(values) or (values != values[0]).any():
        return
    if classes:
        yield f"{what} has one class, '{classes[values[0]]}', in all {len(values):,} rows"
    else:
        yield f"{what} is {values[0]:g} in all {len(values):,} rows"


CHECK = Check(
    code="one-class-target",
    severity="refuse",
    title="Target with one class",
    why=(
        "Whatever is trained scores perfectly by always giving the same answer, so nothing can "
        "be compared; of an output that does not decide, nothing can be learned."
    ),
    action=(
        "Check how the labels were made: labels that were turned into numbers on the way often "
        "end up all alike. Name another column with --target."
    ),
    run=run,
)
