"""Networks by words: a default kind, a function of a module, a saved file."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from gengap.errors import UserError, suggest
from gengap.networks.words import KINDS, kind_of, network_of_kind, words_for

__all__ = ["network_from_words", "working_directory_importable"]


def network_from_words(
    words: str, input_shape: Any, outputs: int, task: str, *, ragged: bool = False
) -> keras.Model:
    """Return the network that words, a function's name or a file's path stand for.

    Parameters
    ----------
    words : str
        ``"mlp:64,32"`` or another of `gengap.networks.words`, ``"module:function"``, or a path
        that ends in ``.keras``.
    input_shape : tuple of int, or mapping of such
    outputs : int
    task : {"classification", "regression"}
    ragged : bool
        Whether sequences may end before the last step.

    Raises
    ------
    UserError
        Where there is no such network.
    """
    if kind_of(words) is not None:
        return network_of_kind(words, input_shape, outputs, task, ragged=ragged)
    if words.endswith(".keras"):
        return _load(Path(words))
    name, colon, rest = words.partition(":")
    if colon and re.fullmatch(r"[\d,\s]+", rest):
        raise UserError(
            "unknown-model",
            f"there is no network {name!r}, as {words!r} says",
            suggest(name, KINDS, noun="networks"),
        )
    if colon:
        return _call_function(words, input_shape, outputs, task)
    known = "".join(f"'{fitting}', " for fitting in words_for(len(input_shape)))
    raise UserError(
        "unknown-model",
        f"cannot tell what the model {words!r} is",
        f"write {known}'module:function', or a path that ends in .keras",
    )


@contextmanager
def working_directory_importable() -> Iterator[None]:
    """Let modules of the working directory be imported, as those of a script's folder are."""
    here = str(Path.cwd())
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        yield
    finally:
        if added and here in sys.path:
            sys.path.remove(here)


def _call_function(words: str, input_shape: Any, outputs: int, task: str) -> keras.Model:
    module_name, _, function_name = words.partition(":")
    with working_directory_importable(), _users_code(words):
        try:
            module = importlib.import_module(module_name)
        except (ImportError, ValueError, SyntaxError) as error:
            raise UserError(
                "model-not-importable",
                f"cannot import {module_name!r} for the model {words!r}: {error}",
                f"it must be a module of the working directory ({Path.cwd()}) or an installed one, "
                "written with dots and without .py",
            ) from error
        function = getattr(module, function_name, None)
        if not callable(function):
            public = [name for name, value in vars(module).items() if inspect.isfunction(value)]
            raise UserError(
                "no-such-function",
                f"the module {module_name!r} has no function {function_name!r}",
                f"its functions: {', '.join(public) or 'none'}",
            )
        network = _call(function, words, input_shape, outputs, task)
    if not isinstance(network, keras.Model):
        raise UserError(
            "not-a-model",
            f"{words} returned {type(network).__name__}, expected a keras.Model",
            "return the network itself, built or not, compiled or not",
        )
    return network


@contextmanager
def _users_code(words: str) -> Iterator[None]:
    """Say of code that is not ours where it failed; what cannot be imported is told elsewhere."""
    try:
        yield
    except (UserError, ImportError, SyntaxError):
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = str(error).strip().splitlines()
        raise UserError(
            "model-function-fails",
            f"{words} raised {type(error).__name__}{f': {reason[0]}' if reason else ''} "
            f"(line {place.lineno} of {place.filename})",
            "call it on its own in Python to see the whole traceback",
        ) from error


def _call(function: Any, words: str, input_shape: Any, outputs: int, task: str) -> Any:
    flat = isinstance(input_shape, tuple) and len(input_shape) == 1
    offered = {
        "input_shape": input_shape,
        "inputs": input_shape[0] if flat else input_shape,
        "outputs": outputs,
        "task": task,
    }
    parameters = inspect.signature(function).parameters
    everything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = {
        name
        for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and name not in offered
    ]
    if missing:
        raise UserError(
            "model-function-arguments",
            f"{words} needs the argument {missing[0]!r}, which is not known",
            f"known are {', '.join(offered)}; give any other argument a default",
        )
    return function(**{k: v for k, v in offered.items() if everything or k in named})


def _load(path: Path) -> keras.Model:
    if not path.is_file():
        raise UserError(
            "no-such-model", f"there is no file {path}", "give the path of a .keras file"
        )
    if not zipfile.is_zipfile(path):
        raise UserError(
            "not-a-keras-file",
            f"{path} is not a .keras file (those are zip archives)",
            "save the network with model.save('name.keras')",
        )
    _refuse_code(_config(path), path)
    try:
        network = keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # of the file or of what it names: Keras, h5py and zipfile say so
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            "model-not-loadable",
            f"cannot load {path}: {first}",
            "custom layers are not in a .keras file: write --model module:function instead, where "
            "the function returns the network",
        ) from error
    if not isinstance(network, keras.Model):
        raise UserError(
            "not-a-model",
            f"{path} holds a {type(network).__name__}, expected a keras.Model",
            "save the network with model.save('name.keras')",
        )
    return network


def _config(path: Path) -> Any:
    """Return a saved network's configuration."""
    try:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise UserError(
                    "not-a-keras-file",
                    f"{path} is a zip archive without config.json, not a saved Keras network",
                    "save the network with model.save('name.keras')",
                )
            return json.loads(archive.read("config.json"))
    except UserError:
        raise
    except (
        # Of the archive; of the text, where words that are no UTF-8 or no JSON are values.
        zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError,
        ValueError,
    ) as error:  # fmt: skip
        raise UserError(
            "not-a-keras-file",
            f"{path} is damaged: its config.json cannot be read ({error})",
            "save the network again with model.save('name.keras')",
        ) from error


def _refuse_code(config: Any, path: Path) -> None:
    """Refuse a configuration that brings Python code along."""
    if isinstance(config, dict):
        if config.get("class_name") == "__lambda__":
            raise UserError(
                "model-brings-code",
                f"{path} holds a Lambda layer with Python code; running code from a file that "
                "somebody may have sent is not safe",
                "write --model module:function with that network, or replace the Lambda layer",
            )
        for value in config.values():
            _refuse_code(value, path)
    elif isinstance(config, list):
        for value in config:
            _refuse_code(value, path)
