"""Codes that a network looks up: whether its tables hold all that the data have.

Keras on JAX makes numbers that are none of a code beyond an Embedding's table, and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import keras
import numpy as np

from gengap.errors import UserError
from gengap.networks.inputs import takes_codes
from gengap.networks.shapes import input_dtype, input_names, packed
from gengap.networks.tracing import patched

__all__ = ["check_codes", "looks_up"]


def looks_up(model: keras.Model) -> bool:
    """Tell whether a network takes codes, and has an Embedding that may look them up."""
    return bool(_embeddings(model)) and any(
        takes_codes(model, name) for name in input_names(model) or (None,)
    )


def check_codes(model: keras.Model, values: Mapping[str, np.ndarray], where: str = "") -> None:
    """Refuse codes that an Embedding of the network has no row for.

    Parameters
    ----------
    model : keras.Model
        Built.
    values : mapping of ndarray (n, ...)
        What each input gets, by its name; that of a single one is empty.
    where : str
        Begins the message, such as ``"the test part: "``.

    Raises
    ------
    UserError
        ``code-out-of-range``.
    """
    if not looks_up(model) or not len(next(iter(values.values()))):
        return
    extremes = _extremes(values)
    given = {
        name: np.nan_to_num(array[extremes]).astype(input_dtype(model, name or None))
        for name, array in values.items()
    }
    seen: list[tuple[keras.layers.Layer, np.ndarray]] = []

    def watch(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(inputs: Any, *rest: Any, **named: Any) -> Any:
            if not isinstance(inputs, jax.core.Tracer):  # within a loop there is nothing to see
                seen.append((layer, np.asarray(inputs)))
            return call(inputs, *rest, **named)

        return watched

    with patched(_embeddings(model), watch):
        model(packed(model, given) if input_names(model) else given[""], training=False)
    for layer, codes in seen:
        low, high = int(codes.min()), int(codes.max())
        if low < 0 or high >= layer.input_dim:
            raise UserError(
                "code-out-of-range",
                f"{where}the network's layer '{layer.name}' looks up the codes 0 to "
                f"{layer.input_dim - 1}; the data have {low if low < 0 else high}",
                f"number the codes from 0, or make it Embedding({max(high + 1, layer.input_dim)}, "
                "...)"
                if low < 0
                else f"make it Embedding({high + 1}, ...), or mend the rows",
            )


def _embeddings(model: keras.Model) -> list[keras.layers.Layer]:
    layers = model._flatten_layers(include_self=False, recursive=True)
    return [layer for layer in layers if isinstance(layer, keras.layers.Embedding)]


def _extremes(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the rows that hold the least and the largest number of some column."""
    places = []
    for array in values.values():
        flat = np.nan_to_num(array.reshape(len(array), -1))
        places += [flat.argmin(axis=0), flat.argmax(axis=0)]
    return np.unique(np.concatenate(places))
