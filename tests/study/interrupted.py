"""The command line in a process that ends where it is told to, and notes what it trains.

``python interrupted.py NOTES WHERE COUNT SIGNAL gengap-arguments...``

The process gets the signal when it comes to the place for the COUNT-th time:

training   while a chunk of epochs is computed
chunk      when a chunk of epochs was trained, before anything of it is read
store      in the transaction that stores trials, behind their rows and before the commit
FILE       such as report.html: with half of the file written
nowhere    it goes on to the end
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

notes, where, count, name, *arguments = sys.argv[1:]
visits = itertools.count(1)


def pass_by(place: str) -> None:
    """End the process, if it is here that it is to end."""
    if place == where and next(visits) == int(count):
        signal.raise_signal(signal.Signals[name])


def noted(train: Callable[..., Any], what: str) -> Callable[..., Any]:
    def noting(compiled: Any, runs: Any, *rest: Any, **named: Any) -> Iterator[Any]:
        with Path(notes).open("a", encoding="utf-8") as file:
            trained = [[str(run.recipe), run.split] for run in runs]
            file.write(json.dumps({"what": what, "runs": trained}) + "\n")
        yield from train(compiled, runs, *rest, **named)

    return noting


class Connection(sqlite3.Connection):
    """A database that may be left in the middle of a transaction."""

    def executemany(self, *given: Any) -> sqlite3.Cursor:
        cursor = super().executemany(*given)
        pass_by("store")
        return cursor


def main() -> None:
    """Put the traps up and run the command."""
    # A test suite that runs in the background of a shell inherits that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from traps import while_training

    from gengap import refit, run_folder, training
    from gengap.cli import main as command
    from gengap.lanes import batching

    finished, connect, sync = batching._finished, sqlite3.connect, os.fsync

    def trapped_finished(*given: Any) -> Any:
        pass_by("chunk")
        return finished(*given)

    def trapped_connect(*given: Any, **named: Any) -> sqlite3.Connection:
        return connect(*given, factory=Connection, **named)

    def trapped_sync(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").resolve()
        wanted = path.name.removeprefix(".draft-")
        if wanted == where:
            os.truncate(path, path.stat().st_size // 2)
        pass_by(wanted)
        sync(file)

    batching._finished = trapped_finished
    while_training(lambda: pass_by("training"))
    sqlite3.connect = trapped_connect
    run_folder.os.fsync = trapped_sync
    training.train_lanes = noted(training.train_lanes, "study")
    refit.train_lanes = noted(refit.train_lanes, "refit")
    sys.argv = ["gengap", *arguments]
    command()


if __name__ == "__main__":
    main()
