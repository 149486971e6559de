"""There are fewer rows than a split needs."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]

# The smallest protocol has 2 folds; the half that is not tested gives 20 % to validation, which is
# a whole row from 5 rows on.
FEWEST_ROWS = 10


def run(subject: Subject) -> Iterator[str]:
    rows = len(subject.kept)
    if rows >= FEWEST_ROWS:
        return
    left = " left once copies are dropped" if rows < len(subject.target) else ""
    yield (
        f"there are {rows} rows{left}; testing, validating and training on different rows takes "
        f"{FEWEST_ROWS}"
    )


CHECK = Check(
    code="too-few-rows",
    severity="refuse",
    title="Too few rows",
    why="A score on a handful of rows says nothing about other rows.",
    action="Get more rows: some hundreds at least for differences of a few points.",
    run=run,
)
