"""Rows that are equal in a table of discrete columns."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject, percent

__all__ = ["CHECK"]

DONE = {
    "group": "they are kept on one side of every split, as asked",
    "keep": "they are left as they are",
    "drop": "they are dropped, as asked",
}


def run(subject: Subject) -> Iterator[str]:
    copies = subject.copies
    if copies.continuous or not copies.extra:
        return
    yield (
        f"{copies.extra:,} of {copies.rows:,} rows ({percent(copies.extra / copies.rows)}) repeat "
        f"another row, as is to be expected where all columns are discrete; {DONE[subject.policy]}"
    )


CHECK = Check(
    code="repeated-rows",
    severity="note",
    title="Repeated rows",
    why=(
        "Different observations agree by chance where columns have few values, and new ones will "
        "agree with old ones as often; if they are copies instead, scores are too good."
    ),
    action="If they are copies: --duplicates group, or drop.",
    run=run,
)
