"""What the one who carries out a study says meanwhile: a JSON document a line.

=============  ============================================================================
``announce``   text: something to be said
``start``      total, unit: how many there are to be trained, of what
``advance``    done, message: how many are finished, and what is running
``lead``       message: what is ahead so far
``interim``    text: a provisional result, with the terminal's codes for colors
``finish``     what was started has ended
``done``       the last event: the answer is in the folder
``stopped``    the last event: the study was interrupted, and what was finished is stored
``refused``    the last event: kind, code, message, hint of an error that a user is told
``failed``     the last event: kind, message and trace of any other error
=============  ============================================================================
"""

from __future__ import annotations

import io
import json
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gengap.errors import GengapError, UnfinishedError, UserError
from gengap.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["LAST", "Event", "Told", "error_of", "event_of", "from_line", "tell", "to_line"]

Event = Mapping[str, Any]

#: Events after which there are no more.
LAST = frozenset({"done", "stopped", "refused", "failed"})

_KINDS: Mapping[str, type[GengapError]] = {
    kind.__name__: kind for kind in (GengapError, UserError, UnfinishedError)
}


def to_line(event: Event) -> bytes:
    """Write an event as a line."""
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Event:
    """Read what `to_line` wrote."""
    event: Event = json.loads(line)
    return event


class Told:
    """A progress that passes on what it is told.

    Parameters
    ----------
    say : callable
        Takes an event.
    width : int
        Columns of the terminal that provisional results are shown on.
    """

    def __init__(self, say: Callable[[Event], None], width: int) -> None:
        self._say = say
        self._width = width

    def announce(self, text: str) -> None:
        """Pass it on."""
        self._say({"event": "announce", "text": text})

    def start(self, total: int, unit: str = "trials") -> None:
        """Pass it on."""
        self._say({"event": "start", "total": total, "unit": unit})

    def advance(self, done: int, message: str) -> None:
        """Pass it on."""
        self._say({"event": "advance", "done": done, "message": message})

    def lead(self, message: str) -> None:
        """Pass it on."""
        self._say({"event": "lead", "message": message})

    def interim(self, *parts: RenderableType) -> None:
        """Pass on what a terminal would show."""
        from rich.console import Console

        shown = io.StringIO()
        console = Console(
            file=shown,
            width=self._width,
            force_terminal=True,
            color_system="truecolor",
            highlight=False,
            legacy_windows=False,
        )
        for part in parts:
            console.print(part)
        self._say({"event": "interim", "text": shown.getvalue()})

    def finish(self) -> None:
        """Pass it on."""
        self._say({"event": "finish"})


def tell(progress: Progress, event: Event) -> None:
    """Tell a progress what `Told` was told."""
    match event["event"]:
        case "announce":
            progress.announce(event["text"])
        case "start":
            progress.start(event["total"], unit=event["unit"])
        case "advance":
            progress.advance(event["done"], event["message"])
        case "lead":
            progress.lead(event["message"])
        case "interim":
            from rich.text import Text

            progress.interim(Text.from_ansi(event["text"]))
        case "finish":
            progress.finish()
        case other:
            raise ValueError(f"no progress can be told {other!r}")


def event_of(error: BaseException) -> Event:
    """Return the last event of a study that ended in an error."""
    if isinstance(error, KeyboardInterrupt):
        return {"event": "stopped"}
    if isinstance(error, GengapError):
        kind = next(name for name, known in _KINDS.items() if type(error) is known)
        said = {"code": error.code, "message": error.message, "hint": error.hint}
        return {"event": "refused", "kind": kind, **said}
    return {
        "event": "failed",
        "kind": type(error).__name__,
        "message": str(error),
        "trace": "".join(traceback.format_exception(error)),
    }


def error_of(event: Event) -> BaseException:
    """Return the error that a last event, other than ``done``, tells of."""
    match event["event"]:
        case "stopped":
            return KeyboardInterrupt()
        case "refused":
            return _KINDS[event["kind"]](event["code"], event["message"], event["hint"])
        case "failed":
            error = GengapError(
                "internal",
                f"a fault in the process that trains: {event['kind']}: {event['message']}",
                "please report it, with the traceback above",
            )
            error.add_note(f"In the process that trains:\n\n{event['trace']}")
            return error
        case other:
            raise ValueError(f"{other!r} tells of no error")
