"""Finished trials, durable: what is stored is never trained twice.

The store is one SQLite file in the run folder. A wave of trials is one transaction, so a process
that is killed at any point leaves whole waves behind. A lock, which the operating system releases
with the process, keeps a second one out of the folder.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from gengap.errors import GengapError, UnfinishedError, UserError
from gengap.trials import Curves, Trial

__all__ = ["FILE_NAME", "Store", "trial_from_json", "trial_to_json"]

FILE_NAME = "trials.sqlite"
LOCK_NAME = ".lock"

_APPLICATION = 0x67676170  # "ggap" in the file's header
_VERSION = 1
_KEYS_PER_QUERY = 500

_TABLES = """
CREATE TABLE trials (key TEXT PRIMARY KEY, trial TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (key TEXT PRIMARY KEY, data BLOB NOT NULL);
"""


def trial_to_json(trial: Trial) -> str:
    """Write a trial as JSON text from which `trial_from_json` makes an equal one.

    Numbers are written so that they come back exactly, infinities too; a score that is NaN
    becomes null, which is how a trial says that it has none.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    str
    """
    scores = {
        part: {metric: _score(value) for metric, value in of_part.items()}
        for part, of_part in trial.scores.items()
    }
    # `dataclasses.asdict` would copy every number of the curves.
    record = {**vars(trial), "scores": scores, "curves": vars(trial.curves)}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def trial_from_json(text: str) -> Trial:
    """Read what `trial_to_json` wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    Trial
    """
    record = json.loads(text)
    record["curves"] = Curves(**{name: tuple(v) for name, v in record["curves"].items()})
    return Trial(**record)


def _score(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


class Store:
    """The finished trials of a run folder, and small things that a study needs to go on.

    Use it as a context manager, or call `close`. One process holds a folder at a time.

    Examples
    --------
    >>> import tempfile
    >>> with Store.open(tempfile.mkdtemp()) as store:
    ...     store.save_blob("plan", b"16 lanes")
    ...     store.load_blob("plan")
    b'16 lanes'
    """

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, lock: IO[str] | None, scope: str = ""
    ) -> None:
        self.folder = folder
        self._connection = connection
        self._lock = lock
        self._scope = scope

    def of_study(self, key: str) -> Store:
        """Return the same store, where names of bytes are those of one study.

        Trials belong to all studies that share a folder; what a study began with is its own.

        Parameters
        ----------
        key : str
            Of the study.

        Returns
        -------
        Store
            It ends with this one.

        Examples
        --------
        >>> import tempfile
        >>> with Store.open(tempfile.mkdtemp()) as store:
        ...     store.of_study("one").save_blob("plan", b"16 lanes")
        ...     store.of_study("other").load_blob("plan"), store.of_study("one").load_blob("plan")
        (None, b'16 lanes')
        """
        return type(self)(self.folder, self._connection, self._lock, f"{key}/")

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """Open the store of a run folder; make both where they do not exist.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        Store

        Raises
        ------
        UserError
            ``run-folder`` where it cannot be made or written, ``run-folder-busy`` where another
            process holds it, ``store-corrupt`` or ``store-version`` where the file in it is not
            a store of this version.
        """
        folder = Path(folder)
        path = folder / FILE_NAME
        with _undone_on_failure(folder), contextlib.ExitStack() as on_failure:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                lock = (folder / LOCK_NAME).open("a", encoding="utf-8")
            except OSError as error:
                raise _unwritable(folder, error.strerror or str(error)) from error
            on_failure.callback(lock.close)
            _take(lock, folder)
            with _translated(path, opening=True):
                connection = sqlite3.connect(path, isolation_level=None)
                on_failure.callback(connection.close)
                _prepare(connection, path)
            on_failure.pop_all()
        return cls(folder, connection, lock)

    @classmethod
    def open_to_read(cls, folder: str | Path) -> Store:
        """Open the store that a run folder has, only to read: no file is made or changed.

        Another process may hold the folder meanwhile.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        Store

        Raises
        ------
        UserError
            ``run-folder`` where there is none or it cannot be read, ``store-half-written`` where
            a process was killed while it wrote, ``store-corrupt`` or ``store-version`` as `open`.
        """
        folder = Path(folder)
        path = folder / FILE_NAME
        with contextlib.ExitStack() as on_failure:
            with _translated(path, opening=True):
                connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                on_failure.callback(connection.close)
                _check(connection, path)
            on_failure.pop_all()
        return cls(folder, connection, None)

    def get(self, keys: Iterable[str]) -> dict[str, Trial]:
        """Return those of the trials that are stored, by key, in the order asked for.

        Parameters
        ----------
        keys : iterable of str

        Returns
        -------
        dict of str to Trial
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, str] = {}
        with self._reading():
            for start in range(0, len(wanted), _KEYS_PER_QUERY):
                some = wanted[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, trial FROM trials WHERE key IN ({marks})"  # noqa: S608
                found.update(self._connection.execute(query, some))
        return {key: trial_from_json(found[key]) for key in wanted if key in found}

    def put(self, trials: Iterable[Trial]) -> None:
        """Store trials, all of them or, where that fails, none; a key that is there stays.

        Parameters
        ----------
        trials : iterable of Trial

        Raises
        ------
        UnfinishedError
            ``disk-full`` or ``store-failed``; what was stored before is still there.
        """
        rows = [(trial.key, trial_to_json(trial)) for trial in trials]
        with self._writing():
            self._connection.executemany("INSERT OR IGNORE INTO trials VALUES (?, ?)", rows)

    def __len__(self) -> int:
        with self._reading():
            (count,) = self._connection.execute("SELECT count(*) FROM trials").fetchone()
        return int(count)

    def save_blob(self, key: str, data: bytes) -> None:
        """Store bytes under a name, in place of what stood there.

        Parameters
        ----------
        key : str
        data : bytes
        """
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO blobs VALUES (?, ?)", (self._scope + key, data)
            )

    def load_blob(self, key: str) -> bytes | None:
        """Return the bytes stored under a name, or None.

        Parameters
        ----------
        key : str
        """
        with self._reading():
            name = (self._scope + key,)
            row = self._connection.execute("SELECT data FROM blobs WHERE key = ?", name)
            found = row.fetchone()
        return None if found is None else bytes(found[0])

    def close(self) -> None:
        """Close the file and let the next process into the folder."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with _translated(self.folder / FILE_NAME), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with _translated(self.folder / FILE_NAME):
            yield


@contextlib.contextmanager
def _undone_on_failure(folder: Path) -> Iterator[None]:
    """Where a run folder cannot be opened, remove what the attempt left in it."""
    names = (LOCK_NAME, FILE_NAME, f"{FILE_NAME}-journal")
    new_files = [folder / name for name in names if not os.path.lexists(folder / name)]
    new_folders = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        yield
    except GengapError as error:
        if error.code != "run-folder-busy":  # then what is new belongs to the other process
            with contextlib.suppress(OSError):
                for path in new_files:
                    path.unlink(missing_ok=True)
                for path in new_folders:
                    path.rmdir()
        raise


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; refuse one that is not ours."""
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0:
            for statement in filter(None, map(str.strip, _TABLES.split(";"))):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        _check(connection, path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is not ours or not of this version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise _corrupt(path, "it is a database of another program")
    if version != _VERSION:
        raise UserError(
            "store-version",
            f"{path} was written by another version of gengap "
            f"(its format is {version}, this one reads {_VERSION})",
            "use that version, or start anew with another --out folder",
        )


def _take(lock: IO[str], folder: Path) -> None:
    """Lock the open file for this process, or say that another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise UserError(
                "run-folder-busy",
                f"another gengap is working in {folder}",
                "wait until it has ended, or give this one another folder with --out",
            ) from error
        raise _unwritable(folder, f"it cannot be locked: {error.strerror}") from error


@contextlib.contextmanager
def _translated(path: Path, *, opening: bool = False) -> Iterator[None]:
    """Turn SQLite's errors into ones that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error, path, opening=opening) from error


def _meaning(error: sqlite3.Error, path: Path, *, opening: bool) -> GengapError:
    detailed = getattr(error, "sqlite_errorcode", 0)
    if detailed == sqlite3.SQLITE_READONLY_ROLLBACK:
        return UserError(
            "store-half-written",
            f"{path} cannot be read as it is: a process was killed while it wrote to it",
            "the same command without --dry-run undoes what is half written and goes on from the "
            "finished trials",
        )
    code = detailed & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _corrupt(path, str(error))
    if opening:
        return _unwritable(path.parent, str(error))
    if code == sqlite3.SQLITE_FULL:
        return UnfinishedError(
            "disk-full",
            f"no space is left to store finished trials in {path}",
            "make room, then run the same command again: it goes on where it was",
        )
    return UnfinishedError(
        "store-failed",
        f"cannot store finished trials in {path}: {error}",
        "mend that, then run the same command again: it goes on where it was",
    )


def _corrupt(path: Path, why: str) -> UserError:
    return UserError(
        "store-corrupt",
        f"{path} is not a readable store of finished trials: {why}",
        f"delete {path.name} to train everything again, or give another folder with --out",
    )


def _unwritable(folder: Path, why: str) -> UserError:
    return UserError(
        "run-folder",
        f"cannot write to the run folder {folder}: {why}",
        "give a folder that you may write to, with space left, with --out",
    )
