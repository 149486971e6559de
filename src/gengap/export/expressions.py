"""Objects of Keras as the Python expressions that make them, with no argument that is a default."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

__all__ = ["NotPlainError", "expression", "literal", "short_numbers"]

_NAMESPACES: Mapping[str, Any] = {
    "keras.layers": keras.layers,
    "keras.optimizers": keras.optimizers,
    "keras.optimizers.schedules": keras.optimizers.schedules,
    "keras.losses": keras.losses,
    "keras.regularizers": keras.regularizers,
    "keras.constraints": keras.constraints,
    "keras.initializers": keras.initializers,
    "keras.activations": keras.activations,
    "keras.dtype_policies": keras.dtype_policies,
}
#: Entries of configurations that say nothing about what an object does.
_INCIDENTAL = frozenset({"name", "build_config", "registered_name", "shared_object_id"})
#: Arguments that a reader wants to see where they have a value, defaults or not.
_ALWAYS = frozenset({"learning_rate", "max_value"})
#: Whose arguments these are, too: a strength is what a recipe is about.
_STRENGTHS = ("keras.regularizers.L1", "keras.regularizers.L2")
#: What is known by one number, which needs no name.
_ONE_NUMBER = ("keras.regularizers.", "keras.constraints.")


class NotPlainError(Exception):
    """Something is not one of Keras' own objects, so that no expression makes it."""


def expression(value: Any, overrides: Mapping[str, Any] | None = None) -> str:
    """Write an object of Keras as an expression on one line.

    Parameters
    ----------
    value : object
        A layer, an optimizer, a schedule, a loss, a regularizer, or a function of Keras.
    overrides : mapping, optional
        Arguments that its configuration lacks.

    Raises
    ------
    NotPlainError

    Examples
    --------
    >>> print(expression(keras.layers.Dense(8, activation="relu")))
    keras.layers.Dense(8, activation="relu")
    """
    if isinstance(value, str):
        return literal(value)
    if inspect.isfunction(value):
        return _function(value)
    return _call(type(value), {**value.get_config(), **(overrides or {})})


def literal(value: Any) -> str:
    """Write a number, a text, None or a collection of these, as a person would.

    Examples
    --------
    >>> literal((0.0010000000474974513, True))
    '(0.001, True)'
    """
    if isinstance(value, str):
        text = repr(value)
        # repr prefers single quotation marks; formatters prefer double ones.
        return text if text.startswith('"') or '"' in value else f'"{text[1:-1]}"'
    if isinstance(value, bool | np.bool_) or value is None:
        return str(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(short_numbers(float(value)))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise NotPlainError(f"no literal for {type(value).__name__}")


def short_numbers(value: Any) -> Any:
    """Replace the numbers in a configuration by the shortest that 32 bits do not tell from them.

    Examples
    --------
    >>> short_numbers({"l2": 0.009999999776482582, "rates": [0.1]})
    {'l2': 0.01, 'rates': [0.1]}
    """
    if isinstance(value, Mapping):
        return {key: short_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [short_numbers(inner) for inner in value]
    # Keras holds strengths in 32 bits: 0.001 comes back as 0.0010000000474974513.
    if isinstance(value, float) and abs(value) < 1e38 and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


def _function(function: Any) -> str:
    own = str(function.__name__)
    for name in ("keras.losses", "keras.activations"):
        if getattr(_NAMESPACES[name], own, None) is function:
            return f"{name}.{own}"
    raise NotPlainError(f"{own} is not a function of Keras")


def _call(kind: Any, config: Mapping[str, Any]) -> str:
    public = _public_name(kind)
    parameters = inspect.signature(kind.__init__).parameters
    required = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and name in config
    ]
    try:
        default = _made(kind, {name: config[name] for name in required}).get_config()
    except (TypeError, ValueError) as error:
        raise NotPlainError(f"{public} is not made by its configuration alone") from error
    written = [
        name
        for name, value in config.items()
        if (name in _ALWAYS and value is not None)
        or public in _STRENGTHS
        or _bare(value) != _bare(default.get(name))
    ]
    optional = [name for name in written if name not in required and name not in _INCIDENTAL]
    arguments = [_value(config[name]) for name in required]
    arguments += [f"{name}={_value(config[name])}" for name in optional]
    lone = public.startswith(_ONE_NUMBER) and len(arguments) == 1
    if lone and optional == list(parameters)[1:2]:
        arguments = [_value(config[optional[0]])]
    return f"{public}({', '.join(arguments)})"


def _made(kind: Any, given: Mapping[str, Any]) -> Any:
    """Make an object of Keras from its required arguments alone."""
    try:
        return kind.from_config(copy.deepcopy(given))
    except KeyError:
        # Some, such as Rescaling, read entries that their constructor has defaults for.
        return kind(**copy.deepcopy(given))


def _public_name(kind: Any) -> str:
    own = str(kind.__name__)
    for name, namespace in _NAMESPACES.items():
        if getattr(namespace, own, None) is kind:
            return f"{name}.{own}"
    raise NotPlainError(f"{own} is not a class of Keras")


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and "class_name" in value:
        if value["class_name"] == "DTypePolicy":
            return literal(value["config"]["name"])
        if value["class_name"] == "__tuple__":
            return literal(tuple(value["items"]))
        namespace = _NAMESPACES.get(str(value.get("module")))
        kind = getattr(namespace, str(value["class_name"]), None)
        if inspect.isclass(kind):
            return _call(kind, value["config"])
        raise NotPlainError(f"{value['class_name']} is not a class of Keras")
    return literal(value)


def _bare(value: Any) -> Any:
    """Leave out of a configuration what says nothing about what the object does."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "DTypePolicy":
            return value["config"]["name"]
        return {key: _bare(inner) for key, inner in value.items() if key not in _INCIDENTAL}
    if isinstance(value, list | tuple):
        return [_bare(inner) for inner in value]
    return value
