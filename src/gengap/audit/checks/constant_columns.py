"""Columns that are the same in every row."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, name_columns
from gengap.audit.columns import is_constant
from gengap.plural import plural

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None:
        return
    columns = subject.dataset.columns
    constant = [c.name for c in columns if is_constant(table[c.name], c.kind)]
    if not constant:
        return
    have = "has" if len(constant) == 1 else "have"
    counted = plural(len(constant), "column")
    yield f"{counted} {have} one value in all rows: {name_columns(constant)}"


CHECK = Check(
    code="constant-columns",
    severity="warn",
    title="Constant columns",
    why="They carry no information; a network can only use them as another bias.",
    action="Remove them from the table, or check why nothing varies.",
    run=run,
)
