"""The text of preprocess.json; ``docs/preprocess.md`` says what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gengap.data.cells import MISSING, NO, YES
from gengap.data.dataset import Column, Output
from gengap.data.encoding import layout
from gengap.data.fitted_outputs import FittedOutput
from gengap.data.row_form import RowForm
from gengap.errors import UserError

if TYPE_CHECKING:
    from gengap.data.preprocessing import Preprocessing

__all__ = ["from_json", "inputs_from_json", "inputs_to_json", "to_json"]

#: Versions of the document: of one input, and of several.
_SCHEMA, _SEVERAL = 1, 2


def to_json(preprocessing: Preprocessing) -> str:
    """Return the text of preprocess.json.

    Parameters
    ----------
    preprocessing : Preprocessing
    """
    return _text(
        {
            "schema": _SCHEMA,
            **_shape(preprocessing),
            "words": _words(),
            **_inside(preprocessing),
            "target": _target(preprocessing),
            **_outputs(preprocessing),
        }
    )


def inputs_to_json(inputs: Mapping[str, Preprocessing]) -> str:
    """Return the text of preprocess.json for several inputs.

    Parameters
    ----------
    inputs : mapping of str to Preprocessing
        At least one; all of one target.
    """
    some = next(iter(inputs.values()))
    return _text(
        {
            "schema": _SEVERAL,
            "words": _words(),
            "inputs": [
                {"name": name, **_shape(one), **_inside(one)} for name, one in inputs.items()
            ],
            "target": _target(some),
            **_outputs(some),
        }
    )


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _words() -> dict[str, list[str]]:
    return {"missing": sorted(MISSING), "yes": sorted(YES), "no": sorted(NO)}


def _shape(preprocessing: Preprocessing) -> dict[str, Any]:
    form = preprocessing.form
    return {
        "kind": "table" if form is None else form.modality,
        "shape": None if form is None else list(form.shape),
        "pixels": _pixels(form),
        "steps": _steps(preprocessing),
    }


def _inside(preprocessing: Preprocessing) -> dict[str, Any]:
    return {
        "columns": [_column(column) for column in preprocessing.columns],
        "encoded": _encoded(preprocessing),
    }


def _target(preprocessing: Preprocessing) -> dict[str, Any]:
    return {
        "name": preprocessing.target_name,
        "task": preprocessing.task,
        "classes": list(preprocessing.classes),
        "shift": preprocessing.target_shift,
        "scale": preprocessing.target_scale,
    }


def _outputs(preprocessing: Preprocessing) -> dict[str, Any]:
    """Say of several outputs what each stands for."""
    if not preprocessing.outputs:
        return {}
    return {
        "outputs": [
            {
                "name": one.output.name,
                "task": one.output.task,
                "classes": list(one.output.classes),
                "shift": one.shift,
                "scale": one.scale,
            }
            for one in preprocessing.outputs
        ]
    }


def _output(entry: Any) -> FittedOutput:
    output = Output(entry["name"], entry["task"], tuple(entry["classes"]))
    return FittedOutput(output, entry["shift"], entry["scale"])


def from_json(text: str) -> dict[str, Any]:
    """Read what `to_json` wrote.

    Returns
    -------
    dict
        The arguments of `Preprocessing`.

    Raises
    ------
    UserError
        ``not-preprocessing``.
    """
    with _reading():
        document = json.loads(text)
        return _arguments(document, document)


def inputs_from_json(text: str) -> dict[str, dict[str, Any]] | None:
    """Read what `inputs_to_json` wrote; None where there is one input.

    Returns
    -------
    dict
        Name of an input -> the arguments of its `Preprocessing`.

    Raises
    ------
    UserError
        ``not-preprocessing``.
    """
    with _reading():
        document = json.loads(text)
        if document["schema"] != _SEVERAL:
            return None
        return {one["name"]: _arguments(one, document) for one in document["inputs"]}


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            "not-preprocessing",
            f"this is no preprocess.json that gengap wrote: {error}",
            "name a run folder as gengap compare writes it",
        ) from error


def _arguments(document: Any, whole: Any) -> dict[str, Any]:
    """Return the arguments of the `Preprocessing` of one input, within the whole document."""
    target = whole["target"]
    columns = tuple(
        Column(
            entry["name"],
            entry["kind"],
            tuple(entry.get("levels", entry.get("terms", ()))),
            int(entry.get("has_missing_level", False)),
        )
        for entry in document["columns"]
    )
    encoded, steps = document["encoded"], document["steps"]
    idf = np.array([entry.get("idf", 1.0) for entry in encoded], dtype=np.float64)

    def numbers(name: str, default: float) -> np.ndarray:
        found = [entry.get(name, default) for entry in encoded]
        return np.array(found if steps is None else steps.get(name, []), dtype=np.float64)

    return {
        "columns": columns,
        "fill": numbers("fill", 0.0),
        "shift": numbers("shift", 0.0),
        "scale": numbers("scale", 1.0) if steps else numbers("scale", 1.0) / idf,
        "keep": np.array([entry["keep"] for entry in encoded], dtype=np.float64),
        "target_name": target["name"],
        "task": target["task"],
        "classes": tuple(target["classes"]),
        "target_shift": target["shift"],
        "target_scale": target["scale"],
        "form": _form(document),
        "outputs": tuple(_output(one) for one in whole.get("outputs", ())),
    }


def _column(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": column.name, "kind": column.kind}
    if column.kind == "categorical":
        entry |= {"levels": list(column.levels), "has_missing_level": column.missing > 0}
    elif column.kind == "text":
        entry |= {"terms": list(column.levels)}
    return entry


def _encoded(preprocessing: Preprocessing) -> list[dict[str, Any]]:
    names, source, levels = layout(preprocessing.columns)
    encoded: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        column = preprocessing.columns[source[place]]
        entry: dict[str, Any] = {"name": name, "column": column.name}
        if column.kind == "categorical":
            entry["level"] = levels[place]
        elif column.kind == "text":
            entry |= {"term": levels[place], "idf": float(1 / preprocessing.scale[place])}
        else:
            entry |= {
                "fill": float(preprocessing.fill[place]),
                "shift": float(preprocessing.shift[place]),
                "scale": float(preprocessing.scale[place]),
            }
        encoded.append(entry | {"keep": int(preprocessing.keep[place])})
    return encoded


def _pixels(form: RowForm | None) -> dict[str, Any] | None:
    if form is None or form.modality != "image":
        return None
    return {"hold": form.pixels, "divisor": form.divisor}


def _steps(preprocessing: Preprocessing) -> dict[str, Any] | None:
    form = preprocessing.form
    if form is None or form.modality != "sequence":
        return None
    return {
        "shift": preprocessing.shift.tolist(),
        "scale": preprocessing.scale.tolist(),
        "padding": form.padding,
    }


def _form(document: Any) -> RowForm | None:
    kind = document["kind"]
    if kind == "table":
        return None
    shape = tuple(document["shape"])
    if kind == "sequence":
        return RowForm(kind, shape, padding=document["steps"]["padding"])
    if kind == "image":
        pixels = document["pixels"]
        return RowForm(kind, shape, pixels["hold"], pixels["divisor"])
    raise ValueError(f"the kind is {kind!r}")
