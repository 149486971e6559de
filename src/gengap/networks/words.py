"""Default networks by words, such as ``mlp:64,32``, and which is the default of which data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras

from gengap.errors import UserError
from gengap.networks.cnn import cnn
from gengap.networks.mlp import mlp
from gengap.networks.sequences import PADDING, conv1d, gru, lstm

__all__ = [
    "KINDS",
    "Kind",
    "default_words",
    "describe_kind",
    "kind_of",
    "network_of_kind",
    "words_for",
]


@dataclass(frozen=True)
class Kind:
    """A kind of network that words can name.

    Attributes
    ----------
    build : callable
        ``(sample, outputs, task, numbers) -> network``, uncompiled; where it masks, with the
        argument `padding` besides.
    numbers : tuple of int
        Of the layers where the words hold none.
    axes : tuple of int
        How many axes the samples have that it takes: 1 for tables, 2 for sequences, 3 for images.
    sized : type of Layer
        The layers whose sizes the numbers are.
    masks : bool
        Whether it takes sequences that end before the last step.
    """

    build: Callable[..., keras.Model]
    numbers: tuple[int, ...]
    axes: tuple[int, ...]
    sized: type[keras.layers.Layer]
    masks: bool = False


#: By the word before the colon; the first that takes so many axes is the default.
KINDS: Mapping[str, Kind] = {
    "cnn": Kind(cnn, (16, 32), (3,), keras.layers.Conv2D),
    "lstm": Kind(lstm, (32,), (2,), keras.layers.LSTM, masks=True),
    "gru": Kind(gru, (32,), (2,), keras.layers.GRU, masks=True),
    "conv1d": Kind(conv1d, (32, 64), (2,), keras.layers.Conv1D, masks=True),
    "mlp": Kind(mlp, (64, 32), (1, 2, 3), keras.layers.Dense),
}

_SAMPLES = {1: "rows of a table", 2: "sequences", 3: "images"}


def kind_of(words: str) -> str | None:
    """Return the kind of network that words begin with, None where they name none.

    Examples
    --------
    >>> kind_of("cnn:16,32"), kind_of("cnn"), kind_of("module:function")
    ('cnn', 'cnn', None)
    """
    kind = words.partition(":")[0]
    return kind if kind in KINDS else None


def default_words(axes: int) -> str | None:
    """Return the words for the default network of samples with so many axes, if there is one.

    Examples
    --------
    >>> default_words(1), default_words(3)
    ('mlp:64,32', 'cnn:16,32')
    """
    kinds = words_for(axes)
    return kinds[0] if kinds else None


def words_for(axes: int) -> tuple[str, ...]:
    """Return words for every kind of network that takes samples with so many axes."""
    return tuple(
        f"{name}:{','.join(map(str, kind.numbers))}"
        for name, kind in KINDS.items()
        if axes in kind.axes
    )


def network_of_kind(
    words: str, sample: tuple[int, ...], outputs: int, task: str, *, ragged: bool = False
) -> keras.Model:
    """Return the uncompiled network that words stand for.

    Parameters
    ----------
    words : str
        Such as ``"mlp:64,32"``; `kind_of` knows them.
    sample : tuple of int
        Shape of one row.
    outputs : int
    task : {"classification", "regression"}
    ragged : bool
        Whether sequences may end before the last step.

    Raises
    ------
    UserError
        ``bad-layers``, ``network-for-other-data``, ``network-without-mask``.
    """
    name, _, text = words.partition(":")
    kind = KINDS[name]
    parts = [part.strip() for part in text.split(",")] if text else [*map(str, kind.numbers)]
    if not all(part.isdecimal() and 1 <= int(part) <= 1_000_000 for part in parts):
        raise UserError(
            "bad-layers",
            f"the layers of {words!r} must be whole numbers of at least 1, separated by commas",
            f"for example {name}:{','.join(map(str, kind.numbers))}",
        )
    if len(sample) not in kind.axes:
        fitting = words_for(len(sample))
        taken = " or ".join(_SAMPLES[axes] for axes in kind.axes)
        given = _SAMPLES.get(len(sample), f"samples of the shape {sample}")
        raise UserError(
            "network-for-other-data",
            f"{'an' if name[0] in 'lm' else 'a'} {name} takes {taken}; these are {given}",
            f"for these: {', '.join(fitting)}"
            if fitting
            else "bring a network for them: --model module:function, or a .keras file",
        )
    masked = {}
    if ragged:
        if not kind.masks:
            serving = [name for name, one in KINDS.items() if one.masks]
            raise UserError(
                "network-without-mask",
                f"an {name} cannot pass over the steps after a row's last one, and these rows "
                "have different lengths",
                f"for these: {', '.join(serving)}",
            )
        masked = {"padding": PADDING}
    return kind.build(sample, outputs, task, [int(part) for part in parts], **masked)


def describe_kind(model: keras.Model) -> str | None:
    """Say which kind of network it is and how large, None where it is none of `KINDS`."""
    kind = KINDS.get(model.name)
    if kind is None:
        return None
    sizes = [
        str(getattr(layer, "filters", None) or layer.units)
        for layer in model.layers[:-1]
        if isinstance(layer, kind.sized)
    ]
    return f"{model.name} {'-'.join(sizes)}" if sizes else None
