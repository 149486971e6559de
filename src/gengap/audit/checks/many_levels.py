"""Categorical columns with many levels."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject
from gengap.audit.columns import numbers_the_rows, words_among_numbers
from gengap.wording import listed, plural

__all__ = ["CHECK"]

# A level becomes an input of its own; it can be learned from about as many rows as it has on
# average.
MANY = 50
ROWS_A_LEVEL = 10


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None:
        return
    found = [
        column
        for column in subject.dataset.columns
        if column.kind == "categorical"
        and (len(column.levels) > MANY or len(column.levels) * ROWS_A_LEVEL > len(table))
        and len(column.levels) > 2
        and not numbers_the_rows(table[column.name], column.kind)
        and not len(words_among_numbers(table[column.name], column.kind, column.levels))
    ]
    if not found:
        return
    found.sort(key=lambda column: -len(column.levels))
    have = "has" if len(found) == 1 else "have"
    named = listed([f"'{column.name}' ({len(column.levels)})" for column in found])
    yield f"{plural(len(found), 'categorical column')} {have} many levels: {named}"


CHECK = Check(
    code="many-levels",
    severity="note",
    title="Many levels",
    why=(
        "Every level becomes an input of its own; those with few rows are learned by heart, and "
        "a level that the training rows lack is all zeros."
    ),
    action="Join rare levels, or replace the column by what they stand for.",
    run=run,
)
