"""What a technique does within a training step: hooks, and the records that they are given.

Notation
--------
B   rows of a batch
w   the trainable weights, a list of arrays in the order of ``model.trainable_variables``
v   the values of a technique in one lane: strength name -> scalar array

A hook is traced once and serves every lane of a program: strengths reach it as values, never as
Python numbers, and a lane at the neutral value must train exactly as the baseline does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

__all__ = [
    "Batch",
    "Gradients",
    "Hooks",
    "Keep",
    "Kernels",
    "Moment",
    "Monitored",
    "Targets",
    "Update",
    "of_inputs",
]

Array = Any  # a JAX array; the catalogue itself imports neither JAX nor Keras when listed
Values = Mapping[str, Array]


@dataclass(frozen=True)
class Targets:
    """Targets of a batch as weighted alternatives: the loss is their weighted sum.

    Attributes
    ----------
    values : array (alternatives, B, ...), or mapping of such
        Each alternative in the form that the user's loss takes; of several outputs by their names.
    weights : array (alternatives,)
        They sum to 1.
    row_weights : array (alternatives, B), optional
        What each row counts in the loss by each alternative; None where all count alike.
    classes : array (classes, B, ...), optional
        What a batch of only the k-th class looks like to the loss; None for regression. Of several
        outputs a mapping of those that have classes.
    """

    values: Array
    weights: Array
    row_weights: Array | None = None
    classes: Array | None = None


@dataclass(frozen=True)
class Batch:
    """What a step learns from; metrics see the targets as they are.

    Attributes
    ----------
    inputs : array (B, ...)
        Prepared: a table's columns are standardized. Of several inputs a technique is given one
        after the other.
    targets : Targets
    value_range : array (2,), optional
        The least and the largest value of images in training; None for tables and sequences.
    columns : array (D,) of int, optional
        Which column of a table each of its inputs belongs to (a column of words has an input a
        word); None for images and sequences.
    """

    inputs: Array
    targets: Targets
    value_range: Array | None = None
    columns: Array | None = None


@dataclass(frozen=True)
class Moment:
    """Where in training a step is.

    Attributes
    ----------
    step : array () of int32
        From 0, over all epochs.
    steps : int
        Of an epoch.
    epochs : int
        That training is laid out for, even where a run ends before.
    """

    step: Array
    steps: int
    epochs: int


@dataclass(frozen=True)
class Gradients:
    """What a pass forwards and backwards through the network finds.

    Attributes
    ----------
    weights : list of array
        The gradient of the loss of the batch, without penalties on weights.
    inputs : array (B, ...), or mapping of such, optional
        The same by the inputs; None where these are no floating numbers.
    others : list of array
        The other variables after the pass forwards, such as moving statistics.
    """

    weights: Sequence[Array]
    inputs: Array | None
    others: Sequence[Array]


Compute = Callable[[Sequence[Array], Array], Gradients]


@dataclass(frozen=True, eq=False)
class Kernels(Sequence[Array]):
    """The kernels of a network, to penalize them.

    Attributes
    ----------
    values : sequence of array
    incoming : sequence of (tuple of int)
        For each kernel the axes along which the weights lie that a unit takes in.
    columns : sequence of (int or None)
        The axis of each kernel along which the input columns of the network lie; None where it
        takes in something else.
    """

    values: Sequence[Array]
    incoming: Sequence[tuple[int, ...]]
    columns: Sequence[int | None]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, place: Any) -> Any:
        return self.values[place]

    def matrices(self) -> list[Array]:
        """Return each kernel as matrices (S, I, U) from I incoming weights to U units.

        S is 1, but for depthwise convolutions, whose channels have a matrix each.
        """
        found = []
        for kernel, incoming in zip(self.values, self.incoming, strict=True):
            others = [axis for axis in range(kernel.ndim) if axis not in incoming]
            moved = kernel.transpose((*others[:-1], *incoming, others[-1]))
            sizes = moved.shape[: len(others) - 1]
            found.append(moved.reshape((math.prod(sizes), -1, moved.shape[-1])))
        return found


@dataclass(frozen=True)
class Update:
    """What an update hook may look at, besides the weights that it changes.

    Attributes
    ----------
    before : list of array
        The weights before the optimizer's step.
    kernels : tuple of bool
        Which of the weights are kernels.
    incoming : tuple of (tuple of int)
        For each kernel the axes along which the weights lie that a unit takes in; empty for what
        is no kernel.
    moment : Moment
    learning_rate : array ()
        Of this step.
    step_sizes : callable
        ``() -> list of array``: each weight's own step size under the optimizer (see
        `gengap.proximal_optimizer.own_step_size`).
    columns : tuple of (int or None)
        For each of the weights the axis along which the input columns of the network lie.
    """

    before: Sequence[Array]
    kernels: tuple[bool, ...]
    incoming: tuple[tuple[int, ...], ...]
    moment: Moment
    learning_rate: Array
    step_sizes: Callable[[], Sequence[Array]]
    columns: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class Monitored:
    """What a judgement sees at the end of an epoch: validation scores, smaller is better."""

    loss: Array
    metric: Array


@dataclass(frozen=True)
class Keep:
    """What a judgement keeps of a network while it is trained, to score that in its place.

    Attributes
    ----------
    start : callable
        ``(w, others) -> kept``: what is kept before the first step, a tree of arrays.
    update : callable
        ``(v, kept, w, others, moment) -> kept``, after the step at `moment`.
    every : {"step", "epoch"}
        Whether it is called after every step, or after the last one of an epoch only.
    members : callable
        ``(kept, others) -> [(w, others), ...]``: the networks whose outputs are averaged. It is
        called once, outside the compiled program, with what was kept and the last `others`.
    most : int
        Of members.
    stale : callable, optional
        ``(kept) -> bool``: whether the moving statistics of the members are not of their weights,
        and have to be measured anew on the training rows.
    """

    start: Callable[[Sequence[Array], Sequence[Array]], Any]
    update: Callable[[Values, Any, Sequence[Array], Sequence[Array], Moment], Any]
    every: Literal["step", "epoch"]
    members: Callable[[Any, Sequence[Array]], Sequence[tuple[Sequence[Array], Sequence[Array]]]]
    most: int = 1
    stale: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Hooks:
    """The places in a step that a technique uses; each is a pure function.

    Attributes
    ----------
    schedule : callable, optional
        ``(v, moment) -> scalar``: a factor on the learning rate of the step.
    batch : callable, optional
        ``(v, key, batch) -> batch``: inputs and targets of a step (`Batch`).
    activation : callable, optional
        ``(v, key, h) -> h``: the output of a hidden layer, in training.
    channels : callable, optional
        The same, called for hidden layers with channels only: h is (B, ..., C).
    activity : callable, optional
        ``(v, h) -> scalar``: a penalty on the output of a hidden layer (B, ...), added to the loss
        of the batch in training; the sum over hidden layers is.
    cell_inputs, cell_state : callable, optional
        ``(v, key, m) -> m``: the factors, once a sequence, of what a recurrent cell takes in at
        each of its steps: of the step's inputs, (B, D), or of its own state of the step before,
        (B, U), with an axis in front where every gate has its own.
    residual : callable, optional
        ``(v, key, branch, depth) -> branch``: what a residual branch (B, ...) adds to its
        shortcut, in training; branch l of L is l / L deep. Branches that are added to one shortcut
        at one place come with the same key.
    parallel : callable, optional
        ``(v, key, first, second) -> (first, second)``: what two branches beside each other add.
    weights : callable, optional
        ``(v, key, w) -> w``: a kernel as the forward pass in training sees it.
    penalty : callable, optional
        ``(v, kernels) -> scalar``: added to the loss (`Kernels`).
    column_penalty : callable, optional
        The same, for what acts on the kernels that take in the network's input columns.
    two_pass : callable, optional
        ``(v, compute, w, x) -> gradients``, given ``compute: (w, x) -> gradients`` (`Gradients`)
        of the batch at any weights and inputs; every call is a pass with the random numbers and
        the moving statistics of the first. What it returns has the others of the first pass.
    gradients : callable, optional
        ``(v, key, gradients, moment) -> gradients``: the gradient of loss and penalties by the
        weights, a list of arrays.
    start : callable, optional
        ``(w) -> state``: makes the state of `update`, a tree of arrays that the lane carries.
    column_start : callable, optional
        ``(w, columns) -> state``: the same, given the axes of the input columns (`Update`).
    update : callable, optional
        ``(v, state, w, update) -> (state, w)``: the weights after the optimizer's step. Without
        `start` the state is empty.
    judgement_start : callable, optional
        ``() -> state``: makes the state of `judgement`.
    judgement : callable, optional
        ``(v, state, monitored) -> (state, improved, done)``: whether this epoch's weights are the
        best so far, and whether later ones no longer matter.
    keep : Keep, optional
        A judgement by other weights than those of an epoch.
    """

    schedule: Callable[[Values, Moment], Array] | None = None
    batch: Callable[[Values, Array, Batch], Batch] | None = None
    activation: Callable[[Values, Array, Array], Array] | None = None
    channels: Callable[[Values, Array, Array], Array] | None = None
    activity: Callable[[Values, Array], Array] | None = None
    cell_inputs: Callable[[Values, Array, Array], Array] | None = None
    cell_state: Callable[[Values, Array, Array], Array] | None = None
    residual: Callable[[Values, Array, Array, float], Array] | None = None
    parallel: Callable[[Values, Array, Array, Array], tuple[Array, Array]] | None = None
    weights: Callable[[Values, Array, Array], Array] | None = None
    penalty: Callable[[Values, Kernels], Array] | None = None
    column_penalty: Callable[[Values, Kernels], Array] | None = None
    two_pass: Callable[[Values, Compute, Sequence[Array], Array], Gradients] | None = None
    gradients: Callable[[Values, Array, Sequence[Array], Moment], Sequence[Array]] | None = None
    start: Callable[[Sequence[Array]], Any] | None = None
    column_start: Callable[[Sequence[Array], Sequence[int | None]], Any] | None = None
    update: Callable[[Values, Any, Sequence[Array], Update], tuple[Any, Sequence[Array]]] | None = (
        None
    )
    judgement_start: Callable[[], Any] | None = None
    judgement: Callable[[Values, Any, Monitored], tuple[Any, Array, Array]] | None = None
    keep: Keep | None = None

    def carried(self, weights: Sequence[Array], columns: Sequence[int | None]) -> Any:
        """Return the state of `update` before the first step; None where there is none."""
        if self.column_start is not None:
            return self.column_start(weights, columns)
        return None if self.start is None else self.start(weights)

    @property
    def in_step(self) -> bool:
        """Whether it changes a training step."""
        judging = ("start", "judgement_start", "judgement", "keep")
        return any(getattr(self, f.name) for f in fields(self) if f.name not in judging)


def of_inputs(
    change: Callable[[Values, Array, Array], Array],
) -> Callable[[Values, Array, Batch], Batch]:
    """Make a batch hook of a change of the inputs alone.

    Parameters
    ----------
    change : callable
        ``(v, key, x) -> x``.
    """

    def batch(values: Values, key: Array, batch: Batch) -> Batch:
        return replace(batch, inputs=change(values, key, batch.inputs))

    return batch
