"""What the expressions of techniques say about the network that they are written for."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from gengap.export.expressions import literal
from gengap.export.refusal import refusal
from gengap.networks.columns import column_axes
from gengap.networks.residuals import Join, residual_joins
from gengap.networks.shapes import known_shape
from gengap.networks.sharing import cell_stacks
from gengap.networks.sites import incoming_axes

__all__ = ["filled"]


def filled(expression: str, model: keras.Model, **names: str) -> str:
    """Fill in the blanks of a technique's expression (see `gengap.techniques.plain_keras`).

    Parameters
    ----------
    expression : str
        Such as ``"wrapped({network}, {incoming})"``.
    model : keras.Model
        The plain network, whose parts are named.
    **names : str
        What stands for the network, the optimizer or the loss.

    Raises
    ------
    UserError
        ``no-plain-source``, where the network's parts cannot be told apart by their names.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> filled("wrapped({network}, {incoming})", model, network="network")
    'wrapped(network, {0: (0,)})'
    """
    asked = {name for _, name, _, _ in string.Formatter().parse(expression) if name}
    said = {name: literal(_BLANKS[name](model)) for name in asked - names.keys()}
    return expression.format(**names, **said)


def _columns(model: keras.Model) -> dict[int, int]:
    axes = column_axes(model, known_shape(model))
    return {place: axis for place, axis in enumerate(axes) if axis is not None}


def _incoming(model: keras.Model) -> dict[int, tuple[int, ...]]:
    return {place: axes for place, axes in enumerate(incoming_axes(model)) if axes}


def _joins(model: keras.Model) -> dict[str, tuple[tuple[int, ...], float]]:
    return _by_name(
        (join.operation.name, (join.branches, join.depth))
        for join in _residual(model)
        if join.depth is not None
    )


def _pairs(model: keras.Model) -> dict[str, tuple[tuple[int, ...]]]:
    return _by_name(
        (join.operation.name, (join.branches,))
        for join in _residual(model)
        if len(join.branches) == 2
    )


def _residual(model: keras.Model) -> tuple[Join, ...]:
    return residual_joins(model, known_shape(model))


def _by_name(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in named:
        if found.setdefault(name, value) != value:
            raise refusal(f"two of its additions are called {name}")
    return found


_BLANKS: Mapping[str, Callable[[keras.Model], dict[Any, Any]]] = {
    "columns": _columns,
    "incoming": _incoming,
    "joins": _joins,
    "pairs": _pairs,
    "stacks": cell_stacks,
}
