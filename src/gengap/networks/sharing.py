"""Stacked recurrent layers that could share one cell, and the network in which they do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import keras

from gengap.errors import UserError
from gengap.networks.compiling import copy_compilation
from gengap.networks.graphs import Graph, graphs_of
from gengap.networks.rebuild import copy_network, is_graph, variable_pairs
from gengap.plain_cells import with_shared_cells

__all__ = ["cell_stacks", "share_cells"]


def cell_stacks(model: keras.Model) -> dict[str, str]:
    """Find recurrent layers on top of each other whose cells are alike.

    Parameters
    ----------
    model : keras.Model
        Built; of a subclassed network nothing is known.

    Returns
    -------
    dict
        The name of a layer -> that of the first of its stack, which is there itself. Layers are of
        one stack where their cells have the same configuration and weights of the same shapes, and
        each is computed from the first. Stateful layers and those within wrappers are left out.

    Examples
    --------
    >>> import keras
    >>> lstm = [keras.layers.LSTM(3, return_sequences=True, name=name) for name in "abc"]
    >>> cell_stacks(keras.Sequential([keras.Input((4, 2)), *lstm]))
    {'b': 'b', 'c': 'b'}
    """
    found: dict[str, str] = {}
    for graph in graphs_of(model) if is_graph(model) else ():
        found |= _of_graph(graph)
    return found


def share_cells(model: keras.Model) -> keras.Model:
    """Build a network anew in which stacked recurrent layers compute with one cell.

    Parameters
    ----------
    model : keras.Model
        Built; it stays as it is.

    Raises
    ------
    UserError
        ``no-stacked-layers``, where there are no two such layers.
    """
    stacks = cell_stacks(model)
    if not stacks:
        raise UserError(
            "no-stacked-layers",
            "weight_tying shares one cell among stacked recurrent layers of one kind, width and "
            f"input width, and the network {model.name} has no two of them",
            "make two layers after the first as wide as each other, such as model='lstm:32,32,32', "
            "or leave weight_tying out",
        )
    copy = copy_network(model)
    new = with_shared_cells(copy, stacks)  # type: ignore[no-untyped-call]
    copy_compilation(model, new, variable_pairs(model, new))
    return new


def _of_graph(graph: Graph) -> dict[str, str]:
    nodes = [
        node
        for node in graph.nodes
        if isinstance(node.operation, keras.layers.RNN) and not node.operation.stateful
    ]
    found: dict[str, str] = {}
    firsts: list[Any] = []
    for node in nodes:
        layer = node.operation
        for first in firsts:
            if _alike(first.operation) == _alike(layer) and graph.computing(
                node.outputs[0], first.outputs[0]
            ):
                found[first.operation.name] = found[layer.name] = first.operation.name
                break
        else:
            firsts.append(node)
    return found


def _alike(layer: Any) -> tuple[Any, ...]:
    """Return what two layers have in common that can share their cell."""
    kinds = type(layer), type(layer.cell)
    shapes = tuple(tuple(variable.shape) for variable in layer.cell.variables)
    return *kinds, json.dumps(_unnamed(layer.cell.get_config()), default=str), shapes


def _unnamed(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in ("name", "seed")}
