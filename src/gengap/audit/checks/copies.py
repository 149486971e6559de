"""Rows that are copies of other rows, in a table with a continuous column."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject
from gengap.plural import plural

__all__ = ["CHECK"]

DONE = {
    "group": "equal rows are kept on one side of every split",
    "keep": "they are left as they are, as asked",
    "drop": "copies are dropped, as asked",
}


def run(subject: Subject) -> Iterator[str]:
    copies = subject.copies
    if not copies.continuous or not copies.alike:
        return
    done = DONE[subject.policy]
    if copies.extra:
        verb = "is a copy" if copies.extra == 1 else "are copies"
        yield (
            f"{copies.extra:,} of {plural(copies.rows, 'row')} {verb} of another row "
            f"({len(copies.first):,} are distinct); {done}"
        )
    else:
        yield (
            f"{plural(copies.alike, 'row')} of {copies.rows:,} have the same features as another "
            f"row, and another target; {done}"
        )


CHECK = Check(
    code="copies",
    severity="warn",
    title="Copies of rows",
    why=(
        "A row that is tested on and whose copy was trained on is remembered, not predicted: "
        "the score is too good, and the more so the more a network overfits."
    ),
    action=(
        "Find out where they come from. --duplicates group keeps them together (the default "
        "here), drop removes them, keep leaves them where they fall."
    ),
    run=run,
)
