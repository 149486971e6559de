"""While a study runs, each quarter of the folds gives a provisional table, without verdicts."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gengap
from gengap.design import Design, design_study
from gengap.interim import GLANCE, LONG, PAUSE, Interim, ahead_so_far
from gengap.progress import SilentProgress
from gengap.reading import read
from gengap.report.verdicts import VERDICTS
from gengap.trials import Trial
from study.cases import Listener

FOLDS = 8
SETTINGS: dict[str, Any] = {
    "model": "mlp:2",
    "techniques": ["l2=0.1", "dropout=0.5"],
    "folds": FOLDS,
    "epochs": 2,
}
X = np.random.default_rng(0).normal(size=(80, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")


class Shown(Listener):
    """Keeps the tables as text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[str] = []
        self.leaders: list[str] = []

    def lead(self, message: str) -> None:
        self.leaders.append(message)

    def interim(self, *parts: Any) -> None:
        stream = io.StringIO()
        Console(file=stream, width=120).print(*parts)
        self.tables.append(stream.getvalue())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def design() -> Design:
    nothing = dict.fromkeys(("target", "task", "test", "groups", "weight", "sample_weight"))
    rest = dict.fromkeys(("metric", "learning_rate", "class_weight", "budget"))
    dataset = read(X, Y, **nothing)
    return design_study(dataset, repeats=1, batch_size=32, seed=0, **rest, **SETTINGS)


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    """A study's trials, fold by fold."""
    study = gengap.compare(X, Y, **SETTINGS)
    return sorted(study.all_trials, key=lambda trial: trial.fold)


def of_folds(trials: list[Trial], count: int) -> list[Trial]:
    return [trial for trial in trials if trial.fold < count]


@pytest.fixture
def setting(design: Design) -> tuple[Interim, Shown, Clock]:
    shown, clock = Shown(), Clock()
    return Interim(design, None, shown, clock), shown, clock


def test_a_quarter_gives_a_table_of_its_folds(setting: Any, trials: list[Trial]) -> None:
    interim, shown, clock = setting
    clock.now = PAUSE
    interim(of_folds(trials, 2))
    (table,) = shown.tables
    assert table.startswith("Provisional, the study is still running:")
    scores = [t.scores["test"]["accuracy"] for t in of_folds(trials, 2) if t.recipe == "baseline"]
    assert f"{100 * np.mean(scores):.0f}" in table
    assert all(name in table for name in ("baseline", "l2=0.1", "dropout=0.5"))
    assert not any(words in table for code, words in VERDICTS.items() if code != "baseline")


def test_each_quarter_is_shown_once_and_the_last_is_left_to_the_end(
    setting: Any, trials: list[Trial]
) -> None:
    interim, shown, clock = setting
    tables = []
    for count in range(FOLDS + 1):
        clock.now += PAUSE
        interim(of_folds(trials, count))
        tables.append(len(shown.tables))
    assert tables == [0, 0, 1, 1, 2, 2, 3, 3, 3]


def test_what_is_ahead_at_the_end_is_what_all_trials_say(
    setting: Any, design: Design, trials: list[Trial]
) -> None:
    interim, shown, clock = setting
    interim(of_folds(trials, 2))
    clock.now = GLANCE / 2
    interim(of_folds(trials, 4))
    assert len(shown.leaders) == 1
    interim(trials)
    assert shown.leaders[1:] == [ahead_so_far(design, trials)]


def test_two_tables_are_some_time_apart(setting: Any, trials: list[Trial]) -> None:
    interim, shown, clock = setting
    clock.now = PAUSE - 1
    interim(of_folds(trials, 2))
    assert shown.tables == []
    clock.now = PAUSE
    interim(of_folds(trials, 2))
    clock.now = 2 * PAUSE - 1
    interim(of_folds(trials, 4))
    assert len(shown.tables) == 1
    clock.now = 2 * PAUSE
    interim(of_folds(trials, 4))
    assert len(shown.tables) == 2


def test_a_study_that_ends_soon_shows_no_table(setting: Any, trials: list[Trial]) -> None:
    interim, shown, clock = setting
    clock.now = LONG - 1
    interim(of_folds(trials, 4))  # half is done: it takes another 59 s
    assert shown.tables == []
    clock.now = LONG + 1
    interim(of_folds(trials, 4))
    assert len(shown.tables) == 1


def test_a_fold_counts_when_all_its_trials_are_there(setting: Any, trials: list[Trial]) -> None:
    interim, shown, clock = setting
    clock.now = PAUSE
    interim([*of_folds(trials, 1), *[t for t in trials if t.recipe != "baseline"]])
    assert shown.tables == []


def test_where_nothing_is_said_nothing_is_computed(
    design: Design, trials: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("analysed for nobody")

    monkeypatch.setattr("gengap.interim.analyse_study", fail)
    clock = Clock()
    interim = Interim(design, None, SilentProgress(), clock)
    clock.now = PAUSE
    interim(of_folds(trials, 4))
