"""The recurrent cells of a network, and masks on what goes into them while it is traced."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import jax.numpy as jnp
import keras

__all__ = ["Cell", "Connection", "at_cells", "recurrent_cells", "step_by_step"]

Connection = Literal["inputs", "state"]

_RATES: Mapping[Connection, str] = {"inputs": "dropout", "state": "recurrent_dropout"}
_GETTERS: Mapping[Connection, str] = {
    "inputs": "get_dropout_mask",
    "state": "get_recurrent_dropout_mask",
}


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell that can drop values.

    Attributes
    ----------
    layer : keras.layers.Layer
        Such as the cell of an LSTM.
    dropping : mapping
        Attributes that it would have, had it been made with recurrent dropout: Keras then computes
        its gates one by one, each with a mask of its own.
    """

    layer: keras.layers.Layer
    dropping: Mapping[str, Any] = field(default_factory=dict)


def recurrent_cells(model: keras.Model) -> tuple[Cell, ...]:
    """Find the recurrent cells that can drop values, in the order of the layers.

    Those of Keras' LSTM, GRU, SimpleRNN and ConvLSTM layers do, and cells that derive from them,
    also within wrappers and stacks of cells.

    Examples
    --------
    >>> layers = [keras.Input((4, 2)), keras.layers.LSTM(3), keras.layers.Dense(1)]
    >>> [type(cell.layer).__name__ for cell in recurrent_cells(keras.Sequential(layers))]
    ['LSTMCell']
    """
    unique = {
        id(layer): layer
        for layer in model._flatten_layers(include_self=False, recursive=True)
        # Recurrent layers pass the rates on from their cell: only the cell holds them.
        if "recurrent_dropout" in vars(layer) and hasattr(layer, _GETTERS["state"])
    }
    return tuple(Cell(layer, _as_made_with_dropout(layer)) for layer in unique.values())


def _as_made_with_dropout(layer: keras.layers.Layer) -> dict[str, Any]:
    other = type(layer).from_config({**layer.get_config(), "recurrent_dropout": 0.5})
    names = ("implementation", "dropout_mask_count")
    return {name: getattr(other, name) for name in names if hasattr(other, name)}


@contextmanager
def at_cells(
    cells: Sequence[Cell],
    connections: Collection[Connection],
    mask: Callable[[int, Connection, Any], Any],
) -> Iterator[None]:
    """Let `mask` make the dropout masks of every cell while the network is traced in training.

    Parameters
    ----------
    cells : sequence of Cell
        Of the network (`recurrent_cells`).
    connections : collection of {"inputs", "state"}
        What is masked: the cell's inputs of a time step, or its state of the step before.
    mask : callable
        ``(index of the cell, connection, ones) -> factors``: of the shape of a step's inputs
        (B, D), which all gates share, or of the states (B, U), with an axis in front where every
        gate has its own. A mask is made once a sequence and serves all its time steps. A cell that
        computes several sequences in a pass has an index beyond those of the cells for each more.

    Notes
    -----
    Instances are patched, and unpatched at the end; nothing that is saved or traced afterwards is
    touched.
    """
    undo: list[tuple[Any, str, Any]] = []

    def patch(layer: Any, name: str, value: Any) -> None:
        undo.append((layer, name, vars(layer).get(name, _ABSENT)))
        object.__setattr__(layer, name, value)

    try:
        for index, cell in enumerate(cells):
            for connection in connections:
                # Any rate between 0 and 1 makes Keras ask for a mask.
                patch(cell.layer, _RATES[connection], 0.5)
                places = itertools.count(index, len(cells))
                getter = _mask_getter(cell.layer, places, connection, mask)
                patch(cell.layer, _GETTERS[connection], getter)
            if "state" in connections:
                for name, value in cell.dropping.items():
                    patch(cell.layer, name, value)
        yield
    finally:
        for layer, name, value in reversed(undo):
            if value is _ABSENT:
                object.__delattr__(layer, name)
            else:
                object.__setattr__(layer, name, value)
        for cell in cells:
            # A trace that broke off must leave no traced mask behind.
            cell.layer.reset_dropout_mask()
            cell.layer.reset_recurrent_dropout_mask()


@contextmanager
def step_by_step(model: keras.Model) -> Iterator[None]:
    """Let recurrent layers compute step by step while the network is traced.

    On some GPUs Keras hands a whole sequence to cuDNN, whose code cannot be vectorized over lanes.

    Parameters
    ----------
    model : keras.Model
    """
    before = [
        (layer, vars(layer)["use_cudnn"])
        for layer in model._flatten_layers(include_self=False, recursive=True)
        if "use_cudnn" in vars(layer)
    ]
    try:
        for layer, _ in before:
            object.__setattr__(layer, "use_cudnn", False)
        yield
    finally:
        for layer, value in before:
            object.__setattr__(layer, "use_cudnn", value)


_ABSENT = object()


def _mask_getter(
    layer: Any,
    places: Iterator[int],
    connection: Connection,
    mask: Callable[[int, Connection, Any], Any],
) -> Callable[[Any], Any]:
    kept = "_dropout_mask" if connection == "inputs" else "_recurrent_dropout_mask"

    def get(value: Any) -> Any:
        if getattr(layer, kept, None) is None:
            gates = getattr(layer, "dropout_mask_count", None)
            each = connection == "state" and gates is not None
            shape = (gates, *value.shape) if each else value.shape
            made = mask(next(places), connection, jnp.ones(shape, value.dtype))
            # With or without masks of the state, those of the inputs are the same.
            setattr(layer, kept, list(made) if each else [made] * gates if gates else made)
        return getattr(layer, kept)

    return get
