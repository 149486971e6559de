"""Columns without any value."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, name_columns
from gengap.plural import plural

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None:
        return
    empty = [c.name for c in subject.dataset.columns if table[c.name].isna().all()]
    if not empty:
        return
    have = "has" if len(empty) == 1 else "have"
    yield f"{plural(len(empty), 'column')} {have} no value in any row: {name_columns(empty)}"


CHECK = Check(
    code="all-missing-columns",
    severity="warn",
    title="Columns without values",
    why="They carry no information, and are often the trace of a join or an export gone wrong.",
    action="Remove them from the table, or mend where they come from.",
    run=run,
)
