"""A lasting copy of a network without some of its regularization, to train and to save."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import keras

from gengap.networks.compiling import copy_compilation
from gengap.networks.existing import (
    CELL_KINDS,
    CLIPPING,
    DROPOUT,
    NORMS,
    penalties,
    switch_off,
    without_penalties,
)
from gengap.networks.insertion import KERNEL_ARGUMENTS
from gengap.networks.rebuild import Edit, copy_network, is_graph, rebuild, variable_pairs

__all__ = ["strip"]

_DROPPED: dict[str, tuple[type[keras.layers.Layer], ...]] = {
    "dropout": DROPOUT,
    "gaussian_noise": (keras.layers.GaussianNoise,),
    "activity": (keras.layers.ActivityRegularization,),
}


def strip(model: keras.Model, kinds: Collection[str]) -> keras.Model:
    """Copy a network without some kinds of regularization.

    Parameters
    ----------
    model : keras.Model
        Built. The copy has its own variables with the same values, and its compilation.
    kinds : collection of str
        See `gengap.networks.existing`; normalization layers stay.

    Notes
    -----
    Layers that do nothing else (Dropout, GaussianNoise) are left out of Sequential and Functional
    networks. In a subclassed network they are set to 0.

    Raises
    ------
    UserError
        Where the network cannot be copied.
    """
    if is_graph(model):
        new = rebuild(model, lambda layer: _edit(layer, kinds))
    else:
        new = copy_network(model)
        switch_off(new, kinds)
    if not model.compiled:
        return new
    optimizer, loss = new.optimizer, new.loss
    if "weight_decay" in kinds:
        _stop_decay(optimizer)
    if "gradient_clipping" in kinds:
        _stop_clipping(optimizer)
    if "label_smoothing" in kinds:
        loss = keras.tree.map_structure(_unsmoothed, loss)
    copy_compilation(new, new, variable_pairs(new, new), loss=loss)
    return new


def _edit(layer: keras.layers.Layer, kinds: Collection[str]) -> Edit | None:
    if any(kind in kinds and isinstance(layer, dropped) for kind, dropped in _DROPPED.items()):
        return Edit(drop=True)
    return Edit(_changer(kinds)) if layer.variables or layer.activity_regularizer else None


def _changer(kinds: Collection[str]) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for name, value in config.items():
            if isinstance(value, dict) and isinstance(value.get("config"), dict):
                change(value["config"])
            if name in CELL_KINDS and _dropout_kind(name, config) in kinds:
                config[name] = 0.0
            elif name == "activity_regularizer":
                config[name] = None if "activity" in kinds else value
            elif name.endswith("_regularizer") and value is not None:
                config[name] = _rest(name, value, kinds)
            elif name.endswith("_constraint") and "max_norm" in kinds:
                constraint = keras.constraints.get(value)
                config[name] = None if isinstance(constraint, NORMS) else value

    return change


def _dropout_kind(name: str, config: dict[str, Any]) -> str:
    """Return the kind of an argument that recurrent layers and attention may both have."""
    return CELL_KINDS[name] if "recurrent_dropout" in config else "dropout"


def _rest(name: str, value: Any, kinds: Collection[str]) -> Any:
    regularizer = keras.regularizers.get(value)
    if name not in KERNEL_ARGUMENTS or penalties(regularizer)[0] is None:
        return None if "other_penalty" in kinds else value
    left = without_penalties(regularizer, kinds)
    return None if left is None else keras.regularizers.serialize(left)


def _stop_decay(optimizer: Any) -> None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    # AdamW cannot be made again from a configuration without a number.
    inner.weight_decay = 0.0 if isinstance(inner, keras.optimizers.AdamW) else None


def _stop_clipping(optimizer: Any) -> None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for name in CLIPPING:
        setattr(inner, name, None)


def _unsmoothed(loss: Any) -> Any:
    if not getattr(loss, "label_smoothing", 0.0):
        return loss
    return type(loss).from_config({**loss.get_config(), "label_smoothing": 0.0})
