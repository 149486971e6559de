"""The classes and functions of a saved network that its user wrote.

A ``.keras`` file has their names only. Another process imports their modules; what stands in a
notebook, in a script or within a function is not to be found there.
"""

from __future__ import annotations

import importlib
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from gengap.errors import UserError
from gengap.networks.loading import working_directory_importable
from gengap.networks.own import own_objects

__all__ = ["OwnCode", "check_importable", "import_own_code", "own_code"]

#: Parts of a compilation, as one would speak of them.
_COMPILED = {
    "optimizer": "the optimizer",
    "loss": "the loss",
    "metrics": "a metric",
    "weighted_metrics": "a metric",
}


@dataclass(frozen=True)
class OwnCode:
    """A class or function that is not one of Keras' own.

    Attributes
    ----------
    owner : str
        What it is, or belongs to, such as ``"the layer 'gate'"``.
    module, name : str
        Where it is defined; the name is empty for a lambda, which has none.
    key : str
        What Keras looks for when it loads the network.
    """

    owner: str
    module: str
    name: str
    key: str


def own_code(model: keras.Model, path: Path) -> tuple[OwnCode, ...]:
    """List what a network needs besides Keras.

    Parameters
    ----------
    model : keras.Model
    path : Path
        Of the ``.keras`` file that it was saved to: this names what is needed, but not always
        where it is defined.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    known = own_objects(model)
    parts = []
    for owner, key in dict.fromkeys(_needed(config, "")):
        if not key:
            parts.append(OwnCode(owner, "", "", ""))
        elif key in known:
            parts.append(OwnCode(owner, known[key].__module__, known[key].__qualname__, key))
    return tuple(parts)


def check_importable(parts: Sequence[OwnCode]) -> None:
    """Refuse what another process cannot import.

    Raises
    ------
    UserError
        ``not-importable``.
    """
    for part in parts:
        module = sys.modules.get(part.module)
        if not part.name:
            what = "is made with a lambda, which has no name to find it by"
            hint = "write it as a function in a module, and import it from there"
        elif part.module == "__main__":
            what = f"needs {part.name}, which is defined in the notebook or script that runs here"
            hint = f"move {part.name} into a module (a .py file beside it), and import it there"
        elif module is not None and _within(module, part.name) is None:
            name = part.name.rpartition(".")[2]
            what = f"needs {name}, which is defined within a function of {part.module}"
            hint = f"move {name} to the top level of {part.module}"
        else:
            continue
        raise UserError(
            "not-importable",
            f"{part.owner} {what}; training happens in a process of its own, on JAX, which "
            "cannot import it",
            hint,
        )


def import_own_code(parts: Sequence[OwnCode]) -> dict[str, Any]:
    """Import what a network needs; return what Keras looks for, by name.

    Raises
    ------
    UserError
        ``not-importable``.
    """
    found = {}
    for part in parts:
        with working_directory_importable():
            try:
                module = importlib.import_module(part.module)
            except Exception as error:
                raise UserError(
                    "not-importable",
                    f"{part.owner} needs {part.name} of {part.module}, and importing that module "
                    f"failed ({type(error).__name__}: {error})",
                    "it must be importable on its own, in a Python that has just started",
                ) from error
        here = _within(module, part.name)
        if here is None:
            raise UserError(
                "not-importable",
                f"{part.owner} needs {part.name}, which is not in {part.module} when that is "
                "imported",
                f"define it at the top level of {part.module}, not under a condition",
            )
        found[part.key] = here
    return found


def _within(module: ModuleType, name: str) -> Any:
    """Return what a dotted name stands for in a module; None where there is nothing."""
    here: Any = module
    for part in name.split("."):
        here = getattr(here, part, None)
    return here


def _needed(value: Any, owner: str) -> Iterator[tuple[str, str]]:
    """Yield whose part it is, and what Keras will look for; nothing for a lambda."""
    if isinstance(value, list):
        for inner in value:
            yield from _needed(inner, owner)
    if not isinstance(value, Mapping):
        return
    kind, inner = value.get("class_name"), value.get("config")
    name = inner.get("name") if isinstance(inner, Mapping) and "module" in value else None
    if isinstance(name, str) and owner not in _COMPILED.values():
        owner = f"the {'layer' if owner else 'network'} {name!r}"
    if kind == "__lambda__":
        yield owner, ""
    elif kind == "function":
        yield owner, str(inner)
    elif isinstance(kind, str):
        yield owner, str(value.get("registered_name") or kind)
    for place, part in value.items():
        yield from _needed(part, _COMPILED.get(place, owner) if "optimizer" in value else owner)
