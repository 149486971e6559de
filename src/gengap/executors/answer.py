"""What came out: a `Study` as files, and back, with its model on this process' backend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from cattrs import Converter

from gengap.data.joint import read_preprocessing
from gengap.errors import UnfinishedError
from gengap.executors.network import load_network, save_network
from gengap.networks.heads import Head
from gengap.plan import Plan
from gengap.recipe import Recipe
from gengap.results import Results
from gengap.store import trial_from_json, trial_to_json
from gengap.study import FinishedModel, Study

__all__ = ["read_answer", "write_answer"]

_DOCUMENT = "answer.json"
_RESULTS = "results.json"
_TRIALS = "trials.jsonl"
_PREPROCESSING = "preprocess.json"
_SOURCE = "recipe.py"
_MODEL = "model.keras"

_records = Converter()
# A technique's strength: a number, or numbers by name where it has several.
_records.register_structure_hook(
    float | Mapping[str, float],
    lambda value, _: dict(value) if isinstance(value, Mapping) else float(value),
)


def write_answer(study: Study, folder: Path) -> None:
    """Write a study, planned only or finished, into a folder.

    Parameters
    ----------
    study : Study
    folder : Path
    """
    document: dict[str, Any] = {
        "plan": _records.unstructure(study.plan),
        "folder": None if study.folder is None else str(study.folder),
        "best": None,
    }
    if study.finished:
        best = study.best
        document["best"] = {
            "recipe": str(best.recipe),
            "epochs": best.epochs,
            "head": _records.unstructure(best.head),
        }
        _write(folder / _RESULTS, study.results.to_json())
        _write(folder / _TRIALS, "".join(trial_to_json(t) + "\n" for t in study.all_trials))
        _write(folder / _PREPROCESSING, best.preprocessing.to_json())
        _write(folder / _SOURCE, best.source)
        save_network(best.model, folder / _MODEL)
    _write(folder / _DOCUMENT, json.dumps(document))


def read_answer(folder: Path) -> Study:
    """Read what `write_answer` wrote.

    Raises
    ------
    UnfinishedError
        ``model-not-loadable`` where the trained network cannot be built on this backend.
    """
    document = json.loads(_read(folder / _DOCUMENT))
    plan = _records.structure(document["plan"], Plan)
    place = None if document["folder"] is None else Path(document["folder"])
    if document["best"] is None:
        return Study(plan, folder=place)
    trials = _read(folder / _TRIALS).splitlines()
    return Study(
        plan,
        _records.structure(json.loads(_read(folder / _RESULTS)), Results),
        FinishedModel(
            recipe=Recipe.parse(document["best"]["recipe"]),
            model=_loaded(folder / _MODEL, place),
            epochs=document["best"]["epochs"],
            preprocessing=read_preprocessing(_read(folder / _PREPROCESSING)),
            source=_read(folder / _SOURCE),
            head=_records.structure(document["best"]["head"], Head),
        ),
        place,
        tuple(trial_from_json(line) for line in trials),
    )


def _loaded(path: Path, place: Path | None) -> keras.Model:
    try:
        return load_network(path)
    except Exception as error:  # whatever the user's own layers raise on this backend
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UnfinishedError(
            "model-not-loadable",
            f"the study is done, but the trained network cannot be built on "
            f"{keras.config.backend()}, where Keras runs here: {reason}",
            "give a run folder with out=: all results are kept there"
            if place is None
            else f"everything is in {place}; its model.keras loads where Keras runs on JAX",
        ) from error


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _read(path: Path) -> str:
    # Line ends stay as they are: read as bytes.
    return path.read_bytes().decode("utf-8")
