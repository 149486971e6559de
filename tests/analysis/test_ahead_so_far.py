"""While a study runs it says which candidate is ahead where the study chooses: on validation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gengap.interim import GLANCE, Interim, ahead_so_far
from gengap.statistics.metrics import METRICS


class Listener:
    """Hears what is ahead; nothing else is said here."""

    def __init__(self):
        self.leads = []

    def lead(self, message):
        self.leads.append(message)


@pytest.fixture
def candidates(candidate):
    return (candidate("baseline"), candidate("l2", "l2=0.1", "l2=1"), candidate("dropout=0.3"))


def design(candidates, metric="accuracy"):
    splits = [None] * 20
    grid_points = sum(len(candidate.grid) for candidate in candidates)
    plan = SimpleNamespace(candidates=candidates, trials=len(splits) * grid_points)
    return SimpleNamespace(metric=METRICS[metric], plan=plan, splits=splits)


def trials(make, folds, **validation):
    given = {"baseline": 0.7, "l2=0.1": 0.7, "l2=1": 0.9, "dropout=0.3": 0.8, **validation}
    return [
        make(recipe, fold, validation=score, test=0.1)
        for fold in range(folds)
        for recipe, score in given.items()
    ]


def test_the_best_grid_point_of_a_candidate_counts(make, candidates):
    found = ahead_so_far(design(candidates), trials(make, 2))
    assert found == "ahead on validation so far: l2 (90.0 %)"


def test_the_direction_of_the_metric_decides(make, candidates):
    done = [
        make(recipe, 0, metric="brier", validation=score)
        for recipe, score in {
            "baseline": 0.3,
            "l2=0.1": 0.2,
            "l2=1": 0.4,
            "dropout=0.3": 0.1,
        }.items()
    ]
    found = ahead_so_far(design(candidates, "brier"), done)
    assert found.startswith("ahead on validation so far: dropout=0.3 (0.100")


def test_a_tie_goes_to_what_is_weaker(make, candidates):
    found = ahead_so_far(design(candidates), trials(make, 1, **{"l2=1": 0.7, "dropout=0.3": 0.7}))
    assert found.startswith("ahead on validation so far: baseline")


def test_before_a_fold_is_complete_there_is_none(make, candidates):
    assert ahead_so_far(design(candidates), []) is None
    listener = Listener()
    interim = Interim(design(candidates), None, listener, clock=lambda: 0.0)
    interim(trials(make, 1)[:-1])
    assert not listener.leads


def test_it_is_said_at_most_once_a_second(make, candidates):
    listener, now = Listener(), [0.0]
    interim = Interim(design(candidates), None, listener, clock=lambda: now[0])
    for _ in range(5):
        interim(trials(make, 1))
    now[0] = GLANCE
    interim(trials(make, 2, **{"dropout=0.3": 0.95}))
    assert [lead.split(" (")[0] for lead in listener.leads] == [
        "ahead on validation so far: l2",
        "ahead on validation so far: dropout=0.3",
    ]
