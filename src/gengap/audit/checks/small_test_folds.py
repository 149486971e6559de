"""Test parts of the folds are small."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject
from gengap.plural import plural

__all__ = ["CHECK"]

# Below it the score of a fold moves by over 3 points with a single row.
FEW = 30


def run(subject: Subject) -> Iterator[str]:
    rows = len(subject.kept)
    smallest = rows // subject.folds
    if smallest >= FEW:
        return
    yield (
        f"{rows:,} rows in {subject.folds} folds leave {plural(smallest, 'row')} to test on in each"
    )


CHECK = Check(
    code="small-test-folds",
    severity="warn",
    title="Small test folds",
    why=(
        "A single row moves the score of a fold by points, so scores scatter from fold to fold "
        "and many verdicts stay open."
    ),
    action="Use fewer folds (--folds), or read wide intervals as what they are.",
    run=run,
)
