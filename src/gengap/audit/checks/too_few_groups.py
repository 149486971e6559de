"""There are fewer groups of rows than folds."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.audit.base import Check, Subject

__all__ = ["CHECK"]

# Testing, validating and training each need a group of their own, in halves as in thirds.
FEWEST_GROUPS = {2: 4}


def run(subject: Subject) -> Iterator[str]:
    needed = FEWEST_GROUPS.get(subject.folds, subject.folds)
    if subject.units >= needed or subject.units == len(subject.kept):
        return
    if subject.dataset.rows.groups is None:
        yield (
            f"only {subject.units} of the {len(subject.kept):,} rows differ; {subject.folds} "
            f"folds need {needed} different ones"
        )
    else:
        yield (
            f"the rows fall into {subject.units} groups that must stay together; {subject.folds} "
            f"folds need {needed}"
        )


CHECK = Check(
    code="too-few-groups",
    severity="refuse",
    title="Fewer groups than folds",
    why="A group stays on one side of every split, so some test parts would have no rows.",
    action="Use fewer folds (--folds), or other groups (--groups).",
    run=run,
    final=True,
)
