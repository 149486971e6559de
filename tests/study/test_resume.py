"""A study that is killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from gengap.run_folder import FILES
from gengap.store import Store
from study.cases import figures, people

pytestmark = pytest.mark.slow

#: Six folds of the baseline, which is judged twice, four strengths of l2 and one of dropout; twelve
#: lanes at once.
RUNS, TRIALS, LANES = 36, 42, 12
ARGUMENTS = [
    "compare", "people.csv", "--target", "bought", "--techniques",
    "l2, dropout=0.3, early_stopping=3", "--folds", "6", "--epochs", "20", "--batch-size", "16",
    "--learning-rate", "0.05", "--model", "mlp:6", "--test", "later.csv", "--rope", "0.001",
]  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, what it said, and the runs that it began to train."""

    code: int
    said: str
    trained: list[Any]
    refitted: int


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table and a test part in it."""
    folder = tmp_path_factory.mktemp("interrupted")
    for name, table in (("people", people()), ("later", people(40, seed=9))):
        table.drop(columns=["site", "importance"]).to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def gengap(place: Path) -> Callable[..., Ended]:
    """Return what runs the same command, up to a place where it gets a signal."""

    def run(
        out: str,
        where: str = "nowhere",
        count: int = 1,
        name: str = "SIGKILL",
        *,
        more: Sequence[str] = (),
        cores: int = 1,
    ) -> Ended:
        notes = place / "notes"
        notes.write_text("")
        script = Path(__file__).with_name("interrupted.py")
        ended = subprocess.run(
            [
                *(sys.executable, script, notes, where, str(count), name),
                *(*ARGUMENTS, *more, "--out", out),
            ],
            check=False,
            cwd=place,
            # Which runs train together must not hang on the machine.
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("GENGAP_")},
                "GENGAP_CACHE_DIR": str(place / "cache"),
                "JAX_NUM_CPU_DEVICES": str(cores),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        noted = [json.loads(line) for line in notes.read_text().splitlines()]
        trained = [run for note in noted if note["what"] == "study" for run in note["runs"]]
        refitted = sum(note["what"] == "refit" for note in noted)
        return Ended(ended.returncode, ended.stdout + ended.stderr, trained, refitted)

    return run


@pytest.fixture(scope="module")
def undisturbed(gengap: Callable[..., Ended], place: Path) -> Path:
    """Return the run folder of a study that nothing happened to."""
    ended = gengap("undisturbed")
    assert ended.code == 0, ended.said
    assert len(ended.trained) == RUNS
    # The best and, for the test part, the baseline.
    assert ended.refitted == 2
    return place / "undisturbed"


def stored(folder: Path) -> int:
    with Store.open(folder) as store:
        return len(store)


def runs_of(trials: int) -> int:
    """Return of how many runs, fold by fold, these are the trials."""
    folds, rest = divmod(trials, TRIALS // 6)
    return folds * RUNS // 6 + max(0, rest - 1)


@pytest.fixture(scope="module")
def disturbed(gengap: Callable[..., Ended], place: Path, undisturbed: Path) -> Path:
    """Interrupt and kill one study again and again, and let the same command go on every time."""
    folder = place / "disturbed"

    # While the first twelve are trained: they end in that chunk, and are kept.
    ended = gengap("disturbed", "training", 1, "SIGINT")
    assert ended.code == 130
    assert "stopping after this chunk of epochs; press Ctrl-C again to stop now" in ended.said
    assert "the trials that were finished are kept" in ended.said
    assert "the same command again goes on where it was" in ended.said
    assert "Traceback" not in ended.said
    assert len(ended.trained) == RUNS
    first = stored(folder)
    assert runs_of(first) == LANES

    ended = gengap("disturbed", "chunk", 2)  # when the third twelve were trained
    assert ended.code == -signal.SIGKILL
    assert len(ended.trained) == RUNS - LANES
    second = stored(folder)
    assert first < second < TRIALS

    ended = gengap("disturbed", "store", 1)
    assert ended.code == -signal.SIGKILL
    assert len(ended.trained) == RUNS - runs_of(second)
    assert stored(folder) == second

    ended = gengap("disturbed", FILES["report"])
    assert ended.code == -signal.SIGKILL
    assert len(ended.trained) == RUNS - runs_of(second)
    assert ended.refitted == 2
    assert stored(folder) == TRIALS
    # The results come last: where they are, the rest is too.
    assert not (folder / FILES["report"]).exists()
    assert not (folder / FILES["results"]).exists()
    assert (folder / f".draft-{FILES['report']}").exists()

    ended = gengap("disturbed")
    assert ended.code == 0, ended.said
    assert ended.trained == []
    assert ended.refitted == 0
    return folder


def test_no_run_was_trained_twice_or_lost(disturbed: Path) -> None:
    assert stored(disturbed) == TRIALS


def test_it_ends_with_the_same_figures(disturbed: Path, undisturbed: Path) -> None:
    mine, theirs = (
        (folder / FILES["results"]).read_text(encoding="utf-8")
        for folder in (disturbed, undisturbed)
    )
    assert figures(mine) == figures(theirs)


def test_it_ends_with_the_same_files(disturbed: Path, undisturbed: Path) -> None:
    assert {path.name for path in disturbed.iterdir()} == {
        path.name for path in undisturbed.iterdir()
    }
    for what in ("recipe", "preprocessing"):
        mine, theirs = ((f / FILES[what]).read_bytes() for f in (disturbed, undisturbed))
        assert mine == theirs
    mine, theirs = (
        gzip.decompress((f / FILES["curves"]).read_bytes()) for f in (disturbed, undisturbed)
    )
    assert mine == theirs
    mine, theirs = (
        pd.read_csv(f / FILES["trials"]).drop(columns="seconds") for f in (disturbed, undisturbed)
    )
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    mine, theirs = (
        keras.models.load_model(f / FILES["model"]).get_weights() for f in (disturbed, undisturbed)
    )
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_report_is_whole(disturbed: Path, undisturbed: Path) -> None:
    mine, theirs = (
        (f / FILES["report"]).read_text(encoding="utf-8") for f in (disturbed, undisturbed)
    )
    assert mine.rstrip().endswith("</html>")
    assert abs(len(mine) - len(theirs)) < 0.01 * len(theirs)


def test_it_goes_on_with_other_devices(gengap: Callable[..., Ended], place: Path) -> None:
    """Two programs, that lay on two devices, lie on one: in lanes as wide as before."""
    more = ["--techniques", "l2=0.1, batch_norm, dropout=0.3, early_stopping=3", "--folds", "3"]
    whole = gengap("two", more=more, cores=2)
    assert whole.code == 0, whole.said
    assert len(whole.trained) == 3 * 4

    killed = gengap("other", "chunk", 2, more=more, cores=2)
    assert killed.code == -signal.SIGKILL
    kept = stored(place / "other")
    assert kept > 0

    ended = gengap("other", more=[*more, "--devices", "1"], cores=2)
    assert ended.code == 0, ended.said
    assert 0 < len(ended.trained) < len(whole.trained)
    again = gengap("other", more=more, cores=1)
    assert again.code == 0, again.said
    assert (again.trained, again.refitted) == ([], 0)

    # The same trials, each once. Their bits are those of one number of devices only.
    mine, theirs = (
        pd.read_csv(place / folder / FILES["trials"])[["trial", "recipe", "fold", "seed"]]
        for folder in ("other", "two")
    )
    pd.testing.assert_frame_equal(mine, theirs)
    assert stored(place / "other") == len(mine)
