"""What is to be carried out: a call of `gengap.compare` as files.

Paths and words go over as they are, rows in memory as arrays, a network as a ``.keras`` file, and
settings as JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gengap.errors import UserError
from gengap.executors.network import read_network, write_network
from gengap.executors.rows import read_dataset, write_dataset
from gengap.reading import read
from gengap.recipe import Recipe

__all__ = ["Request", "read_request", "write_request"]

_DOCUMENT = "request.json"
_ROWS = "rows"
_NETWORK = "network"

#: Arguments that say what the rows are, and `read` takes.
_OF_ROWS = ("target", "task", "test", "groups", "weight", "sample_weight", "image_size")

#: What Keras assumes where a network does not say it.
_KERAS_SETTINGS = ("floatx", "epsilon", "image_data_format")


@dataclass(frozen=True, eq=False)
class Request:
    """A call that another process asked for.

    Attributes
    ----------
    arguments : mapping
        Of `gengap.compare`, all but `progress`.
    listening : bool
        Whether anybody wants to know how it goes on.
    """

    arguments: Mapping[str, Any]
    listening: bool


def write_request(
    folder: Path, x: Any, y: Any, settings: Mapping[str, Any], *, listening: bool
) -> None:
    """Write a call into an empty folder.

    Parameters
    ----------
    folder : Path
    x, y : object
        As in `gengap.compare`.
    settings : mapping
        Its other arguments, all but `progress`.
    listening : bool
        Whether anybody wants to know how it goes on.

    Raises
    ------
    UserError
        What reading the rows raises; ``not-importable`` and ``network-cannot-be-saved`` for the
        network; ``bad-setting`` for what is neither a word nor a number.
    """
    arguments = dict(settings)
    given = {"x": x, **{name: arguments[name] for name in ("test", "groups", "sample_weight")}}
    in_memory = [name for name, value in given.items() if not _is_words(value)]
    if y is None and not in_memory:
        arguments["x"] = x
    else:
        rows = read(x, y, **{name: arguments[name] for name in _OF_ROWS})
        (folder / _ROWS).mkdir()
        write_dataset(rows, folder / _ROWS)
        arguments = {name: value for name, value in arguments.items() if name not in in_memory}
    if isinstance(arguments["model"], keras.Model):
        (folder / _NETWORK).mkdir()
        write_network(arguments.pop("model"), folder / _NETWORK)
    techniques = arguments["techniques"]
    if isinstance(techniques, Iterable) and not isinstance(techniques, str):
        arguments["techniques"] = [str(t) if isinstance(t, Recipe) else t for t in techniques]
    document = {
        "arguments": arguments,
        "in_memory": in_memory,
        "listening": listening,
        "keras": {name: getattr(keras.config, name)() for name in _KERAS_SETTINGS},
        "dtype_policy": keras.config.dtype_policy().name,
    }
    (folder / _DOCUMENT).write_text(json.dumps(document, default=_plain), encoding="ascii")


def read_request(folder: Path) -> Request:
    """Read what `write_request` wrote; the network is built.

    Raises
    ------
    UserError
        Where the network cannot be built here.
    """
    document = json.loads((folder / _DOCUMENT).read_text(encoding="ascii"))
    for name, value in document["keras"].items():
        getattr(keras.config, f"set_{name}")(value)
    keras.config.set_dtype_policy(document["dtype_policy"])
    # A tuple for a list: as such, what was left out equals its default.
    arguments = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in document["arguments"].items()
    }
    # What came in memory is in the rows; that it was given is still said, for the record.
    arguments |= dict.fromkeys(document["in_memory"], ...)
    if (folder / _ROWS).exists():
        arguments["x"] = read_dataset(folder / _ROWS)
    if (folder / _NETWORK).exists():
        arguments["model"] = read_network(folder / _NETWORK)
    return Request(arguments, document["listening"])


def _is_words(value: Any) -> bool:
    return value is None or isinstance(value, str | os.PathLike)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__index__"):
        return value.__index__()
    raise UserError(
        "bad-setting",
        f"expected words and numbers, received {type(value).__name__} for a setting",
        "the arguments of compare say which take what",
    )
