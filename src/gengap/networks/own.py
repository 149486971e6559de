"""The classes and functions in a network that its user wrote."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras

__all__ = ["own_objects"]

#: Their functions, as activations, are looked up by name among those of Keras.
_LIBRARIES = frozenset({"builtins", "jax", "jaxlib", "keras", "numpy", "tensorflow", "torch"})

_BACKENDS = "keras.src.backend."


def own_objects(model: keras.Model) -> dict[str, Any]:
    """Return what Keras does not know by itself, by the names under which it looks for them.

    Of layers and of what they hold: activations, initializers, regularizers, constraints; and of
    the compilation. Keras finds none of them when it makes a network from its configuration, unless
    they are registered.
    """
    compiled = model._compile_config.config.values() if model.compiled else ()
    parts = [*model._flatten_layers(), *keras.tree.flatten(list(compiled))]
    held = [value for part in parts for value in _held(part)]
    found: dict[str, Any] = {}
    for part in (*parts, *held):
        kind: Any = part if inspect.isfunction(part) else type(part)
        if isinstance(part, keras.optimizers.Optimizer):
            # PyTorch has optimizers of its own, and files name them: what they derive from runs
            # everywhere.
            public = next(k for k in type(part).__mro__ if not k.__module__.startswith(_BACKENDS))
            if public is not kind:
                found[keras.saving.get_registered_name(kind)] = public
                continue
        own = str(kind.__module__).partition(".")[0] not in _LIBRARIES
        if own and (inspect.isfunction(part) or hasattr(part, "get_config")):
            found[keras.saving.get_registered_name(kind)] = kind
    return found


def _held(part: Any) -> Iterator[Any]:
    """Yield what an object holds, and what is in its lists and dicts."""
    for value in getattr(part, "__dict__", {}).values():
        yield value
        if isinstance(value, list | tuple):
            yield from value
        elif isinstance(value, dict):
            yield from value.values()
