"""What regularizes a network already, and how it is switched off.

The kinds, and whether the candidate ``none`` switches them off:

=======================  =========================================================  ===
kind                     what it is                                                 off
=======================  =========================================================  ===
dropout                  Dropout, SpatialDropout, AlphaDropout and GaussianDropout  yes
                         layers, attention dropout
recurrent_dropout        of the state of recurrent layers                           yes
recurrent_input_dropout  of their inputs                                            yes
gaussian_noise           GaussianNoise layers                                       yes
kernel_l1                L1 on kernels (alone or within L1L2)                       yes
kernel_l2                L2 on kernels, likewise                                    yes
other_penalty            any other regularizer of a variable, those of biases too   yes
activity                 penalties on activations                                   yes
weight_decay             the optimizer's                                            yes
gradient_clipping        the optimizer's: clipnorm, global_clipnorm, clipvalue      yes
max_norm                 MaxNorm and MinMaxNorm constraints                         yes
label_smoothing          an argument of the loss                                    yes
batch_norm               BatchNormalization layers                                  no
layer_norm               Layer, Group, RMS and unit normalization layers            no
=======================  =========================================================  ===

Normalization layers are architecture: without them it would be another network, with other weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

__all__ = [
    "ARCHITECTURE",
    "CELL_KINDS",
    "CLIPPING",
    "DROPOUT",
    "NORMS",
    "SWITCHABLE",
    "WEIGHT_PENALTIES",
    "Existing",
    "existing_regularization",
    "l1_l2",
    "layer_paths",
    "penalties",
    "switch_off",
    "without",
    "without_penalties",
]

#: Kinds that can be switched off, which is what the candidate ``none`` does.
SWITCHABLE = frozenset(
    {
        "dropout",
        "recurrent_dropout",
        "recurrent_input_dropout",
        "gaussian_noise",
        "kernel_l1",
        "kernel_l2",
        "other_penalty",
        "activity",
        "weight_decay",
        "gradient_clipping",
        "max_norm",
        "label_smoothing",
    }
)
#: Arguments of an optimizer that clip gradients.
CLIPPING = ("clipnorm", "global_clipnorm", "clipvalue")
#: Kinds that add to the loss what depends on the weights alone.
WEIGHT_PENALTIES = ("kernel_l1", "kernel_l2", "other_penalty")
#: Kinds that are part of the architecture.
ARCHITECTURE = frozenset({"batch_norm", "layer_norm"})

_LAYERS = keras.layers
#: Layers that drop values.
DROPOUT = (_LAYERS.Dropout, _LAYERS.AlphaDropout, _LAYERS.GaussianDropout)
_LAYER_NORM = (
    _LAYERS.LayerNormalization,
    _LAYERS.GroupNormalization,
    _LAYERS.RMSNormalization,
    _LAYERS.UnitNormalization,
)
#: Arguments of recurrent layers that drop values -> their kinds.
CELL_KINDS = {"dropout": "recurrent_input_dropout", "recurrent_dropout": "recurrent_dropout"}
#: Constraints on the size of weights.
NORMS = (keras.constraints.MaxNorm, keras.constraints.MinMaxNorm)


@dataclass(frozen=True)
class Existing:
    """One part of a network that regularizes it.

    Attributes
    ----------
    kind : str
        As in the table of this module.
    where : str
        Path of the layer, or ``"optimizer"`` or ``"loss"``.
    description : str
        Such as ``"Dropout(0.5)"``.
    """

    kind: str
    where: str
    description: str

    def __str__(self) -> str:
        return f"{self.description} in {self.where}"


@dataclass(frozen=True)
class _Switch:
    """Something that regularizes, with the attributes that switch it off (owner, name, value)."""

    existing: Existing
    off: tuple[tuple[Any, str, Any], ...] = ()


def existing_regularization(model: keras.Model) -> tuple[Existing, ...]:
    """List what regularizes a built network already, in the order of its layers.

    Parameters
    ----------
    model : keras.Model
        Built; its optimizer and loss are looked at where it is compiled.

    Examples
    --------
    >>> import keras
    >>> layers = [keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    >>> [str(part) for part in existing_regularization(keras.Sequential(layers))]
    ['Dropout(0.5) in dropout']
    """
    return tuple(switch.existing for switch in _switches(model, SWITCHABLE))


@contextmanager
def without(model: keras.Model, kinds: Collection[str]) -> Iterator[None]:
    """Switch kinds of regularization off on the live network while it is traced.

    Parameters
    ----------
    model : keras.Model
        Built. Everything is as it was afterwards; functions that were traced before keep what
        they were traced with.
    kinds : collection of str
        Those of `ARCHITECTURE` stay; they can only be taken out by building another network.

    Raises
    ------
    ValueError
        For an unknown kind.
    """
    restore = switch_off(model, kinds)
    try:
        yield
    finally:
        restore()


def switch_off(model: keras.Model, kinds: Collection[str]) -> Callable[[], None]:
    """Switch kinds of regularization off and return what switches them on again."""
    unknown = set(kinds) - SWITCHABLE - ARCHITECTURE
    if unknown:
        raise ValueError(f"unknown kinds of regularization: {sorted(unknown)}")
    before: list[tuple[Any, str, Any]] = []
    for switch in _switches(model, set(kinds)):
        if switch.existing.kind in kinds:
            for owner, name, value in switch.off:
                before.append((owner, name, _get(owner, name)))
                _set(owner, name, value)

    def restore() -> None:
        for owner, name, value in reversed(before):
            _set(owner, name, value)

    return restore


def without_penalties(regularizer: Any, kinds: Collection[str]) -> Any:
    """Return what is left of a kernel's regularizer without its L1 or its L2 part."""
    l1, l2 = penalties(regularizer)
    if l1 is None or l2 is None:
        return regularizer
    return l1_l2(0.0 if "kernel_l1" in kinds else l1, 0.0 if "kernel_l2" in kinds else l2)


def penalties(regularizer: Any) -> tuple[float | None, float | None]:
    """Return the strengths of L1 and L2, (0, 0) for None; (None, None) for anything else."""
    if regularizer is None:
        return 0.0, 0.0
    if type(regularizer) in (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2):
        return float(getattr(regularizer, "l1", 0.0)), float(getattr(regularizer, "l2", 0.0))
    return None, None


def l1_l2(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """Return the simplest of Keras' regularizers with these strengths."""
    if l1 and l2:
        return keras.regularizers.L1L2(l1, l2)
    if l1:
        return keras.regularizers.L1(l1)
    return keras.regularizers.L2(l2) if l2 else None


def _get(owner: Any, name: str) -> Any:
    return owner[name] if isinstance(owner, dict) else getattr(owner, name)


def _set(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    elif isinstance(owner, keras.layers.Layer):
        object.__setattr__(owner, name, value)  # past Keras' tracking, which may be locked
    else:
        setattr(owner, name, value)


def _switches(model: keras.Model, kinds: Collection[str]) -> Iterator[_Switch]:
    paths = layer_paths(model)
    for layer, path in paths:
        yield from _layer_switches(layer, path)
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            yield from _variable_switches(variable, path, kinds)
    if model.compiled:
        yield from _optimizer_switches(model.optimizer)
        for loss in keras.tree.flatten(model.loss):
            yield from _loss_switches(loss)


def layer_paths(model: keras.Model) -> list[tuple[keras.layers.Layer, str]]:
    """List every layer once, the network itself included, with the names that lead to it."""
    found: dict[int, tuple[keras.layers.Layer, str]] = {}

    def walk(layer: keras.layers.Layer, path: str) -> None:
        if id(layer) in found:
            return
        found[id(layer)] = (layer, path)
        for inner in layer._flatten_layers(include_self=False, recursive=False):
            walk(inner, f"{path}/{inner.name}" if path else inner.name)

    walk(model, "")
    return list(found.values())


def _layer_switches(layer: keras.layers.Layer, path: str) -> Iterator[_Switch]:
    kind = type(layer).__name__.removesuffix("Cell")
    if isinstance(layer, DROPOUT) and layer.rate > 0:
        text = f"{kind}({layer.rate:g})"
        yield _Switch(Existing("dropout", path, text), ((layer, "rate", 0.0),))
    if isinstance(layer, _LAYERS.GaussianNoise) and layer.stddev > 0:
        text = f"GaussianNoise({layer.stddev:g})"
        yield _Switch(Existing("gaussian_noise", path, text), ((layer, "stddev", 0.0),))
    if isinstance(layer, _LAYERS.BatchNormalization):
        yield _Switch(Existing("batch_norm", path, kind))
    if isinstance(layer, _LAYER_NORM):
        yield _Switch(Existing("layer_norm", path, kind))
    for name, listed in CELL_KINDS.items():
        # Recurrent layers pass these on from their cell: only the cell holds them.
        if "recurrent_dropout" in vars(layer) and vars(layer).get(name, 0.0) > 0:
            text = f"{kind}({name}={vars(layer)[name]:g})"
            yield _Switch(Existing(listed, path, text), ((layer, name, 0.0),))
    activity = layer.activity_regularizer
    if activity is not None:
        text = f"activity {_penalty_text(activity)}"
        yield _Switch(Existing("activity", path, text), ((layer, "activity_regularizer", None),))


def _variable_switches(variable: Any, path: str, kinds: Collection[str]) -> Iterator[_Switch]:
    regularizer = variable.regularizer
    if regularizer is not None:
        text = f"{_penalty_text(regularizer)} on {variable.name}"
        l1, l2 = penalties(regularizer)
        if l1 is None or not variable.name.endswith("kernel"):
            off = ((variable, "regularizer", None),)
            yield _Switch(Existing("other_penalty", path, text), off)
        else:
            # Both parts belong to one object: whichever is switched off leaves the same rest.
            off = ((variable, "regularizer", without_penalties(regularizer, kinds)),)
            for kind, strength in (("kernel_l1", l1), ("kernel_l2", l2)):
                if strength:
                    yield _Switch(Existing(kind, path, text), off)
    if isinstance(variable.constraint, NORMS):
        text = f"{type(variable.constraint).__name__} on {variable.name}"
        yield _Switch(Existing("max_norm", path, text), ((variable, "constraint", None),))


def _optimizer_switches(optimizer: Any) -> Iterator[_Switch]:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(inner, "weight_decay", None):
        text = f"{type(inner).__name__}(weight_decay={inner.weight_decay:g})"
        yield _Switch(Existing("weight_decay", "optimizer", text), ((inner, "weight_decay", None),))
    for name in CLIPPING:
        if getattr(inner, name, None):
            text = f"{type(inner).__name__}({name}={getattr(inner, name):g})"
            yield _Switch(Existing("gradient_clipping", "optimizer", text), ((inner, name, None),))


def _loss_switches(loss: Any) -> Iterator[_Switch]:
    smoothing = getattr(loss, "label_smoothing", 0.0)
    if isinstance(smoothing, float | int) and smoothing > 0:
        text = f"{type(loss).__name__}(label_smoothing={smoothing:g})"
        off: tuple[tuple[Any, str, Any], ...] = ((loss, "label_smoothing", 0.0),)
        if "label_smoothing" in getattr(loss, "_fn_kwargs", {}):
            off += ((loss._fn_kwargs, "label_smoothing", 0.0),)
        yield _Switch(Existing("label_smoothing", "loss", text), off)


def _penalty_text(regularizer: Any) -> str:
    l1, l2 = penalties(regularizer)
    if l1 is None or l2 is None:
        return str(getattr(regularizer, "__name__", type(regularizer).__name__))
    if l1 and l2:
        return f"L1L2({l1:g}, {l2:g})"
    return f"L1({l1:g})" if l1 else f"L2({l2:g})"
