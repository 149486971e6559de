"""Predictions of the model in a run folder, for rows that are read as the training table was."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap.backend import ensure_backend
from gengap.data.joint import AnyPreprocessing, JointPreprocessing, read_preprocessing
from gengap.data.prediction import files_to_predict
from gengap.errors import UserError
from gengap.networks.heads import head_of, to_probabilities
from gengap.networks.models import resolve_model
from gengap.networks.outputs import deciding_output

__all__ = ["MODEL_FILE", "PREPROCESS_FILE", "Predictions", "predict"]

MODEL_FILE = "model.keras"
PREPROCESS_FILE = "preprocess.json"

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network says about rows.

    Attributes
    ----------
    table : DataFrame (n, ...)
        ``prediction``, a class name or a value in the target's own unit; for classification also
        ``probability_CLASS`` for every class, in the order of the network's outputs. Of image
        files it has ``file`` before them.
    notes : tuple of str
        What was ignored on the way.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def predict(folder: str | Path, source: Any) -> Predictions:
    """Predict rows with the model of a run folder.

    Parameters
    ----------
    folder : str or Path
        As ``gengap compare`` writes it: ``model.keras`` and ``preprocess.json`` are read.
    source : str, PathLike, DataFrame or array
        Rows with the columns of the training table; further columns are ignored, with a note. Or
        images or sequences like those that it was trained on. Of several inputs a mapping by their
        names. Of several outputs the one that decided is predicted.

    Returns
    -------
    Predictions

    Raises
    ------
    UserError
        Where the folder holds no finished run, or the rows do not fit its network.
    """
    folder = Path(folder)
    preprocessing = read_preprocessing(_read(folder, PREPROCESS_FILE))
    outputs, head, notes = _outputs(folder / MODEL_FILE, preprocessing, source)
    files = files_to_predict(source)
    named = {} if files is None else {"file": [str(file) for file in files]}
    if preprocessing.task == "regression":
        # The network that a study leaves behind brings its outputs to the target's unit itself.
        values = outputs.reshape(-1).astype(np.float64)
        return Predictions(pd.DataFrame(named | {"prediction": values}), notes)
    probabilities = np.asarray(to_probabilities(outputs, head.from_logits, head.units))
    names = np.array(preprocessing.classes, dtype=object)
    table = pd.DataFrame(named | {"prediction": names[probabilities.argmax(axis=1)]})
    for code, name in enumerate(preprocessing.classes):
        table[f"probability_{name}"] = probabilities[:, code]
    return Predictions(table, notes)


def _outputs(
    path: Path, preprocessing: AnyPreprocessing, source: Any
) -> tuple[np.ndarray, Any, tuple[str, ...]]:
    """Return the network's outputs for rows as they come, and how they are read."""
    inputs: Any
    shape: Any
    if isinstance(preprocessing, JointPreprocessing):
        _refuse_files(preprocessing, source)
        named, notes = preprocessing.parse(source)
        inputs = preprocessing.transform_features(named)
        shape = {name: tuple(one.shape[1:]) for name, one in inputs.items()}
        rows = len(next(iter(inputs.values())))
    else:
        features, notes = preprocessing.parse(source)
        inputs = preprocessing.transform_features(features)
        shape, rows = tuple(inputs.shape[1:]), len(inputs)
    ensure_backend()
    classes = len(preprocessing.classes)
    several = tuple(one.output for one in preprocessing.outputs)
    name = preprocessing.target_name
    network = resolve_model(
        path,
        input_shape=shape,
        outputs=classes if preprocessing.task == "classification" else 1,
        task=preprocessing.task,
        several=several,
    )
    decides = name if several else None
    head = head_of(network, task=preprocessing.task, classes=classes, output=decides)
    if not rows:
        return np.zeros((0, head.units), np.float32), head, notes
    outputs = network.predict(inputs, batch_size=_ROWS_AT_ONCE, verbose=0)
    return deciding_output(outputs, preprocessing.outputs, name), head, notes


def _refuse_files(preprocessing: JointPreprocessing, source: Any) -> None:
    if isinstance(source, str | os.PathLike):
        names = ", ".join(f"{name!r}: ..." for name in preprocessing.inputs)
        raise UserError(
            "several-inputs",
            f"the network takes several inputs, and {os.fspath(source)} is one file or folder",
            f"in Python: from gengap.predict import predict; predict(FOLDER, {{{names}}}), with an "
            "array or a table for each",
        )


def _read(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            "not-preprocessing",
            f"{folder / name} is no text in UTF-8: {error.reason} at byte {error.start}",
            "name a run folder as gengap compare writes it",
        ) from error
    except OSError as error:
        if not folder.is_dir():
            message = f"there is no run folder {folder}"
        elif (folder / name).exists():
            message = f"cannot read {folder / name}: {error.strerror or error}"
        else:
            message = f"{folder} holds no finished run: {name} is not in it"
        raise UserError(
            "no-run-folder", message, "name a folder that gengap compare has written to the end"
        ) from error
