"""How much a function computes; what is in a loop counts as often as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
from jax.extend.core import jaxpr_as_fun

__all__ = ["operations"]


def operations(function: Callable[..., Any], *arguments: Any) -> tuple[float, int]:
    """Count the operations of a function, and the steps of its loops.

    Parameters
    ----------
    function : callable
        Of arrays.
    *arguments : array or jax.ShapeDtypeStruct

    Returns
    -------
    operations : float
        On numbers, as XLA counts them: a product of matrices (n, k) and (k, m) has 2 n k m.
    steps : int
        Of all loops of a known length, as recurrent layers have them.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> square, vector = jnp.ones((8, 8)), jnp.ones((4, 8))
    >>> once, _ = operations(lambda x: x @ square, vector)
    >>> more = lambda x: jax.lax.scan(lambda c, _: (c @ square, None), x, length=10)[0]
    >>> operations(more, vector)[0] > 9 * once, operations(more, vector)[1]
    (True, 10)
    """
    closed = jax.make_jaxpr(function)(*arguments)
    _, found, steps = _of_jaxpr(closed)
    return found, steps


def _of_jaxpr(closed: Any) -> tuple[float, float, int]:
    """Return the operations as XLA counts them, loops once, and all; and the steps of loops."""
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in closed.in_avals]
    analysis: Mapping[str, float] = (
        jax.jit(jaxpr_as_fun(closed)).lower(*shapes).cost_analysis() or {}
    )
    found = once = analysis.get("flops", 0.0)
    steps = 0
    for length, body in _loops(closed.jaxpr):
        counted, inside, within = _of_jaxpr(body)
        found += length * inside - counted
        steps += length * (1 + within)
    return once, found, steps


def _loops(jaxpr: Any) -> Iterator[tuple[int, Any]]:
    """Yield the loops of a known length that are in no other: how often, and what is done."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation.params["length"], equation.params["jaxpr"]
            continue
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(value):
                yield from _loops(getattr(value, "jaxpr", value))


def _is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns")
