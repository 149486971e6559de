"""A study in a child process on JAX, where Keras runs on another backend in this one."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gengap.errors import UnfinishedError
from gengap.executors.answer import read_answer
from gengap.executors.events import LAST, Event, error_of, from_line, tell
from gengap.executors.request import write_request
from gengap.interrupts import Interrupts, deferred_interrupts
from gengap.progress import Progress, SilentProgress
from gengap.study import Study

__all__ = ["compare_in_child"]

#: What the child runs. Its modules are found where this process finds them.
_PROGRAM = """
import json, pathlib, sys
sys.path[:] = json.loads(pathlib.Path(sys.argv[1], "path.json").read_text(encoding="ascii"))
from gengap import compare
from gengap.executors.child import serve
serve(compare, sys.argv[1])
"""

#: Seconds that a child may take to stop where something went wrong here. One that is interrupted
#: has the time that it needs for what it has trained, until a second interrupt.
PATIENCE = 30.0

_TICK = 0.1
_LINES_KEPT = 20


def compare_in_child(x: Any, y: Any, settings: Mapping[str, Any], progress: Progress) -> Study:
    """Do what `gengap.compare` does, in a process of its own on JAX.

    Parameters
    ----------
    x, y : object
        As in `gengap.compare`.
    settings : mapping
        Its other arguments, all but `progress`.
    progress : Progress

    Returns
    -------
    Study
        Its model is on the backend of this process.

    Raises
    ------
    UserError
        As `gengap.compare`, and where code of the user's own is not to be found by the child.
    UnfinishedError
        As `gengap.compare`, and ``child-died``.
    KeyboardInterrupt
        When interrupted; the child has ended by then. The first interrupt asks it to stop, as an
        interrupted study stops; a second one kills it.
    """
    with tempfile.TemporaryDirectory(prefix="gengap-") as place:
        folder = Path(place)
        with _room_for(folder):
            listening = not isinstance(progress, SilentProgress)
            write_request(folder, x, y, settings, listening=listening)
            (folder / "path.json").write_text(json.dumps(sys.path), encoding="ascii")
        with deferred_interrupts(lambda *_: child.ask_to_stop()) as interrupts:
            with _child(folder) as child:
                for event in child.events(interrupts):
                    if event["event"] not in LAST:
                        tell(progress, event)
            if event["event"] != "done":
                raise error_of(event)
        return read_answer(folder)


class _Child:
    """A running child: what it says, and how it ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._muted = threading.Event()
        self.was_asked = False
        assert process.stdout is not None
        assert process.stderr is not None
        self._listeners = [
            threading.Thread(target=self._hear, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._pass_on, args=(process.stderr,), daemon=True),
        ]
        for thread in self._listeners:
            thread.start()

    def events(self, interrupts: Interrupts) -> Iterator[Event]:
        """Yield events up to the last one.

        Raises
        ------
        UnfinishedError
            ``child-died`` where the child ends without one.
        """
        while True:
            interrupts.heed()
            try:
                # With a limit: on some systems a wait without one cannot be interrupted.
                event = self._events.get(timeout=_TICK)
            except queue.Empty:
                continue
            if event is None:
                code = self._wait_or_kill()
                self._listeners[1].join(PATIENCE)
                raise _died(code, self.last_lines)
            yield event
            if event["event"] in LAST:
                return

    def ask_to_stop(self) -> None:
        """Ask the child to stop; it says when it does."""
        self.was_asked = True
        self._muted.set()
        assert self.process.stdin is not None
        with suppress(OSError):  # it has ended
            self.process.stdin.close()

    def stop(self, patience: float) -> None:
        """Ask the child to stop and wait some seconds until it has, or kill it."""
        try:
            self.ask_to_stop()
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when the user, tired of waiting, interrupts
            self.process.kill()

    def _hear(self, stream: IO[bytes]) -> None:
        try:
            for line in stream:
                if line.endswith(b"\n"):  # the last words of a child that was killed may not
                    self._events.put(from_line(line))
        finally:
            self._events.put(None)

    def _pass_on(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", errors="replace")
            self.last_lines.append(text)
            if not self._muted.is_set():
                sys.stderr.write(text)

    def close(self) -> None:
        """Wait for the end of a child that has said its last, and leave no trace of it."""
        self._wait_or_kill()
        for thread in self._listeners:
            thread.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _wait_or_kill(self) -> int:
        """Return the exit code of a child that has no more to say."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def _child(folder: Path) -> Iterator[_Child]:
    """Start a child on a folder; whatever happens, none is left at the end."""
    process = subprocess.Popen(
        # -P: a module of the working directory must not stand in for one of Python's own.
        [sys.executable, "-P", "-c", _PROGRAM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        **_OWN_GROUP,
    )
    child = _Child(process)
    try:
        yield child
    except BaseException as error:
        tired_of_waiting = child.was_asked and isinstance(error, KeyboardInterrupt)
        child.stop(0 if tired_of_waiting else PATIENCE)
        raise
    finally:
        child.close()


#: The terminal's Ctrl-C reaches this process only, which asks the child to stop; a second one must
#: not find the child where it stores what it has trained.
_OWN_GROUP: dict[str, Any] = (
    {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
    if sys.platform == "win32"
    else {"process_group": 0}
)


def _environment() -> dict[str, str]:
    own = {
        "KERAS_BACKEND": "jax",
        "MPLBACKEND": "agg",  # a notebook's own is of no use elsewhere
        "PYTHONIOENCODING": "utf-8:backslashreplace",
    }
    # The user's backend may hold much of a GPU's memory: take what is needed, not most of it.
    shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return {**shared, **os.environ, **own}


def _died(code: int, lines: deque[str]) -> UnfinishedError:
    if code < 0:
        try:
            how = f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            how = f"was killed by the signal {-code}"
        if -code == getattr(signal, "SIGKILL", None):
            how += ", which most often means that memory ran out"
    else:
        how = f"ended without an answer (exit code {code})"
        if lines:
            how += f": {lines[-1].strip()}"
    return UnfinishedError(
        "child-died",
        f"the process that trains {how}",
        "trials that were finished are kept in a run folder (out=): the same call goes on there; "
        "for less memory, give fewer techniques or folds, or a smaller batch_size",
    )


@contextmanager
def _room_for(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnfinishedError(
            "cannot-write",
            f"cannot hand the data over to the process that trains, in {folder}: "
            f"{error.strerror or error}",
            "make room there, or set the environment variable TMPDIR to a folder with room",
        ) from error
