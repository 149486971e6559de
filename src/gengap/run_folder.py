"""The files of a run folder, each written whole or not at all."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gengap.errors import UnfinishedError, UserError
from gengap.store import FILE_NAME, Store
from gengap.study import Study, curve_table, trial_table

__all__ = ["FILES", "folder_of", "open_store", "write_run_folder", "write_whole"]

#: What a run folder holds, besides the store.
FILES: Mapping[str, str] = {
    "report": "report.html",
    "results": "results.json",
    "trials": "trials.csv",
    "curves": "curves.csv.gz",
    "model": "model.keras",
    "recipe": "recipe.py",
    "preprocessing": "preprocess.json",
}


def folder_of(out: str | Path | None, source: Any, name: str, key: str) -> Path | None:
    """Return the run folder of a study.

    Parameters
    ----------
    out : str or path, optional
        What the user wants.
    source : object
        The data as the user gave it: a file or a named set gets a folder by default, what is in
        memory does not.
    name : str
        Of the data.
    key : str
        Of the study.

    Examples
    --------
    >>> folder_of(None, "wine.csv", "wine", "0123456789abcdef").as_posix()
    'gengap-runs/wine-01234567'
    """
    if out is not None:
        return Path(out)
    if not isinstance(source, str | os.PathLike):
        return None
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"
    return Path("gengap-runs") / f"{plain}-{key[:8]}"


@contextmanager
def open_store(folder: Path | None, setting_key: str, *, dry_run: bool = False) -> Iterator[Store]:
    """Open the run folder's store; one that is thrown away where there is no folder.

    Another study of the same setting goes on with its trials, and its files take the place of
    those that are there.

    Parameters
    ----------
    folder : Path, optional
    setting_key : str
        Of the data, the network and how it is trained (`gengap.design.Design.setting_key`).
    dry_run : bool
        Leave the folder as it is: a store that it has is read only, one that it has not thrown
        away.

    Raises
    ------
    UserError
        ``run-folder-taken`` where the folder has files of these names that no study wrote, or
        holds studies of another setting; and as `Store.open`.
    """
    has_store = folder is not None and _has_store(folder)
    if folder is not None and not has_store:
        taken = [name for name in FILES.values() if (folder / name).exists()]
        if taken:
            raise _taken(folder, f"has a {taken[0]} that gengap did not write")
    if folder is None or (dry_run and not has_store):
        with (
            tempfile.TemporaryDirectory(prefix="gengap-") as temporary,
            Store.open(temporary) as store,
        ):
            yield store
        return
    with Store.open_to_read(folder) if dry_run else Store.open(folder) as store:
        holds = store.load_blob("setting")
        if holds is None and not dry_run:
            store.save_blob("setting", setting_key.encode())
        elif holds not in {None, setting_key.encode()}:
            raise _taken(
                folder,
                "holds another study: of other data, another network or seed, other epochs or "
                "batches, or by another version of gengap",
            )
        yield store


def _has_store(folder: Path) -> bool:
    """Tell whether there is a store; a file without a byte is one that was never begun."""
    path = folder / FILE_NAME
    return path.exists() and path.stat().st_size > 0


def _taken(folder: Path, why: str) -> UserError:
    return UserError(
        "run-folder-taken",
        f"the run folder {folder} {why}",
        "give another folder with --out, or leave --out away",
    )


def write_run_folder(study: Study, folder: Path) -> None:
    """Write every file of a finished study.

    The results come last: where they are, the rest is too.

    Raises
    ------
    UnfinishedError
        ``cannot-write``, where there is no space or no permission.
    """
    from gengap.report.html import render_html

    best = study.best
    trials = trial_table(study.all_trials).to_csv(index=False, lineterminator="\n")
    curves = curve_table(study.all_trials).to_csv(index=False, lineterminator="\n")
    contents = {
        "trials": trials.encode(),
        # Without a time stamp the same study gives the same bytes.
        "curves": gzip.compress(curves.encode(), mtime=0),
        "recipe": best.source.encode(),
        "preprocessing": best.preprocessing.to_json().encode(),
        "report": render_html(study.results, best.source).encode(),
        "results": study.results.to_json().encode(),
    }
    results = contents.pop("results")
    for what, content in contents.items():
        write_whole(folder / FILES[what], content)
    _put_in_place(folder / FILES["model"], best.model.save)
    write_whole(folder / FILES["results"], results)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name first, so that no half of it is ever seen.

    Raises
    ------
    UnfinishedError
        ``cannot-write``.
    """

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    _put_in_place(path, write)


def _put_in_place(path: Path, write: Callable[[Path], None]) -> None:
    """Let a file be written beside its place, under a name with the same ending, and move it."""
    draft = path.with_name(f".draft-{path.name}")
    try:
        write(draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UnfinishedError(
            "cannot-write",
            f"cannot write {path}: {error.strerror or error}",
            "make room, or permit writing; the same command then goes on from the finished trials",
        ) from error
