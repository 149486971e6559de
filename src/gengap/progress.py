"""What a study says while it runs: a bar on a terminal, plain lines elsewhere, or nothing.

All of it goes to standard error; standard output is for results.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from gengap.wording import duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bar

__all__ = [
    "PlainProgress",
    "Progress",
    "SilentProgress",
    "TerminalProgress",
    "choose_progress",
    "counted",
    "duration",
    "with_units",
]

_SECONDS_BETWEEN_LINES = 30.0
_WIDTH = 80


class Progress(Protocol):
    """What a study calls while it runs.

    `start` and `finish` enclose what is counted: first the trials; then, where the winner is
    trained once more on all rows, its epochs, and those of the baseline where there is a test part.
    `announce` may be called at any time. What ends with an error calls `finish` too.

    A `start` that takes no unit is only called for trials, and of what is counted in another unit
    nothing but `announce` is called.
    """

    def announce(self, text: str) -> None:
        """Say one thing, such as how many trials there are to train."""

    def start(self, total: int, /, unit: str = "trials") -> None:
        """Begin to train so many trials, or so many epochs: the unit, in the plural."""

    def advance(self, done: int, message: str) -> None:
        """Say how many of them are finished by now, and what is running."""

    def lead(self, message: str) -> None:
        """Say what is ahead so far; it is shown beside what is running."""

    def interim(self, *parts: RenderableType) -> None:
        """Show a provisional result: text, tables, whatever rich can print."""

    def finish(self) -> None:
        """End what was started, finished or not; calling it again changes nothing."""


@contextmanager
def counted(progress: Progress, total: int, unit: str = "trials") -> Iterator[None]:
    """Start a progress and finish it, whatever happens meanwhile.

    Parameters
    ----------
    progress : Progress
    total : int
    unit : {"trials", "epochs"}
    """
    progress.start(total, unit=unit)
    try:
        yield
    finally:
        progress.finish()


def with_units(progress: Any) -> Progress:
    """Return a progress that takes units, whether or not this one does.

    Parameters
    ----------
    progress : Progress
        Its `start` may take how many trials there are, and nothing else.
    """
    try:
        inspect.signature(progress.start).bind(1, unit="epochs")
    except (TypeError, ValueError):  # it takes none, or nobody can tell
        return _OfTrials(progress)
    return progress


class _OfTrials:
    """Tells a progress that knows of trials only nothing else that is counted."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._listens = True

    def announce(self, text: str) -> None:
        self._progress.announce(text)

    def start(self, total: int, unit: str = "trials") -> None:
        self._listens = unit == "trials"
        if self._listens:
            self._progress.start(total)

    def advance(self, done: int, message: str) -> None:
        if self._listens:
            self._progress.advance(done, message)

    def lead(self, message: str) -> None:
        self._progress.lead(message)

    def interim(self, *parts: RenderableType) -> None:
        self._progress.interim(*parts)

    def finish(self) -> None:
        if self._listens:
            self._progress.finish()


class SilentProgress:
    """Says nothing."""

    def announce(self, text: str) -> None:
        """Say nothing."""

    def start(self, total: int, unit: str = "trials") -> None:
        """Say nothing."""

    def advance(self, done: int, message: str) -> None:
        """Say nothing."""

    def lead(self, message: str) -> None:
        """Say nothing."""

    def interim(self, *parts: RenderableType) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


class PlainProgress:
    """Writes lines, at most one in 30 seconds while it trains.

    Parameters
    ----------
    stream : text stream
    clock : callable
        Returns seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._total = 0
        self._done = 0
        self._started = 0.0
        self._written = 0.0
        self._last: str | None = None
        self._lead = ""

    def announce(self, text: str) -> None:
        """Write a line."""
        print(text, file=self._stream, flush=True)

    def start(self, total: int, unit: str = "trials") -> None:
        """Note the time."""
        self._total = total
        self._unit = unit
        self._done = 0
        self._started = self._clock()
        self._written = self._started
        self._last = None
        self._lead = ""

    def advance(self, done: int, message: str) -> None:
        """Write a line if the last one was long enough ago."""
        now = self._clock()
        self._done = done
        line = f"{done} of {self._total} {self._unit}"
        passed = now - self._started
        line += f", {duration(passed)} passed"
        if 0 < done < self._total:
            line += f", about {duration(passed / done * (self._total - done))} left"
        self._last = f"{line}; {message}" if message else line
        if now - self._written >= _SECONDS_BETWEEN_LINES:
            self._write(now)

    def lead(self, message: str) -> None:
        """Note what the next lines say."""
        self._lead = message

    def interim(self, *parts: RenderableType) -> None:
        """Write the parts, without color."""
        console = _console(self._stream, width=_WIDTH, color=False)
        for part in parts:
            console.print(part)

    def finish(self) -> None:
        """Write where it ended, unless the last line says so already."""
        if self._last is not None:
            self._write(self._clock())

    def _write(self, now: float) -> None:
        if self._last is not None:
            self.announce(f"{self._last}; {self._lead}" if self._lead else self._last)
        self._last = None
        self._written = now


class TerminalProgress:
    """Shows one bar, with what is running, what is ahead so far, and the time left.

    Parameters
    ----------
    stream : text stream
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = _console(stream)
        self._bar: Bar | None = None
        self._running = self._lead = ""

    def announce(self, text: str) -> None:
        """Write a line above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, total: int, unit: str = "trials") -> None:
        """Show the bar."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.table import Column

        self.finish()
        self._running = self._lead = ""
        self._bar = Progress(
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn(f"{unit},"),
            TimeRemainingColumn(),
            TextColumn("left "),
            # On a narrow terminal it is the message that gives way.
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            expand=True,
            console=self._console,
            transient=True,
        )
        self._bar.add_task("", total=total)
        self._bar.start()

    def advance(self, done: int, message: str) -> None:
        """Move the bar."""
        self._running = message
        self._update(completed=done)

    def lead(self, message: str) -> None:
        """Show what is ahead so far in front of what is running."""
        self._lead = message
        self._update()

    def interim(self, *parts: RenderableType) -> None:
        """Write the parts above the bar."""
        for part in parts:
            self._console.print(part)

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _update(self, completed: int | None = None) -> None:
        if self._bar is not None:
            text = "; ".join(filter(None, (self._lead, self._running)))
            self._bar.update(self._bar.task_ids[0], completed=completed, description=text)


def choose_progress(*, quiet: bool = False, stream: TextIO | None = None) -> Progress:
    """Return what suits where standard error goes.

    Parameters
    ----------
    quiet : bool
        Whether to say nothing at all.
    stream : text stream, optional
        Standard error by default.

    Returns
    -------
    Progress
        A bar on a terminal, unless the environment variable ``CI`` is set; else plain lines.
    """
    stream = sys.stderr if stream is None else stream
    if quiet:
        return SilentProgress()
    if stream.isatty() and not os.environ.get("CI"):
        return TerminalProgress(stream)
    return PlainProgress(stream)


def _console(stream: TextIO, width: int | None = None, *, color: bool = True) -> Console:
    from rich.console import Console

    # Rich itself heeds NO_COLOR.
    return Console(file=stream, width=width, no_color=None if color else True, highlight=False)
