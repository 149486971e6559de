"""A study in a child process ends as it would end here, and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from executors import own_networks
from executors.beside import compare_beside
from gengap import UnfinishedError, UserError
from gengap.executors import process
from gengap.store import Store
from study.cases import Listener, figures, measurements

SMALL: dict[str, Any] = {"folds": 2, "epochs": 2, "techniques": "l2=1e-3"}
THIRTY: dict[str, Any] = {"folds": 6, "epochs": 4, "techniques": "l2"}


class Epochs(Listener):
    """Keeps how many epochs were trained, over all runs."""

    trained = 0

    def advance(self, done: int, message: str) -> None:
        super().advance(done, message)
        if found := re.fullmatch("([0-9,]+) of at most [0-9,]+ epochs", message):
            self.trained = int(found[1].replace(",", ""))


@pytest.fixture
def one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a child have one device, on which fifteen of thirty runs train at a time."""
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "1")


class TestEnds:
    def test_errors_of_users_are_errors_of_users(self) -> None:
        with pytest.raises(UserError, match="unknown technique 'l3'") as caught:
            compare_beside(*measurements(), **{**SMALL, "techniques": "l3"})
        assert caught.value.code == "unknown-technique"
        assert "batch_norm" in str(caught.value.hint)

    def test_what_cannot_be_read_is_said_without_a_process(self, children: list[Any]) -> None:
        with pytest.raises(UserError, match="x has 120 rows and y has 3"):
            compare_beside(measurements()[0], [1.0, 2.0, 3.0], **SMALL)
        assert not children

    def test_a_setting_that_is_neither_word_nor_number(self) -> None:
        with pytest.raises(UserError, match=r"received .*object") as caught:
            compare_beside(*measurements(), metric=object(), **SMALL)
        assert caught.value.code == "bad-setting"

    @pytest.mark.parametrize(
        ("function", "how"),
        [
            ("killed", "was killed by SIGKILL, which most often means that memory ran out"),
            ("gone", r"ended without an answer \(exit code 9\): the last words"),
        ],
    )
    def test_a_child_that_dies_is_told_of(
        self, function: str, how: str, children: list[Any]
    ) -> None:
        with pytest.raises(UnfinishedError, match=how) as caught:
            compare_beside(*measurements(), f"executors.own_networks:{function}", **SMALL)
        assert caught.value.code == "child-died"
        assert [child.returncode for child in children] in ([-signal.SIGKILL], [9])

    def test_a_dry_run_is_a_plan_whatever_is_printed_meanwhile(self, capsys: Any) -> None:
        study = compare_beside(
            *measurements(), "executors.own_networks:talking", dry_run=True, **SMALL
        )
        assert study.plan.trials == 4
        assert not study.finished
        with pytest.raises(UserError, match="only planned"):
            _ = study.results
        said = capsys.readouterr()
        assert "printed by the function" in said.err
        assert "written by a library" in said.err
        assert said.out == ""

    def test_an_interrupt_keeps_all_that_has_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, children: list[Any], one_device: None
    ) -> None:
        monkeypatch.setenv(own_networks.PRESS, "once")
        given = (*measurements(), "executors.own_networks:interrupting")
        listener = Epochs()
        with pytest.raises(KeyboardInterrupt):
            compare_beside(*given, progress=listener, out=tmp_path / "run", **THIRTY)
        (child,) = children
        assert child.returncode == 0
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)
        assert (
            "stopping after this chunk of epochs; press Ctrl-C again to stop now" in listener.said
        )
        with Store.open(tmp_path / "run") as store:  # nobody holds it any more
            kept = len(store)
        # Thirty runs train fifteen at a time, to the end in one chunk.
        assert (kept, listener.total) == (15, 30)
        assert listener.trained == kept * THIRTY["epochs"]

        monkeypatch.delenv(own_networks.PRESS)
        again = Epochs()
        study = compare_beside(*given, progress=again, out=tmp_path / "run", **THIRTY)
        assert len(study.all_trials) == listener.total
        assert again.trained == (listener.total - kept) * THIRTY["epochs"]
        whole = compare_beside(*given, **THIRTY)
        assert figures(study.results.to_json()) == figures(whole.results.to_json())

    def test_a_second_interrupt_kills_the_child(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, children: list[Any], one_device: None
    ) -> None:
        class Hasty(Epochs):
            def announce(self, text: str) -> None:
                super().announce(text)
                if "press Ctrl-C again to stop now" in text:
                    os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setenv(own_networks.PRESS, "once")
        given = (*measurements(), "executors.own_networks:interrupting_for_ever")
        listener = Hasty()
        with pytest.raises(KeyboardInterrupt):
            compare_beside(*given, progress=listener, out=tmp_path / "run", **THIRTY)
        assert [child.returncode for child in children] == [-signal.SIGKILL]
        assert not listener.trained
        with Store.open(tmp_path / "run") as store:
            assert len(store) == 0

    def test_a_child_whose_parent_is_gone_stops(self, children: list[Any]) -> None:
        class Gone(Listener):
            def start(self, total: int, unit: str = "trials") -> None:
                children[0].stdin.close()

        with pytest.raises(KeyboardInterrupt):
            compare_beside(*measurements(), progress=Gone(), folds=3, epochs=200, techniques="l2")
        assert children[0].returncode == 0

    def test_a_child_that_does_not_stop_is_killed(
        self, monkeypatch: pytest.MonkeyPatch, children: list[Any]
    ) -> None:
        class Fails(Listener):
            def start(self, total: int, unit: str = "trials") -> None:
                os.kill(children[0].pid, signal.SIGSTOP)
                raise RuntimeError("the user's own progress fails")

        monkeypatch.setattr(process, "PATIENCE", 0.5)
        with pytest.raises(RuntimeError, match="own progress fails"):
            compare_beside(*measurements(), progress=Fails(), **SMALL)
        assert children[0].returncode == -signal.SIGKILL

    def test_a_child_that_is_killed_in_the_middle_of_a_line_is_told_of(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            process,
            "_PROGRAM",
            'import os; os.write(1, b\'{"event": "adv\'); os.kill(os.getpid(), 9)',
        )
        with pytest.raises(UnfinishedError, match="was killed by SIGKILL"):
            compare_beside(*measurements(), **SMALL)

    def test_a_child_that_has_said_its_last_and_lives_on_is_killed(
        self, monkeypatch: pytest.MonkeyPatch, children: list[Any]
    ) -> None:
        monkeypatch.setattr(process, "PATIENCE", 0.5)
        said = '{"event": "done"}'
        monkeypatch.setattr(process, "read_answer", lambda folder: "the answer")
        monkeypatch.setattr(
            process, "_PROGRAM", f"import time; print({said!r}, flush=True); time.sleep(600)"
        )
        assert compare_beside(*measurements(), **SMALL) == "the answer"
        assert children[0].returncode == -signal.SIGKILL
