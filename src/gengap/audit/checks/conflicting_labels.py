"""Rows with identical features and different classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gengap.audit.base import Check, Subject, percent

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    """Count them; for regression, different values at the same inputs are ordinary noise."""
    if not subject.classification or not subject.copies.alike:
        return
    kept = subject.kept
    alike = np.unique(subject.copies.by_features[kept], return_inverse=True)[1]
    classes = len(subject.dataset.classes)
    cells, rows = np.unique(alike * classes + subject.target[kept], return_counts=True)
    of_cell = cells // classes
    in_all, most = np.bincount(of_cell, rows), np.zeros(alike.max() + 1)
    np.maximum.at(most, of_cell, rows)
    best = most.sum() / len(kept)
    conflicting = int(in_all[most < in_all].sum())
    if not conflicting:
        return
    yield (
        f"{conflicting:,} of {len(kept):,} rows have the same features as a row of another class; "
        f"a model that sees only these features can get at most {percent(best)} of the rows right"
    )


CHECK = Check(
    code="conflicting-labels",
    severity="warn",
    title="Conflicting labels",
    why=(
        "What tells such rows apart is not in the table, or some labels are wrong; learning them "
        "by heart is all that a network can do, and regularization is what keeps it from that."
    ),
    action="Check those labels, or add the column that tells the rows apart.",
    run=run,
)
