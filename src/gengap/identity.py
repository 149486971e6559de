"""Keys: hashes of all that determines a result, and of nothing else (not the machine)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gengap.lanes.initial import Initial
from gengap.splits import Split

__all__ = ["NUMERICS", "digest", "initial_digest", "network_digest", "split_digest"]

#: Raised whenever the same trial would come out otherwise than before.
NUMERICS = 1


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
    """Hash what a compiled network is: layers, loss, optimizer; not the names of its layers.

    Keras numbers unnamed layers through a whole process: the same network, built twice, has other
    names.
    """
    config = {
        "class": type(model).__name__,
        "network": model.get_config(),
        "compiled": model.get_compile_config(),
    }
    text = json.dumps(keras.saving.serialize_keras_object(config), sort_keys=True, default=repr)
    layers = [model, *model._flatten_layers(include_self=False, recursive=True)]
    for number, layer in enumerate(layers):
        text = text.replace(json.dumps(layer.name), f'"layer {number}"')
    return digest(text)
