"""Which runs a study needs, and which of them share a program.

Runs share a program where the same code serves them. Techniques that a run does without are there
at their neutral strength, which costs a little time; a program of its own costs a compilation. They
are merged as long as the first costs less than the second.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from gengap.candidates import Candidate
from gengap.costs import COMPILE_SECONDS
from gengap.lanes.program import Asked, Run
from gengap.recipe import Part, Recipe
from gengap.splits import Split
from gengap.step_time import StepTime
from gengap.techniques.discovery import find_technique

__all__ = ["epoch_rows", "judges_of", "merged", "runs_asked", "steps_of"]

#: A technique, or which of several judgements of a kind.
Needed = tuple[Asked, int]

#: Share of a fold's training rows that an epoch may leave out so that folds share a program.
LEFT_OUT = 0.02


def runs_asked(candidates: Sequence[Candidate], splits: Sequence[Split], seed: int) -> list[Run]:
    """Collect the judgements that are asked of each run, fold by fold.

    Parameters
    ----------
    candidates : sequence of Candidate
    splits : sequence of Split
    seed : int
        Of the study; runs of a fold share theirs.
    """
    judgements: dict[Recipe, dict[Part | None, None]] = defaultdict(dict)
    for candidate in candidates:
        for text in candidate.grid:
            recipe = Recipe.parse(text)
            judgements[recipe.training][recipe.judgement] = None
    seeds = [
        int(np.random.SeedSequence([seed, split.repeat, split.fold]).generate_state(1)[0])
        for split in splits
    ]
    return [
        Run(recipe, index, seed_of_fold, tuple(parts))
        for index, seed_of_fold in enumerate(seeds)
        for recipe, parts in judgements.items()
    ]


def epoch_rows(sizes: Sequence[int]) -> dict[int, int]:
    """Map each fold's number of training rows to the rows that its epochs take."""
    rows: dict[int, int] = {}
    smallest = 0
    for size in sorted(set(sizes)):
        if not smallest or size - smallest > LEFT_OUT * size:
            smallest = size
        rows[size] = smallest
    return rows


def steps_of(recipes: Iterable[Recipe]) -> tuple[Asked, ...]:
    """Return the techniques of recipes that act within a step, in the order of the step."""
    return tuple(
        sorted(
            _forms(recipes),
            key=lambda asked: (find_technique(asked.technique).order, asked.technique),
        )
    )


def _forms(recipes: Iterable[Recipe]) -> set[Asked]:
    return {
        Asked.of(part)
        for recipe in recipes
        for part in recipe.parts
        if Asked.of(part).hooks.in_step
    }


def merged(runs: Sequence[Run], step: StepTime, steps: float) -> list[list[Run]]:
    """Merge sets of techniques into programs while that costs less than another compilation.

    Parameters
    ----------
    runs : sequence of Run
    step : StepTime
    steps : float
        Of a run, over the devices that share the runs.
    """
    by_forms: dict[frozenset[Needed], list[Run]] = defaultdict(list)
    for run in runs:
        by_forms[_needed(run)].append(run)
    together: dict[frozenset[Needed], list[Run]] = {}
    # By the sorted words: the order within a set differs from process to process.
    ordered = sorted(by_forms.items(), key=lambda item: (len(item[0]), sorted(map(str, item[0]))))
    for forms, members in ordered:
        for other, others in list(together.items()):
            unused = len(members) * _added(other - forms, step)
            unused += len(others) * _added(forms - other, step)
            if _compatible(forms, other) and unused * steps < COMPILE_SECONDS:
                together.pop(other)
                # The two may add up to a set that is there already.
                together[other | forms] = [*together.pop(other | forms, []), *others, *members]
                break
        else:
            together[forms] = list(members)
    return [sorted(members, key=lambda run: run.split) for members in together.values()]


def _needed(run: Run) -> frozenset[Needed]:
    """Return what a run needs in a step: its techniques, and judgements that look at every step."""
    techniques = {(asked, 0) for asked in _forms([run.recipe])}
    kinds = Counter(Asked.of(part) for part in run.judgements if part is not None)
    return frozenset(techniques) | {
        (asked, number)
        for asked, count in kinds.items()
        if (keep := asked.hooks.keep) is not None and keep.every == "step"
        for number in range(count)
    }


def _compatible(first: frozenset[Needed], second: frozenset[Needed]) -> bool:
    """Tell whether one step can hold both: not two forms of one technique.

    A second pass doubles a step: lanes that have no use for it are not trained beside one that has.
    """
    if _two_pass(first) != _two_pass(second):
        return False
    return all(
        a == b or a.technique != b.technique for a, _ in first for b, _ in second if a.hooks.in_step
    )


def _two_pass(needed: frozenset[Needed]) -> frozenset[Asked]:
    return frozenset(asked for asked, _ in needed if asked.hooks.two_pass)


def _added(needed: frozenset[Needed], step: StepTime) -> float:
    return math.fsum(step.added(find_technique(asked.technique)) for asked, _ in needed)


def judges_of(runs: Sequence[Run]) -> tuple[Asked, ...]:
    """Return the slots that serve every run: as many of a kind as some run asks for."""
    most: dict[Asked, int] = {}
    for run in runs:
        counts: dict[Asked, int] = defaultdict(int)
        for part in run.judgements:
            if part is not None:
                counts[Asked.of(part)] += 1
        most |= {asked: max(count, most.get(asked, 0)) for asked, count in counts.items()}
    return tuple(asked for asked in sorted(most, key=str) for _ in range(most[asked]))
