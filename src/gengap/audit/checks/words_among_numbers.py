"""Columns of numbers that a few words turn into categories."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject
from gengap.audit.columns import numbers_the_rows, words_among_numbers
from gengap.wording import listed, plural

__all__ = ["CHECK"]


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None:
        return
    found = []
    for column in subject.dataset.columns:
        words = words_among_numbers(table[column.name], column.kind, column.levels)
        if len(words) and not numbers_the_rows(table[column.name], column.kind):
            known = table[column.name].notna().sum()
            found.append(
                f"'{column.name}' ({len(words):,} of {known:,}, such as '{words.iloc[0]}')"
            )
    if not found:
        return
    holds, is_ = ("holds", "is") if len(found) == 1 else ("hold", "are")
    yield (
        f"{plural(len(found), 'column')} {holds} numbers but for some values, and {is_} taken for "
        f"categories: {listed(found)}"
    )


CHECK = Check(
    code="words-among-numbers",
    severity="warn",
    title="Words among numbers",
    why=(
        "As a category, every different number becomes an input of its own: the network does not "
        "see which is larger, and learns nothing of numbers that the training rows lack."
    ),
    action=(
        "Correct these values, or leave them empty to have them count as missing; a column of "
        "pandas' category type has to be made one of numbers, too. Where the numbers are codes all "
        "the same, nothing."
    ),
    run=run,
)
