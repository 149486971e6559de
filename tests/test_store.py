"""What is stored comes back exactly, also after the process was killed while it wrote."""

from __future__ import annotations

import math
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.errors import GengapError, UnfinishedError, UserError
from gengap.store import FILE_NAME, Store, trial_from_json, trial_to_json
from gengap.trials import Curves, Trial

_NUMBERS = st.floats(allow_nan=False)
_CURVE = st.lists(_NUMBERS, max_size=3).map(tuple)
_TRIALS = st.builds(
    Trial,
    key=st.text(),
    run=st.text(),
    recipe=st.text(),
    fold=st.integers(0, 9),
    repeat=st.integers(0, 9),
    seed=st.integers(0, 2**63),
    status=st.sampled_from(["finished", "diverged"]),
    epochs=st.integers(1, 1000),
    best_epoch=st.integers(1, 1000),
    seconds=_NUMBERS,
    scores=st.dictionaries(
        st.sampled_from(["train", "validation", "test", "noisy"]),
        st.dictionaries(st.text(max_size=5), st.none() | _NUMBERS, max_size=3),
    ),
    zero_weights=_NUMBERS,
    weight_norm=_NUMBERS,
    curves=st.builds(Curves, _CURVE, _CURVE, _CURVE, _CURVE),
)


def make_trial(key: str, **changes: object) -> Trial:
    values = {
        "key": key,
        "run": "run",
        "recipe": "l2=1e-4",
        "fold": 3,
        "repeat": 0,
        "seed": 7,
        "status": "finished",
        "epochs": 2,
        "best_epoch": 1,
        "seconds": 0.25,
        "scores": {"test": {"accuracy": 0.1 + 0.2, "roc_auc": None}},
        "zero_weights": 0.0,
        "weight_norm": 1 / 3,
        "curves": Curves((1.0, 0.5), (1.0, 0.6), (0.5, 0.9), (0.5, 0.8)),
    }
    return Trial(**{**values, **changes})  # type: ignore[arg-type]


class TestRoundTrip:
    @given(_TRIALS)
    def test_a_trial_comes_back_exactly(self, trial: Trial) -> None:
        assert trial_from_json(trial_to_json(trial)) == trial

    def test_what_diverged_too(self) -> None:
        nan, inf = math.nan, math.inf
        trial = make_trial(
            "k",
            status="diverged",
            scores={"test": {"loss": nan, "rmse": inf}},
            weight_norm=inf,
            curves=Curves((inf, nan), (), (), ()),
        )
        again = trial_from_json(trial_to_json(trial))
        assert again.scores == {"test": {"loss": None, "rmse": inf}}
        assert again.weight_norm == inf
        assert again.curves.train_loss[0] == inf
        assert math.isnan(again.curves.train_loss[1])

    def test_through_the_file(self, tmp_path: Path) -> None:
        trials = [make_trial(f"key-{i}", fold=i) for i in range(1200)]
        with Store.open(tmp_path / "a" / "run") as store:
            store.put(trials)
            store.put(trials[:10])
        with Store.open(tmp_path / "a" / "run") as store:
            assert len(store) == 1200
            found = store.get(["missing", *(trial.key for trial in reversed(trials))])
        assert list(found.values()) == trials[::-1]

    def test_a_key_that_is_there_stays(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            store.put([make_trial("k", seconds=1.0)])
            store.put([make_trial("k", seconds=2.0)])
            assert store.get(["k"])["k"].seconds == 1.0

    def test_blobs(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            assert store.load_blob("plan") is None
            store.save_blob("plan", b"\x00first")
            store.save_blob("plan", b"\x00second")
        with Store.open(tmp_path) as store:
            assert store.load_blob("plan") == b"\x00second"


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what stands in the files of a folder, and when it was written."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


class TestReading:
    def test_it_changes_no_file_and_needs_no_lock(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            store.put([make_trial("k")])
            store.of_study("one").save_blob("plan", b"16 lanes")
            before = contents(tmp_path)
            with Store.open_to_read(tmp_path) as reader:
                assert list(reader.get(["k", "l"])) == ["k"]
                assert reader.of_study("one").load_blob("plan") == b"16 lanes"
                with pytest.raises(UnfinishedError, match="readonly"):
                    reader.save_blob("plan", b"8 lanes")
        assert contents(tmp_path) == before

    def test_a_name_may_hold_what_means_something_in_addresses(self, tmp_path: Path) -> None:
        folder = tmp_path / "run?mode=rwc#1 %20"
        Store.open(folder).close()
        with Store.open_to_read(folder) as reader:
            assert len(reader) == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
    def test_what_is_half_written_is_left_to_who_may_write(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            store.put([make_trial("before")])
        killed = subprocess.run([sys.executable, "-c", _KILLED_WRITER, tmp_path], check=False)
        assert killed.returncode == -signal.SIGKILL
        before = contents(tmp_path)
        assert f"{FILE_NAME}-journal" in before
        with pytest.raises(UserError) as caught:
            Store.open_to_read(tmp_path)
        assert caught.value.code == "store-half-written"
        assert "without --dry-run" in caught.value.hint
        assert contents(tmp_path) == before
        with Store.open(tmp_path) as store:
            assert list(store.get(["before", "after-0"])) == ["before"]
        with Store.open_to_read(tmp_path) as reader:
            assert len(reader) == 1


class TestRefusals:
    def refused(self, folder: Path, opened: Callable[[Path], Store] = Store.open) -> GengapError:
        with pytest.raises(UserError) as caught:
            opened(folder)
        assert caught.value.hint
        return caught.value

    @pytest.fixture(params=[Store.open, Store.open_to_read])
    def opened(self, request: pytest.FixtureRequest) -> Callable[[Path], Store]:
        return request.param

    def test_a_second_process(self, tmp_path: Path) -> None:
        with Store.open(tmp_path):
            assert self.refused(tmp_path).code == "run-folder-busy"
        Store.open(tmp_path).close()

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert self.refused(tmp_path / "file").code == "run-folder"
        assert self.refused(tmp_path / "file" / "run").code == "run-folder"

    @pytest.mark.skipif(
        sys.platform != "linux", reason="needs a place where even root cannot write"
    )
    def test_a_folder_without_permission(self) -> None:
        assert self.refused(Path("/proc/gengap-runs")).code == "run-folder"

    def test_a_store_that_is_a_folder(
        self, tmp_path: Path, opened: Callable[[Path], Store]
    ) -> None:
        (tmp_path / "trials.sqlite").mkdir()
        assert self.refused(tmp_path, opened).code == "run-folder"

    def test_garbage(self, tmp_path: Path, opened: Callable[[Path], Store]) -> None:
        (tmp_path / "trials.sqlite").write_bytes(b"garbage " * 1000)
        assert self.refused(tmp_path, opened).code == "store-corrupt"

    def test_a_file_cut_short(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            store.put(make_trial(str(i)) for i in range(100))
        path = tmp_path / "trials.sqlite"
        path.write_bytes(path.read_bytes()[:8192])
        with pytest.raises(UserError) as caught, Store.open(tmp_path) as store:
            store.get(map(str, range(100)))
        assert caught.value.code == "store-corrupt"

    def test_a_database_of_another_program(
        self, tmp_path: Path, opened: Callable[[Path], Store]
    ) -> None:
        connection = sqlite3.connect(tmp_path / "trials.sqlite")
        connection.execute("CREATE TABLE songs (title)")
        connection.close()
        assert self.refused(tmp_path, opened).code == "store-corrupt"

    def test_another_version(self, tmp_path: Path, opened: Callable[[Path], Store]) -> None:
        Store.open(tmp_path).close()
        connection = sqlite3.connect(tmp_path / "trials.sqlite")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        assert self.refused(tmp_path, opened).code == "store-version"

    def test_a_full_disk_leaves_whole_waves(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            store.put([make_trial("before")])
            store._connection.execute("PRAGMA max_page_count = 8")
            with pytest.raises(UnfinishedError) as caught:
                store.put(make_trial(f"after-{i}") for i in range(1000))
            assert caught.value.code == "disk-full"
            assert list(store.get(["before", "after-0"])) == ["before"]


#: Is killed in the middle of a transaction that is larger than what SQLite holds back.
_KILLED_WRITER = """
import os, signal, sys
from gengap.store import Store

with Store.open(sys.argv[1]) as store:
    store._connection.execute("PRAGMA cache_size = 5")
    store._connection.execute("BEGIN IMMEDIATE")
    for i in range(1000):
        store._connection.execute("INSERT INTO trials VALUES (?, ?)", (f"after-{i}", "x" * 2000))
    os.kill(os.getpid(), signal.SIGKILL)
"""

_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_store import make_trial
from gengap.store import Store

with Store.open(sys.argv[1]) as store:
    wave = len(store) // 3
    while True:
        store.put(make_trial(f"{wave}-{i}", seconds=wave / 7) for i in range(3))
        print(wave, flush=True)
        wave += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_while_writing_it_keeps_every_wave_that_it_had_acknowledged(tmp_path: Path) -> None:
    generator = random.Random(0)
    acknowledged = -1
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline().strip() == str(acknowledged + 1)
            time.sleep(generator.uniform(0, 0.2))
            writer.send_signal(signal.SIGKILL)
            printed = writer.stdout.read().split()
        acknowledged = max([acknowledged + 1, *map(int, printed)])
        with Store.open(tmp_path) as store:
            assert len(store) % 3 == 0
            waves = len(store) // 3
            # The wave under way may have landed without its word getting through.
            assert waves - 1 in (acknowledged, acknowledged + 1)
            keys = [f"{wave}-{i}" for wave in range(waves) for i in range(3)]
            assert [trial.seconds for trial in store.get(keys).values()] == [
                wave / 7 for wave in range(waves) for _ in range(3)
            ]
            acknowledged = waves - 1
