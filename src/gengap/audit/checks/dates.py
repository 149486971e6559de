"""The rows have dates."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, name_columns
from gengap.plural import plural

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    dates = [column.name for column in subject.dataset.columns if column.kind == "date"]
    if not dates or subject.dataset.test is not None:
        return
    verb = "holds" if len(dates) == 1 else "hold"
    yield f"{plural(len(dates), 'column')} {verb} dates: {name_columns(dates)}"


CHECK = Check(
    code="dates",
    severity="warn",
    title="Rows in time order",
    why=(
        "Folds mix earlier and later rows, so a network is tested on times from which it has "
        "learned; on later data it will do worse than the folds say."
    ),
    action="Set the latest rows aside and give them as --test FILE: they are scored once.",
    run=run,
)
