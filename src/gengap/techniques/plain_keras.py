"""How a technique is written in plain Keras: layers that it inserts, and source texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Insertion", "PlainKeras"]


@dataclass(frozen=True)
class Insertion:
    """A standard Keras layer that a technique adds to the network.

    Attributes
    ----------
    place : {"inputs", "before_activation", "after_activation", "around"}
        After the inputs; or at every hidden layer, between its linear part and its nonlinearity,
        or behind the whole of it; or where it takes a hidden layer's input and output, as far as
        these are of one shape and no residual branch holds the layer already.
    layer : str
        A class in ``keras.layers``. ``{axes}`` stands for how many axes the hidden layer's output
        has between rows and channels; where it has none there is nothing to add.
    arguments : mapping
        Its constructor's arguments.
    replaces_bias : bool
        Whether the linear part before it loses its bias, which the layer would cancel.
    """

    place: Literal["inputs", "before_activation", "after_activation", "around"]
    layer: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    replaces_bias: bool = False


@dataclass(frozen=True)
class PlainKeras:
    """How a technique with given strengths is written in plain Keras.

    Attributes
    ----------
    insertions : tuple of Insertion
        Layers of the network.
    kernel_regularizer : mapping
        Arguments of ``keras.regularizers.L1L2`` for every kernel.
    kernel_max_norm : float, optional
        Of ``keras.constraints.MaxNorm`` for every kernel, over the weights that a unit takes in.
    cell_arguments : mapping
        Arguments of every recurrent layer.
    shared_definitions : tuple of str
        Source texts at module level that other techniques need as well.
    definitions : str
        Source text at module level that the expressions below need.
    batches : str, optional
        A Python expression of what changes a batch, ``(key, inputs, targets) -> (inputs, targets)``
        of one input: what `network` is made to learn from.
    network, optimizer, loss : str, optional
        A Python expression in which ``{network}``, ``{optimizer}`` or ``{loss}`` stands for what
        it wraps. ``steps`` is the number of steps of an epoch, and ``EPOCHS`` that of epochs;
        ``value_range`` and ``columns`` are those of a `Batch`. ``{columns}`` stands for a
        dictionary: the places, among the trainable variables, of the kernels that take in the input
        columns, and the axes along which these lie; ``{incoming}`` for one of all kernels and the
        axes of the weights that a unit takes in; ``{joins}`` for one of the names of additions that
        end residual branches, and the places of these among what is added up with their depth;
        ``{pairs}`` for the same of two branches beside each other, without depth; ``{stacks}`` for
        one of the names of recurrent layers that could share a cell, and that of the first of each
        stack.
    callbacks : tuple of str
        Python expressions of callbacks for ``fit``; ``shuffled`` are the inputs of the rows that
        it trains on, in a random order.
    trained : str, optional
        A Python expression in which ``{network}`` stands for the network that was trained, and
        ``{activation}`` for the name of what makes probabilities of its outputs: what predicts in
        its place.
    """

    insertions: tuple[Insertion, ...] = ()
    kernel_regularizer: Mapping[str, float] = field(default_factory=dict)
    kernel_max_norm: float | None = None
    cell_arguments: Mapping[str, float] = field(default_factory=dict)
    shared_definitions: tuple[str, ...] = ()
    definitions: str = ""
    batches: str | None = None
    network: str | None = None
    optimizer: str | None = None
    loss: str | None = None
    callbacks: tuple[str, ...] = ()
    trained: str | None = None
