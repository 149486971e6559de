"""What techniques do to a batch of several inputs: each is changed by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from gengap.data.dataset import Modality
from gengap.networks.inputs import takes_codes
from gengap.networks.shapes import input_names
from gengap.random_bits import named
from gengap.techniques.base import Batch, Technique
from gengap.techniques.discovery import find_technique

__all__ = ["InputKind", "input_kinds", "of_several", "served"]

Array = Any

_MODALITIES: Mapping[int, Modality] = {1: "table", 2: "sequence", 3: "image"}


@dataclass(frozen=True)
class InputKind:
    """What one of several inputs of a network takes.

    Attributes
    ----------
    modality : {"table", "image", "sequence"}
    codes : bool
        Whether the network looks its numbers up, as an Embedding does.
    """

    modality: Modality
    codes: bool


def input_kinds(
    model: keras.Model, modalities: Mapping[str, Modality] | None = None
) -> dict[str, InputKind]:
    """Return what each of several inputs takes; nothing for a network with one.

    Parameters
    ----------
    model : keras.Model
        Built.
    modalities : mapping, optional
        Of the data, by the names of the inputs; told from their axes where it says nothing.
    """
    axes = {
        name: len(given.shape) - 1
        for name, given in zip(
            input_names(model), getattr(model, "inputs", None) or (), strict=False
        )
    }
    return {
        name: InputKind(
            (modalities or {}).get(name, _MODALITIES.get(count, "image")),
            takes_codes(model, name),
        )
        for name, count in axes.items()
    }


def served(technique: Technique, kinds: Mapping[str, InputKind]) -> tuple[str, ...]:
    """Return the inputs on which a technique that changes batches acts.

    Codes are exchanged with another row's, where a technique mixes rows by exchanging parts of
    them, and never changed.

    Parameters
    ----------
    technique : Technique
    kinds : mapping of str to InputKind
    """
    exchanges = technique.mixes and not technique.of_numbers
    return tuple(
        name
        for name, kind in kinds.items()
        if kind.modality in technique.modalities and (exchanges or not kind.codes)
    )


def of_several(
    technique: str,
    hook: Callable[[Array, Batch], Batch],
    key: Array,
    batch: Batch,
    kinds: Mapping[str, InputKind],
    parts: Mapping[str, tuple[Array | None, Array | None]],
) -> Batch:
    """Let a technique change each input that it serves, and the targets once.

    Every input has random numbers of its own, but where rows are mixed: partners and their share
    are then the same for all, and where inputs are exchanged in different shares, by what their
    parts leave of a row, the targets' share is the mean of these.

    Parameters
    ----------
    technique : str
    hook : callable
        ``(key, batch) -> batch``, of one input.
    key : array (2,)
    batch : Batch
        Whose inputs are a mapping by name.
    kinds : mapping of str to InputKind
    parts : mapping
        The value range and the columns of each input's own batch.
    """
    record = find_technique(technique)
    # One of targets alone acts on what every input leaves alone.
    acting = served(record, kinds) or tuple(kinds)[:1]
    found = []
    for name in acting:
        given, (value_range, columns) = batch.inputs[name], parts[name]
        # Of images alone a range is known; grey ones (B, H, W) have a channel axis meanwhile.
        grey = value_range is not None and given.ndim == 3
        own = Batch(given[..., None] if grey else given, batch.targets, value_range, columns)
        changed = hook(key if record.mixes else named(key, name), own)
        found.append(replace(changed, inputs=changed.inputs[..., 0]) if grey else changed)
    inputs = {
        **batch.inputs,
        **{name: one.inputs for name, one in zip(acting, found, strict=True)},
    }
    targets = found[0].targets
    if record.mixes:
        weights = sum(one.targets.weights for one in found) / len(found)
        targets = replace(targets, weights=weights)
    return replace(batch, inputs=inputs, targets=targets)
