"""Rows of the test part that also stand among the rows that are learned from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gengap.audit.base import Check, Subject, percent
from gengap.audit.equal_rows import feature_codes
from gengap.data.several import together

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    test, rows = subject.dataset.test, subject.dataset.rows
    if test is None or not len(test) or not subject.copies.continuous:
        return
    both = together(rows.features, test.features)
    codes = feature_codes(both, subject.dataset.inputs or subject.dataset.columns)
    shared = int(np.isin(codes[len(rows) :], codes[: len(rows)]).sum())
    if not shared:
        return
    yield (
        f"{shared:,} of the {len(test):,} rows of the test part ({percent(shared / len(test))}) "
        "also stand among the rows to learn from"
    )


CHECK = Check(
    code="copies-in-test",
    severity="warn",
    title="Test rows that were learned from",
    why="A network remembers them: the score on the test part is too good.",
    action="Remove them from the file that --test names.",
    run=run,
)
