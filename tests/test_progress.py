"""What is said while a study runs suits where it is read."""

from __future__ import annotations

import io
import re

import pytest

from gengap.progress import (
    PlainProgress,
    SilentProgress,
    TerminalProgress,
    choose_progress,
    duration,
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
            progress.lead("best so far: l2")
        progress.finish()
        progress.finish()
        assert stream.getvalue().splitlines() == [
            "20 trials",
            "8 of 20 trials, 32 s passed, about 48 s left; dropout; best so far: l2",
            "16 of 20 trials, 1 min 4 s passed, about 16 s left; dropout; best so far: l2",
            "20 of 20 trials, 1 min 20 s passed; dropout; best so far: l2",
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
        progress.lead("best so far: l2[red]")
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
        assert "best so far: l2[red]; fold 3: dropout" in shown
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

    def test_no_color_is_respected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[3" not in self.run()


def test_silence() -> None:
    progress = SilentProgress()
    progress.announce("x")
    progress.start(1)
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
