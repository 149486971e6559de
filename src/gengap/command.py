"""The command line that repeats a study."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["command_of"]

#: What changes nothing about the figures.
_LEFT_OUT = ("out", "dry_run")


def command_of(
    source: Any,
    given: Mapping[str, Any],
    defaults: Mapping[str, Any],
    *,
    targets_apart: bool = False,
) -> str:
    """Return the command that repeats a study; as a call where arrays or models were given.

    Parameters
    ----------
    source : object
        The data, as the user gave it.
    given, defaults : mapping
        Arguments of `gengap.compare` by name, without the data.
    targets_apart : bool
        Whether the targets were given beside the inputs; a target then names an output.

    Examples
    --------
    >>> command_of("wine.csv", {"target": "quality", "folds": 5}, {"target": None, "folds": 10})
    'gengap compare wine.csv --target quality --folds 5'
    >>> command_of([[1.0]], {"budget": 60.0, "out": "run"}, {"budget": None})
    'gengap.compare(x, y, budget=60.0)'
    >>> command_of([[1.0]], {"task": {"stars": "regression"}}, {"task": None})
    "gengap.compare(x, y, task={'stars': 'regression'})"
    """
    chosen = {
        name: value
        for name, value in given.items()
        if name not in _LEFT_OUT and not _is_default(value, defaults.get(name))
    }
    if isinstance(source, str | os.PathLike) and all(map(_is_word, chosen.values())):
        words = ["gengap", "compare", os.fspath(source)]
        for name, value in chosen.items():
            values = value if isinstance(value, list | tuple) and name == "allow" else [value]
            for one in values:
                words += ["--" + name.replace("_", "-"), _word(one)]
        return shlex.join(words)
    data = ["x", "y"] if targets_apart or "target" not in chosen else ["x"]
    if isinstance(source, str | os.PathLike):
        data = [repr(os.fspath(source))]
    arguments = [*data, *(f"{name}={_shown(value)}" for name, value in chosen.items())]
    return f"gengap.compare({', '.join(arguments)})"


def _is_default(value: Any, default: Any) -> bool:
    if value is default:
        return True
    return isinstance(value, str | int | float | tuple | list) and value == default


def _is_word(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str | int | float | os.PathLike)


def _word(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and all(isinstance(word, str) for word in value.values()):
        return repr(dict(value))
    return repr(value) if isinstance(value, str | int | float | tuple | list) else "..."
