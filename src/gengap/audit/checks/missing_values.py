"""Features with missing values."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, listed, percent
from gengap.plural import plural

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None or not table.shape[1]:
        return
    missing = table.isna().sum()
    some = missing[(missing > 0) & (missing < len(table))]
    some = some.sort_values(ascending=False, kind="stable")
    if not len(some):
        return
    have = "has" if len(some) == 1 else "have"
    named = listed([f"'{name}' ({number:,})" for name, number in some.items()])
    yield (
        f"{plural(len(some), 'column')} {have} missing values, {percent(some.sum() / table.size)} "
        f"of the table: {named}"
    )


CHECK = Check(
    code="missing-values",
    severity="note",
    title="Missing values",
    why=(
        "Missing numbers are filled with the median of the training rows, a missing category is "
        "a level of its own; that a number was missing is then no longer visible."
    ),
    action="If it matters that a value is missing, add a column that says so.",
    run=run,
)
