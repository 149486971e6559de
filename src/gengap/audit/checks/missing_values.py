"""Features with missing values."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, percent
from gengap.wording import listed, plural

__all__ = ["CHECK"]

MOSTLY = 0.5  # share of missing values from which a column is mostly filled in


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
    found = (
        f"{plural(len(some), 'column')} {have} missing values, {percent(some.sum() / table.size)} "
        f"of the table: {named}"
    )
    kinds = {column.name: column.kind for column in subject.dataset.columns}
    mostly = [
        f"'{name}' ({percent(number / len(table))} missing, {_FILLED[kinds[name]]})"
        for name, number in some.items()
        if number > MOSTLY * len(table)
    ]
    yield f"{found}. Mostly missing: {listed(mostly)}" if mostly else found


_FILLED = {
    "numeric": "filled with the median of the rest",
    "date": "filled with the median of the rest",
    "boolean": "filled with the more common answer",
    "categorical": "a level of its own",
    "text": "without any term",
}


CHECK = Check(
    code="missing-values",
    severity="note",
    title="Missing values",
    why=(
        "Missing numbers and dates are filled with the median of the training rows, a missing "
        "answer of a column with two with the more common one, and a missing category is a level "
        "of its own; but for categories, that a value was missing is then no longer visible."
    ),
    action=(
        "If it matters that a value is missing, add a column that says so; leave out a column "
        "that is mostly filled in."
    ),
    run=run,
)
