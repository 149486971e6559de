"""Networks with several inputs: which of them a study takes, and for which data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from gengap.errors import UserError
from gengap.networks.loading import network_from_words
from gengap.networks.own_copy import own_copy
from gengap.networks.rebuild import is_graph, rebuild
from gengap.networks.shapes import input_names, sample_shape
from gengap.networks.words import kind_of

__all__ = ["JOINING", "network_with_inputs"]

#: How several inputs become one.
JOINING = (
    "join inputs of one kind: np.concatenate([a, b], axis=-1), in a network that begins with one "
    "keras.Input and slices it (inputs[:, :2], inputs[:, 2:])"
)


def network_with_inputs(
    model: Any, shapes: Mapping[str, tuple[int, ...]], outputs: int, task: str
) -> keras.Model:
    """Return the network that `model` stands for, a graph with the inputs that the data have.

    Parameters
    ----------
    model : keras.Model, str or path
        As `gengap.networks.models.resolve_model` takes it; an instance is copied.
    shapes : mapping
        Name of an input -> shape of one encoded sample.
    outputs : int
    task : {"classification", "regression"}

    Returns
    -------
    keras.Model
        Its inputs bear the names of the data's, and have their sizes.

    Raises
    ------
    UserError
        ``several-inputs`` for anything but a graph with such inputs.
    """
    network = model
    if isinstance(model, str | Path) and kind_of(str(model)) is None:
        network = network_from_words(str(model), dict(shapes), outputs, task)
    _check(network, shapes)
    if network is model:
        network = own_copy(model)
    own = sample_shape(network)
    assert isinstance(own, Mapping)
    open_sizes = any(None in shape for shape in own.values())
    if not open_sizes and [given.name for given in network.inputs] == list(own):
        return network
    sizes = {name: shapes[name][: len(shape)] for name, shape in own.items()}
    return rebuild(network, lambda layer: None, sample_shape=sizes)


def _check(network: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    given = f"x holds the inputs {', '.join(map(repr, shapes))}"
    hint = f"give a keras.Model with inputs of these names; or {JOINING}"
    if not isinstance(network, keras.Model):
        words = "no network" if network is None else f"the model {network!r}"
        raise UserError(
            "several-inputs", f"{given}; {words} was given, and has not so many inputs", hint
        )
    if not is_graph(network) or isinstance(network, keras.Sequential):
        raise UserError(
            "several-inputs",
            f"{given}; the network {network.name!r} ({type(network).__name__}) is no "
            "keras.Model(inputs, outputs) with several inputs",
            hint,
        )
    names = input_names(network)
    if len(set(names)) < max(2, len(names)) or set(names) != set(shapes):
        own = ", ".join(map(repr, names)) or "one input"
        raise UserError(
            "several-inputs",
            f"{given}; the network takes {own}",
            "name them alike: keras.Input(..., name=...); or give x as a list, in the order of "
            "model.inputs",
        )
    if not all(isinstance(given, keras.KerasTensor) for given in _flat(network._inputs_struct)):
        raise UserError(
            "several-inputs",
            f"the inputs of the network {network.name!r} are nested",
            "make it with keras.Model([a, b], outputs) or keras.Model({'a': a, 'b': b}, outputs)",
        )


def _flat(structure: Any) -> list[Any]:
    return list(structure.values() if isinstance(structure, Mapping) else structure)
