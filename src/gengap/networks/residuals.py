"""Where residual branches join their shortcuts, and changes of them while a network is traced.

A join is an addition of a graph (an ``Add`` layer, or ``+``) of a value and of one or more others
that are computed from it: the value is the shortcut, the others are the branches. Two branches may
also be added to each other first, and their sum to the shortcut. In the code of a subclassed
network no joins are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from gengap.networks.graphs import Graph, graphs_of
from gengap.networks.tracing import patched, restarting, watched_pass

__all__ = ["Join", "at_joins", "residual_joins"]


@dataclass(frozen=True, eq=False)
class Join:
    """An addition that ends residual branches, at one of its calls in a pass.

    Attributes
    ----------
    operation : keras.Operation
        The addition.
    call : int
        The how-manieth of its calls this is, from 0.
    branches : tuple of int
        The places of the branches among what it adds up.
    depth : float, optional
        How deep in the network it is: number l of L has l / L. An addition that is called again
        stays as deep as it was. None for one of two branches alone, which another join adds to
        their shortcut.
    within : frozenset of int
        The ids of the operations that compute the branches, those within layers included.
    """

    operation: Any
    call: int
    branches: tuple[int, ...]
    depth: float | None
    within: frozenset[int]


@dataclass(frozen=True)
class _Found:
    """What is known of a join from its graph."""

    branches: tuple[int, ...]
    to_shortcut: bool
    within: frozenset[int]


def residual_joins(model: keras.Model, sample_shape: Any) -> tuple[Join, ...]:
    """Find where residual branches are joined, in the order in which that is computed.

    Parameters
    ----------
    model : keras.Model
        Built.
    sample_shape : sequence of int, or mapping of such

    Examples
    --------
    >>> import keras
    >>> inputs = keras.Input((3,))
    >>> hidden = keras.layers.Add()([inputs, keras.layers.Dense(3)(inputs)])
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    >>> [(join.branches, join.depth) for join in residual_joins(model, (3,))]
    [((1,), 1.0)]
    """
    known: dict[int, tuple[Any, list[_Found | None]]] = {}
    seen: set[int] = set()
    for graph in graphs_of(model):
        found = _additions(graph)
        # What is part of two graphs at once does not tell for which of them it is called.
        known = {key: value for key, value in known.items() if key not in found}
        known |= {key: value for key, value in found.items() if key not in seen}
        seen |= set(found)
    known = {key: value for key, value in known.items() if any(value[1])}
    order: list[tuple[Any, int, _Found]] = []
    counts: dict[int, int] = {}

    def watch(operation: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            number = counts.get(id(operation), 0)
            counts[id(operation)] = number + 1
            of_nodes = known[id(operation)][1]
            # A graph that is called again calls all of its additions again.
            if (join := of_nodes[number % len(of_nodes)]) is not None:
                order.append((operation, number, join))
            return call(*args, **kwargs)

        return watched

    if not known:
        return ()
    watched_pass(model, sample_shape, [operation for operation, _ in known.values()], watch)
    whole = dict.fromkeys(id(operation) for operation, _, join in order if join.to_shortcut)
    depth = {key: (place + 1) / len(whole) for place, key in enumerate(whole)}
    return tuple(
        Join(
            operation,
            number,
            join.branches,
            depth[id(operation)] if join.to_shortcut else None,
            join.within,
        )
        for operation, number, join in order
    )


@contextmanager
def at_joins(
    model: keras.Model, joins: Sequence[Join], change: Callable[[int, list[Any]], Sequence[Any]]
) -> Iterator[None]:
    """Let `change` replace the branches of every join while the network is traced.

    Parameters
    ----------
    model : keras.Model
    joins : sequence of Join
        Of this network (`residual_joins`).
    change : callable
        ``(index of the join, branches) -> branches``.

    Notes
    -----
    Instances are patched, and unpatched at the end, as `gengap.networks.sites.at_sites` does.
    """
    index_of = {(id(join.operation), join.call): index for index, join in enumerate(joins)}
    counts: dict[int, int] = {}

    def patch(operation: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        layer = isinstance(operation, keras.layers.Layer)

        def joined(*args: Any, **kwargs: Any) -> Any:
            number = counts.get(id(operation), 0)
            counts[id(operation)] = number + 1
            index = index_of.get((id(operation), number))
            if index is None:
                return call(*args, **kwargs)
            # A layer takes one list, `+` two values.
            values = list(args[0] if layer else args)
            places = joins[index].branches
            branches = change(index, [values[place] for place in places])
            for place, branch in zip(places, branches, strict=True):
                values[place] = branch
            return call(values, *args[1:], **kwargs) if layer else call(*values, **kwargs)

        return joined

    operations = {id(join.operation): join.operation for join in joins}
    with patched([model], restarting(counts)), patched(list(operations.values()), patch):
        yield


def _additions(graph: Graph) -> dict[int, tuple[Any, list[_Found | None]]]:
    """Return every addition, and for each of its nodes the join that it is, if it is one."""
    nodes = [node for node in graph.nodes if _adds(node.operation)]
    joins: dict[int, _Found | None] = {}
    starts: dict[int, Any] = {}
    for node in nodes:
        joins[id(node)], start = _join(graph, node.input_tensors, starts)
        starts[id(node.outputs[0])] = start
    for node in nodes:
        if (pair := _pair(graph, node.input_tensors, joins[id(node)])) is not None:
            joins[pair[0]] = joins[pair[0]] or pair[1]
    found: dict[int, tuple[Any, list[_Found | None]]] = {}
    for node in nodes:
        found.setdefault(id(node.operation), (node.operation, []))[1].append(joins[id(node)])
    return found


def _join(
    graph: Graph, tensors: Sequence[Any], starts: dict[int, Any]
) -> tuple[_Found | None, Any]:
    """Tell which of several tensors the others are computed from, if any, and that tensor.

    Where branches are added one after the other, all are computed from what the first was added
    to: `starts` knows that, by the ids of the sums.
    """
    if len(tensors) < 2 or len({id(tensor) for tensor in tensors}) < len(tensors):
        return None, None
    for place, shortcut in enumerate(tensors):
        others = tuple(other for other in range(len(tensors)) if other != place)
        for source in (shortcut, starts.get(id(shortcut))):
            computing = [graph.computing(tensors[other], source) for other in others]
            if all(computing):
                within = frozenset[int]().union(*computing)
                return _Found(others, to_shortcut=True, within=within), source
    return None, None


def _pair(graph: Graph, tensors: Sequence[Any], join: _Found | None) -> tuple[int, _Found] | None:
    """Return the node that adds two branches up before a join, and the join that it is."""
    if join is None or len(join.branches) != 1:
        return None
    (branch,) = join.branches
    inner = graph.makers.get(id(tensors[branch]))
    if inner is None or not _adds(inner.operation) or len(inner.input_tensors) != 2:
        return None
    shortcut = tensors[1 - branch]
    sides = [graph.computing(tensor, shortcut) for tensor in inner.input_tensors]
    if not all(sides):
        return None
    within = frozenset[int]().union(*sides)
    return id(inner), _Found((0, 1), to_shortcut=False, within=within)


def _adds(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Add):
        return True
    kind = type(operation)
    return kind.__name__ == "Add" and kind.__module__.startswith("keras.")
