"""The side of the process that trains: it reads a request, calls `compare`, writes the answer.

Standard output is for events; what anything else prints goes to standard error. Anything on
standard input, or its end, asks to stop: the end comes also when the process that asked is no more.
Asked so, it stops as an interrupted study does. Ctrl-C is the business of the process that asked,
also where a terminal sends it to both.
"""

from __future__ import annotations

import _thread
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from gengap.backend import ensure_backend
from gengap.executors.answer import write_answer
from gengap.executors.events import Event, Told, event_of, to_line
from gengap.executors.request import read_request
from gengap.interrupts import is_interrupt_waiting
from gengap.progress import SilentProgress
from gengap.study import Study

__all__ = ["serve"]

_WIDTH = 80
_SECONDS_TO_NOTICE = 2.0


def serve(compare: Callable[..., Study], place: str) -> None:
    """Carry out the request in a folder.

    Parameters
    ----------
    compare : callable
        `gengap.compare`; given, since imports run one way.
    place : str
        The folder.
    """
    lines = _standard_output_for_events()

    def say(event: Event) -> None:
        lines.write(to_line(event))
        lines.flush()

    stop_listening = _stop_when_asked()
    last: Event = {"event": "done"}
    try:
        ensure_backend()  # before the network is built, which starts JAX
        folder = Path(place)
        request = read_request(folder)
        _do_without_tensorflow(request.arguments["model"])
        width = min(_WIDTH, shutil.get_terminal_size().columns)
        progress = Told(say, width) if request.listening else SilentProgress()
        write_answer(compare(**request.arguments, progress=progress), folder)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told to the one who asked
        last = event_of(error)
    stop_listening()
    say(last)


def _standard_output_for_events() -> BinaryIO:
    """Return what standard output was, and let everybody else who writes to it write to errors."""
    sys.stdout.flush()
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return events


def _stop_when_asked() -> Callable[[], None]:
    """Interrupt the main thread when asked to stop, and return what ends that.

    An interrupt that arrives within a callback, such as JAX has for the garbage collector, is lost:
    it is repeated, unless it waits for the training to look.
    """
    noticed = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def listen() -> None:
        os.read(0, 1)  # not by sys.stdin, whose lock would be held when this process ends
        while not noticed.is_set():
            if not is_interrupt_waiting():
                _thread.interrupt_main(signal.SIGTERM)
            noticed.wait(_SECONDS_TO_NOTICE)

    def stop_listening() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        noticed.set()

    threading.Thread(target=listen, name="asked-to-stop", daemon=True).start()
    return stop_listening


def _do_without_tensorflow(model: Any) -> None:
    """Keep Keras from loading TensorFlow, which takes seconds and serves nothing on JAX.

    Whenever a network is saved or copied, Keras looks whether its parts are TensorFlow's. Where
    the user's own code has not loaded TensorFlow by now, none of them are.
    """
    function_of_users = isinstance(model, str) and ":" in model and not model.startswith("mlp:")
    if not function_of_users:
        sys.meta_path.insert(0, _NoTensorFlow())


class _NoTensorFlow(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "tensorflow":
            raise ModuleNotFoundError("TensorFlow is not loaded here", name=fullname)
        return None
