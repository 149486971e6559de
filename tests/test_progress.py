"""What is said while a study runs suits where it is read."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from gengap.progress import (
    PlainProgress,
    SilentProgress,
    TerminalProgress,
    choose_progress,
    counted,
    duration,
    with_units,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class TestChoice:
    @pytest.fixture(autouse=True)
    def no_ci(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CI", raising=False)

    def test_a_bar_on_a_terminal(self) -> None:
        assert isinstance(choose_progress(stream=Terminal()), TerminalProgress)

    def test_lines_in_a_file_and_in_ci(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(choose_progress(stream=io.StringIO()), PlainProgress)
        monkeypatch.setenv("CI", "1")
        assert isinstance(choose_progress(stream=Terminal()), PlainProgress)

    def test_nothing_where_quiet(self) -> None:
        assert isinstance(choose_progress(quiet=True, stream=Terminal()), SilentProgress)


class TestPlain:
    def test_a_line_in_30_seconds_and_one_at_the_end(self) -> None:
        stream, clock = io.StringIO(), Clock()
        progress = PlainProgress(stream, clock)
        progress.announce("20 trials")
        progress.start(20)
        for done in range(1, 21):
            clock.now += 4
            progress.advance(done, "dropout")
            progress.lead("ahead so far: l2")
        progress.finish()
        progress.finish()
        assert stream.getvalue().splitlines() == [
            "20 trials",
            "8 of 20 trials, 32 s passed, about 48 s left; dropout; ahead so far: l2",
            "16 of 20 trials, 1 min 4 s passed, about 16 s left; dropout; ahead so far: l2",
            "20 of 20 trials, 1 min 20 s passed; dropout; ahead so far: l2",
        ]

    def test_epochs_are_counted_as_epochs_and_what_led_is_past(self) -> None:
        stream, clock = io.StringIO(), Clock()
        progress = PlainProgress(stream, clock)
        progress.start(4)
        progress.lead("ahead so far: l2")
        progress.advance(4, "l2")
        progress.finish()
        progress.start(40, unit="epochs")
        clock.now += 40
        progress.advance(10, "")
        clock.now += 5
        progress.advance(12, "")
        progress.finish()
        assert stream.getvalue().splitlines()[1:] == [
            "10 of 40 epochs, 40 s passed, about 2 min left",
            "12 of 40 epochs, 45 s passed, about 1 min 45 s left",
        ]

    def test_an_interim_table_has_no_color(self) -> None:
        from rich.text import Text

        stream = io.StringIO()
        PlainProgress(stream).interim("provisional", Text("l2 helps", "bold red"))
        assert stream.getvalue() == "provisional\nl2 helps\n"


class TestTerminal:
    @pytest.fixture(autouse=True)
    def a_color_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.delenv("NO_COLOR", raising=False)

    def run(self) -> str:
        stream = Terminal()
        progress = TerminalProgress(stream)
        progress.start(4)
        progress.advance(1, "fold 2: l2[red]")
        progress.announce("half of [it]")
        progress.interim("a table")
        progress.lead("ahead so far: l2[red]")
        progress.advance(4, "fold 3: dropout")
        progress.finish()
        progress.finish()
        progress.advance(4, "too late")
        return stream.getvalue()

    def test_one_bar_with_what_is_said_above_it(self) -> None:
        shown = self.run()
        assert "4/4" in shown
        assert "half of [it]" in shown
        assert "a table" in shown
        assert "ahead so far: l2[red]; fold 3: dropout" in shown
        assert "\x1b[3" in shown

    @pytest.mark.parametrize("width", ["60", "80", "200"])
    def test_a_long_message_takes_no_room_from_the_numbers(
        self, monkeypatch: pytest.MonkeyPatch, width: str
    ) -> None:
        monkeypatch.setenv("COLUMNS", width)
        stream = Terminal()
        progress = TerminalProgress(stream)
        progress.start(380)
        progress.advance(31, "dropout=0.1 + early_stopping(patience=10, min_delta=0) + l2=0.01" * 4)
        progress.finish()
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
        assert re.search(r"31/380 trials, -:--:-- left +dropout.*…", plain)

    def test_the_bar_says_what_it_counts(self) -> None:
        stream = Terminal()
        progress = TerminalProgress(stream)
        progress.start(4)
        progress.lead("ahead so far: l2")
        progress.finish()
        progress.start(90, unit="epochs")
        progress.advance(7, "")
        progress.finish()
        shown = stream.getvalue()
        assert "/4 trials," in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
        last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown[shown.rindex("ahead so far") :])
        assert " 7/90 epochs," in last

    def test_no_color_is_respected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[3" not in self.run()


class OfTrials:
    """A progress from when there was nothing to count but trials."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def announce(self, text: str) -> None:
        self.told.append(text)

    def start(self, total_trials: int) -> None:
        self.told.append(("start", total_trials))

    def advance(self, done: int, message: str) -> None:
        self.told.append((done, message))

    def lead(self, message: str) -> None:
        self.told.append(("lead", message))

    def interim(self, *parts: Any) -> None:
        self.told.append(("interim", *parts))

    def finish(self) -> None:
        self.told.append("finish")


class TestUnits:
    def test_one_that_takes_no_unit_hears_of_trials_and_what_is_announced(self) -> None:
        old = OfTrials()
        progress = with_units(old)
        for total, unit in ((3, "trials"), (20, "epochs"), (5, "trials")):
            progress.announce(unit)
            with counted(progress, total, unit):
                progress.advance(total, "l2")
            progress.lead("l2")
            progress.interim("a", "b")
        rest = [("lead", "l2"), ("interim", "a", "b")]
        assert old.told == [
            *["trials", ("start", 3), (3, "l2"), "finish", *rest],
            *["epochs", *rest],
            *["trials", ("start", 5), (5, "l2"), "finish", *rest],
        ]

    def test_a_second_argument_of_another_meaning_is_no_unit(self) -> None:
        class Loud(OfTrials):
            def start(self, total: int, loud: bool = False) -> None:
                self.told.append((total, loud))

        loud = Loud()
        with_units(loud).start(3, unit="trials")
        with_units(loud).start(9, unit="epochs")
        assert loud.told == [(3, False)]

    @pytest.mark.parametrize(
        "progress", [SilentProgress(), PlainProgress(io.StringIO()), TerminalProgress(Terminal())]
    )
    def test_one_that_takes_units_is_told_everything(self, progress: Any) -> None:
        assert with_units(progress) is progress

    def test_what_fails_is_finished_too(self) -> None:
        old = OfTrials()
        with pytest.raises(KeyboardInterrupt), counted(with_units(old), 3):
            raise KeyboardInterrupt
        assert old.told == [("start", 3), "finish"]


def test_silence() -> None:
    progress = SilentProgress()
    progress.announce("x")
    progress.start(1)
    progress.start(1, unit="epochs")
    progress.advance(1, "x")
    progress.lead("x")
    progress.interim("x")
    progress.finish()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (90, "1 min 30 s"), (3600, "1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
