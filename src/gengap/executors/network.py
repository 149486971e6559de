"""A network as a file for a process on another backend, and back."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path

import keras

from gengap.errors import UserError
from gengap.executors.own_code import OwnCode, check_importable, import_own_code, own_code
from gengap.networks.compiling import decay_exclusions, exclude_from_decay

__all__ = ["load_network", "read_network", "save_network", "write_network"]

_FILE = "network.keras"
_OWN_CODE = ".own.json"
_DECAY = "decay.json"


def write_network(model: keras.Model, folder: Path) -> None:
    """Write a network, built or not, compiled or not, for training elsewhere.

    Raises
    ------
    UserError
        ``not-importable`` for code that another process cannot find,
        ``network-cannot-be-saved`` for what Keras cannot save.
    """
    path = folder / _FILE
    try:
        with warnings.catch_warnings():
            # A lambda is refused below; a network that is not built has no weights to lose.
            warnings.simplefilter("ignore", UserWarning)
            model.save(path)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UserError(
            "network-cannot-be-saved",
            f"the network {model.name!r} cannot be saved for the process that trains, on JAX: "
            f"{_first_line(error)}",
            "give its classes a get_config() that returns the arguments of their __init__, or "
            "build it as keras.Sequential or keras.Model(inputs, outputs)",
        ) from error
    check_importable(_note_own_code(model, path))
    if model.compiled:
        # Whom the optimizer was told not to decay stands in no configuration.
        excluded = decay_exclusions(model.optimizer, model.trainable_variables)
        (folder / _DECAY).write_text(json.dumps(excluded), encoding="ascii")


def read_network(folder: Path) -> keras.Model:
    """Read what `write_network` wrote.

    Raises
    ------
    UserError
        ``not-importable``, or ``not-on-jax`` for a network that needs another backend.
    """
    path = folder / _FILE
    try:
        model = load_network(path)
    except UserError:
        raise
    except Exception as error:  # whatever the user's own layers raise on another backend
        own = dict.fromkeys(f"{part.owner} ({part.name})" for part in _own_code_of(path))
        raise UserError(
            "not-on-jax",
            f"the network cannot be built on JAX, where it is trained: {_first_line(error)}",
            f"written by you are {', '.join(own)}: use keras.ops there, which run on every backend"
            if own
            else "use keras.ops and Keras' own layers, which run on every backend",
        ) from error
    if (folder / _DECAY).exists():
        places, pattern = json.loads((folder / _DECAY).read_text(encoding="ascii"))
        exclude_from_decay(model, places, pattern)
    return model


def save_network(model: keras.Model, path: Path) -> None:
    """Save a network, and beside it what it needs besides Keras."""
    model.save(path)
    _note_own_code(model, path)


def load_network(path: Path) -> keras.Model:
    """Load what `save_network` saved, with the user's own code in it."""
    own = import_own_code(_own_code_of(path))
    with warnings.catch_warnings():
        # An optimizer that has done no step has nothing to load.
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer", UserWarning)
        return keras.saving.load_model(path, custom_objects=own)


def _note_own_code(model: keras.Model, path: Path) -> tuple[OwnCode, ...]:
    parts = own_code(model, path)
    records = [dataclasses.asdict(part) for part in parts]
    path.with_suffix(_OWN_CODE).write_text(json.dumps(records), encoding="ascii")
    return parts


def _own_code_of(path: Path) -> tuple[OwnCode, ...]:
    records = json.loads(path.with_suffix(_OWN_CODE).read_text(encoding="ascii"))
    return tuple(OwnCode(**record) for record in records)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
