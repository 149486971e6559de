"""Ctrl-C loses nothing that has ended, and a second one does not wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

import gengap
from gengap.store import Store
from gengap.training import _stopping
from study.cases import Listener, figures, people


@pytest.fixture
def place(tmp_path: Path) -> Path:
    people().drop(columns=["site", "importance"]).to_csv(tmp_path / "people.csv", index=False)
    return tmp_path


@pytest.fixture
def start(place: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a study that interrupts itself while its first chunk is computed."""
    processes: list[subprocess.Popen[str]] = []

    def started(name: str, *more: str) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("interrupted.py")
        arguments = [
            "compare", "people.csv", "--target", "bought", "--techniques", "l2", "--folds", "6",
            "--epochs", "20", "--batch-size", "16", "--out", "run", *more,
        ]  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, script, place / "notes", "training", "1", name, *arguments],
            cwd=place,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("GENGAP_")},
                "JAX_NUM_CPU_DEVICES": "1",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        with process:  # an endless one that was not stopped
            process.kill()


def stored(place: Path) -> int:
    with Store.open(place / "run") as store:
        return len(store)


@pytest.mark.slow
def test_what_asks_a_process_to_end_is_an_interrupt(
    start: Callable[..., subprocess.Popen[str]], place: Path
) -> None:
    process = start("SIGTERM", "--model", "mlp:6")
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 130, said
    assert "stopping after this chunk of epochs" in said
    assert "the trials that were finished are kept" in said
    assert "Traceback" not in said
    # Thirty runs, fifteen at a time: those that were trained.
    assert stored(place) == 15


@pytest.mark.slow
def test_a_second_one_waits_for_nothing(
    start: Callable[..., subprocess.Popen[str]], place: Path
) -> None:
    process = start("SIGINT", "--model", "study.cases:endless")
    assert process.stderr is not None
    before = []
    for line in process.stderr:
        before.append(line)
        if "press Ctrl-C again" in line:
            break
    process.send_signal(signal.SIGINT)
    after = process.communicate(timeout=300)[1]
    assert process.returncode == 130, "".join(before) + after
    assert "the same command again goes on where it was" in after
    assert "Traceback" not in after
    assert stored(place) == 0


class TestPython:
    """The same in a script or a notebook."""

    SMALL: ClassVar[dict[str, Any]] = {
        "techniques": "l2=1e-3", "model": "mlp:4", "folds": 3, "epochs": 4,
    }  # fmt: skip

    @pytest.fixture(autouse=True)
    def pythons_own_handler(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_what_has_ended_is_stored(self, tmp_path: Path) -> None:
        class Interrupting(Listener):
            def advance(self, done: int, message: str) -> None:
                super().advance(done, message)
                if message.endswith("epochs"):  # nothing of the chunk is read yet
                    signal.raise_signal(signal.SIGINT)

        listener = Interrupting()
        given = {**self.SMALL, "out": tmp_path / "run"}
        with pytest.raises(KeyboardInterrupt):
            gengap.compare("sklearn:iris", progress=listener, **given)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert listener.done[-1] == listener.total == stored(tmp_path) == 6
        assert listener.finished

        again = Listener()
        study = gengap.compare("sklearn:iris", progress=again, **given)
        assert again.done[0] == 6
        whole = gengap.compare("sklearn:iris", **self.SMALL)
        assert figures(study.results.to_json()) == figures(whole.results.to_json())

    def test_a_handler_of_the_users_own_is_called_as_ever(self) -> None:
        called: list[int] = []

        def own(signum: int, frame: Any) -> None:
            called.append(signum)

        class Interrupting(Listener):
            def advance(self, done: int, message: str) -> None:
                super().advance(done, message)
                before = len(called)
                signal.raise_signal(signal.SIGINT)
                assert len(called) == before + 1

        signal.signal(signal.SIGINT, own)
        listener = Interrupting()
        study = gengap.compare("sklearn:iris", progress=listener, **self.SMALL)
        assert len(called) == len(listener.done) > 0
        assert study.finished
        assert not any("Ctrl-C" in text for text in listener.said)
        assert signal.getsignal(signal.SIGINT) is own

    def test_off_the_main_thread_no_handler_changes(self) -> None:
        seen: set[Any] = set()

        class Looking(Listener):
            def advance(self, done: int, message: str) -> None:
                super().advance(done, message)
                seen.add(signal.getsignal(signal.SIGINT))

        def compare() -> bool:
            given = {**self.SMALL, "progress": Looking()}
            return gengap.compare("sklearn:iris", **given).finished

        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(compare).result()
        assert seen == {signal.default_int_handler}


@pytest.mark.parametrize(
    ("passed", "expected", "when"),
    [
        (0.2, 1.0, ""),
        (5.0, 14.0, ""),
        (2.0, 42.0, ", in about 40 s"),
        (1.0, 601.0, ", in about 10 min"),
        (30.0, 31.0, ""),
        (3.0, 1.0, ""),
        (75.0, 20.0, ", which has taken 1 min 15 s so far"),
    ],
)
def test_a_long_wait_is_told(passed: float, expected: float, when: str) -> None:
    assert _stopping(passed, expected) == (
        f"stopping after this chunk of epochs{when}; press Ctrl-C again to stop now"
    )
