"""Keys: hashes of all that determines a result, and of nothing else (not the machine)."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gengap.lanes.initial import Initial
from gengap.networks.compiling import decay_exclusions
from gengap.networks.existing import layer_paths
from gengap.splits import Split

__all__ = ["NUMERICS", "digest", "initial_digest", "network_digest", "split_digest"]

#: Raised whenever the same trial would come out otherwise than before.
NUMERICS = 6


def digest(*parts: str | bytes | int | float | Sequence[Any] | Mapping[str, Any] | None) -> str:
    """Hash parts in order.

    Parameters
    ----------
    *parts
        Text, bytes, numbers, or what JSON can hold.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a1")
    (True, False)
    """
    total = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def split_digest(split: Split) -> str:
    """Hash which rows are in which part."""
    parts = (split.training, split.validation, split.test)
    return digest(*(part.astype(np.int64).tobytes() for part in parts))


def initial_digest(initial: Initial) -> str:
    """Hash the values from which a run starts."""
    values = (*initial.weights, *initial.others)
    return digest(*(np.ascontiguousarray(value).tobytes() for value in values))


def network_digest(model: keras.Model) -> str:
    """Hash what a compiled network is: layers, loss, optimizer, and code that is not Keras' own.

    Names make no difference: Keras counts those of unnamed layers and optimizers up through a whole
    process, so that the same network, built twice, has other names.
    """
    serialize = keras.saving.serialize_keras_object
    names: dict[str, str] = {}
    network = _renamed(serialize(model.get_config()), names)
    compiled = _renamed(serialize(model.get_compile_config()), names)
    # A loss may be given by the name of its output.
    compiled = {
        part: {names.get(key, key): inner for key, inner in value.items()}
        if part in ("loss", "loss_weights") and isinstance(value, dict)
        else value
        for part, value in compiled.items()
    }
    text = json.dumps([network, compiled], sort_keys=True, default=repr)
    undecayed = decay_exclusions(model.optimizer, model.trainable_variables)
    return digest(type(model).__name__, text, undecayed, sorted(_code(model)))


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Replace names by their numbers, in the order in which they are met."""

    def number(name: str) -> str:
        return names.setdefault(name, f"name {len(names)}")

    if isinstance(value, Mapping):
        if value.get("class_name") == "DTypePolicy":
            return value
        return {
            key: number(inner)
            if key == "name" and isinstance(inner, str)
            else _renamed(inner, names)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        if [type(inner) for inner in value] == [str, int, int]:  # an output of a layer
            return [number(value[0]), *value[1:]]
        return [_renamed(inner, names) for inner in value]
    return value


def _code(model: keras.Model) -> set[str]:
    """Return the source of the classes and functions of a network that its user wrote.

    Its configuration only has their names: with another body it would pass for the same network.
    """
    layers = [layer for layer, _ in layer_paths(model)]
    parts = [*layers, model.optimizer, *keras.tree.flatten(model.loss)]
    # Activations, initializers, regularizers, constraints, functions of Lambda layers.
    parts += [value for layer in layers for value in vars(layer).values() if callable(value)]
    found = set()
    for part in parts:
        for kind in [part] if inspect.isroutine(part) else type(part).__mro__:
            if getattr(kind, "__module__", "").partition(".")[0] not in _LIBRARIES:
                # Without source (code typed into a plain prompt) the name has to do.
                with contextlib.suppress(OSError, TypeError):
                    found.add(inspect.getsource(kind))
    return found


#: Whose code is told by their version, or by `NUMERICS`.
_LIBRARIES = frozenset({"keras", "builtins", "numpy", "jax", "jaxlib", "abc", "gengap"})
