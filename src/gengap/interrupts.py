"""Interrupts that wait for a good moment: the first asks to stop soon, a second stops at once.

A signal is put off where Python would raise `KeyboardInterrupt` on it: where
`signal.default_int_handler` handles it, as it does Ctrl-C in a script, in a notebook and on the
command line. Whatever else handles a signal stays, and is called as ever: a handler of the user's
own, that of a running event loop, the system's. Only the main thread has handlers; off it, nothing
is put off.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

__all__ = ["Interrupts", "deferred_interrupts", "is_interrupt_waiting"]

#: The signals that ask to stop.
SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Seconds in which signals are one, as long as nobody was told of it: `timeout` and others who pass
#: signals on send them twice.
SAME_SECONDS = 1.0

#: Seconds between two looks at what is waited for.
SHORTEST_PAUSE, LONGEST_PAUSE = 1e-4, 0.05


def _tell_nobody(passed: float, expected: float) -> None:
    """Say nothing."""


@final
class Interrupts:
    """The interrupts that wait, and their handler.

    Parameters
    ----------
    tell : callable
        Told once that there is an interrupt, where it is heeded: how many seconds the wait for
        something has taken, and how many it was expected to take. From then on another interrupt
        ends at once.

    Examples
    --------
    >>> interrupts = Interrupts()
    >>> interrupts.wait(lambda: True)
    >>> interrupts.pending
    False
    """

    def __init__(self, tell: Callable[[float, float], object] = _tell_nobody) -> None:
        self._tell = tell
        self._first: float | None = None
        self._told = self._at_once = False

    @property
    def pending(self) -> bool:
        """Whether an interrupt waits."""
        return self._first is not None

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Take a signal."""
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif self._told or now - self._first > SAME_SECONDS:
            self._at_once = True
            raise KeyboardInterrupt

    def heed(self, passed: float = 0.0, expected: float = 0.0) -> None:
        """Tell of an interrupt that waits, and end at a second one.

        Parameters
        ----------
        passed, expected : float
            Seconds, see `Interrupts`.

        Raises
        ------
        KeyboardInterrupt
            At a second interrupt that was lost, as what is raised within a callback of the garbage
            collector is.
        """
        if self._at_once:
            raise KeyboardInterrupt
        if self.pending and not self._told:
            self._told = True
            self._tell(passed, expected)

    def wait(self, ready: Callable[[], bool], expected: float = 0.0) -> None:
        """Wait until something is ready, and heed interrupts meanwhile.

        While the runtime waits, Python handles no signal.

        Parameters
        ----------
        ready : callable
        expected : float
            About how many seconds it takes; the better this is known, the fewer looks it needs.
        """
        began = time.perf_counter()
        while True:
            passed = time.perf_counter() - began
            self.heed(passed, expected)
            if ready():
                return
            pause = max((expected - passed) / 4, passed / 100)
            time.sleep(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, pause)))


@contextmanager
def deferred_interrupts(
    tell: Callable[[float, float], object] = _tell_nobody,
) -> Iterator[Interrupts]:
    """Let the first interrupt wait until the end of the block, and a second one end it at once.

    Whoever is in the block looks at `Interrupts.pending` and leaves when it can. The handlers from
    before come back, unless somebody has replaced this one meanwhile.

    Parameters
    ----------
    tell : callable
        See `Interrupts`.

    Yields
    ------
    Interrupts

    Raises
    ------
    KeyboardInterrupt
        At the end, where an interrupt waits; another error goes first, since it ends the work too.

    Examples
    --------
    >>> import signal
    >>> done = []
    >>> try:
    ...     with deferred_interrupts() as interrupts:
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append(interrupts.pending)
    ... except KeyboardInterrupt:
    ...     done.append("interrupted")
    >>> done
    [True, 'interrupted']
    """
    interrupts = Interrupts(tell)
    try:
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                if signal.getsignal(signum) is signal.default_int_handler:
                    signal.signal(signum, interrupts)
        yield interrupts
    finally:
        for signum in SIGNALS:
            if signal.getsignal(signum) is interrupts:
                signal.signal(signum, signal.default_int_handler)
    if interrupts.pending:
        raise KeyboardInterrupt


def is_interrupt_waiting() -> bool:
    """Tell from any thread whether the main thread has put an interrupt off."""
    handlers = (signal.getsignal(signum) for signum in SIGNALS)
    return any(isinstance(handler, Interrupts) and handler.pending for handler in handlers)
