"""The graphs of a network: which operation computes what from what."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Graph", "graphs_of", "output_layers"]


class Graph:
    """The nodes of one Functional or Sequential network, in the order in which they are computed.

    Attributes
    ----------
    nodes : list of node
        Of Keras; a node is one call of an operation, with ``input_tensors`` and ``outputs``.
    makers : dict
        The id of a tensor -> the node that computes it.
    """

    def __init__(self, model: keras.Model) -> None:
        by_depth = model._nodes_by_depth
        self.nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
        self.makers = {id(tensor): node for node in self.nodes for tensor in node.outputs}

    def computing(self, tensor: Any, source: Any) -> frozenset[int]:
        """Return the ids of the operations that lead from a source to a tensor, if any do.

        Those of the layers that are within them are among them.
        """
        before = {id(source)}
        waiting = [tensor]
        while waiting:
            value = waiting.pop()
            if id(value) not in before:
                before.add(id(value))
                waiting += getattr(self.makers.get(id(value)), "input_tensors", [])
        reached = {id(source)}
        operations: set[int] = set()
        for node in self.nodes:
            makes = [id(output) for output in node.outputs if id(output) in before]
            if makes and any(id(given) in reached for given in node.input_tensors):
                reached.update(makes)
                operations.update(map(id, _inner(node.operation)))
        return frozenset(operations) if id(tensor) in reached else frozenset()


def graphs_of(model: keras.Model) -> list[Graph]:
    """Return the graphs of a network and of networks within it; none of a subclassed one."""
    every = {id(m): m for m in model._flatten_layers(include_self=True, recursive=True)}
    # A Sequential network has its graph in a network of its own.
    found = {id(g): g for g in (getattr(m, "_functional", m) for m in every.values())}
    return [Graph(g) for g in found.values() if hasattr(g, "_nodes_by_depth")]


def output_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers that make the several outputs of a graph; none where it has one.

    What is computed of a layer's output without another layer, such as ``keras.ops.softmax``, is
    as good as made by it.
    """
    if len(getattr(model, "outputs", None) or ()) < 2:
        return []
    graph, found = Graph(model), []
    for tensor in model.outputs:
        node = graph.makers.get(id(tensor))
        while node is not None and not isinstance(node.operation, keras.layers.Layer):
            given = node.input_tensors
            node = graph.makers.get(id(given[0])) if len(given) == 1 else None
        if node is not None:
            found.append(node.operation)
    return found


def _inner(operation: Any) -> list[Any]:
    layer = isinstance(operation, keras.layers.Layer)
    return operation._flatten_layers(include_self=True) if layer else [operation]
