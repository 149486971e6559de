"""What a technique is: a frozen record of data and pure functions, one file a technique.

Notation
--------
B   rows of a batch
w   the trainable weights, a list of arrays in the order of ``model.trainable_variables``
v   the values of a technique in one lane: strength name -> scalar array

A hook is traced once and serves every lane of a program: strengths reach it as values, never as
Python numbers, and a lane at the neutral value must train exactly as the baseline does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

__all__ = [
    "Family",
    "Hooks",
    "Insertion",
    "Monitored",
    "Option",
    "PlainKeras",
    "Strength",
    "Targets",
    "Technique",
    "Update",
]

Array = Any  # a JAX array; the catalogue itself imports neither JAX nor Keras when listed
Values = Mapping[str, Array]

Family = Literal["penalty", "noise", "normalization", "stopping", "targets"]


@dataclass(frozen=True)
class Strength:
    """A technique's hyperparameter: one declaration for validation, errors, grids and sampling.

    Attributes
    ----------
    name : str
    low, high : float
        Bounds, both allowed.
    neutral : float, optional
        The value that leaves training exactly as the baseline; None where there is none.
    grid : tuple of float
        What is tried where the user leaves the strength open, from weak to strong.
    prior : {"log", "uniform"}
        How a search samples it between the ends of the grid.
    integer : bool
        Whether only whole numbers make sense.
    """

    name: str
    low: float
    high: float
    neutral: float | None
    grid: tuple[float, ...]
    prior: Literal["log", "uniform"] = "log"
    integer: bool = False


@dataclass(frozen=True)
class Option:
    """A choice of words that changes the technique's form; the first choice is the default.

    Attributes
    ----------
    name : str
    choices : tuple of str
    about : str
        What they mean, where the words do not say it.
    """

    name: str
    choices: tuple[str, ...]
    about: str = ""


@dataclass(frozen=True)
class Insertion:
    """A standard Keras layer that a technique adds to the network.

    Attributes
    ----------
    place : {"inputs", "before_activation", "after_activation"}
        After the inputs; or at every hidden layer, between its linear part and its nonlinearity,
        or behind the whole of it.
    layer : str
        A class in ``keras.layers``.
    arguments : mapping
        Its constructor's arguments.
    replaces_bias : bool
        Whether the linear part before it loses its bias, which the layer would cancel.
    """

    place: Literal["inputs", "before_activation", "after_activation"]
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
    cell_arguments : mapping
        Arguments of every recurrent layer.
    definitions : str
        Source text at module level that the expressions below need.
    optimizer, loss : str, optional
        A Python expression in which ``{optimizer}`` or ``{loss}`` stands for what it wraps.
    callbacks : tuple of str
        Python expressions of callbacks for ``fit``.
    """

    insertions: tuple[Insertion, ...] = ()
    kernel_regularizer: Mapping[str, float] = field(default_factory=dict)
    cell_arguments: Mapping[str, float] = field(default_factory=dict)
    definitions: str = ""
    optimizer: str | None = None
    loss: str | None = None
    callbacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Targets:
    """Targets of a batch as weighted alternatives: the loss is their weighted sum.

    Attributes
    ----------
    values : array (alternatives, B, ...)
        Each alternative in the form that the user's loss takes.
    weights : array (alternatives,)
        They sum to 1.
    classes : array (classes, B, ...), optional
        What a batch of only the k-th class looks like to the loss; None for regression.
    """

    values: Array
    weights: Array
    classes: Array | None = None


@dataclass(frozen=True)
class Update:
    """What an update hook may look at, besides the weights that it changes.

    Attributes
    ----------
    before : list of array
        The weights before the optimizer's step.
    kernels : tuple of bool
        Which of the weights are kernels.
    learning_rate : array ()
        Of this step.
    step_sizes : callable
        ``() -> list of array``: each weight's own step size under the optimizer (see
        `gengap.proximal_optimizer.own_step_size`).
    """

    before: Sequence[Array]
    kernels: tuple[bool, ...]
    learning_rate: Array
    step_sizes: Callable[[], Sequence[Array]]


@dataclass(frozen=True)
class Monitored:
    """What a judgement sees at the end of an epoch: validation scores, smaller is better."""

    loss: Array
    metric: Array


@dataclass(frozen=True)
class Hooks:
    """The places in a step that a technique uses; each is a pure function.

    Attributes
    ----------
    inputs : callable, optional
        ``(v, key, x) -> x``: the inputs of a batch.
    targets : callable, optional
        ``(v, key, targets) -> targets``: the targets of a batch (`Targets`).
    activation : callable, optional
        ``(v, key, h) -> h``: the output of a hidden layer, in training.
    cell_inputs, cell_state : callable, optional
        ``(v, key, m) -> m``: the factors, once a sequence, of what a recurrent cell takes in at
        each of its steps: of the step's inputs, (B, D), or of its own state of the step before,
        (B, U), with an axis in front where every gate has its own.
    penalty : callable, optional
        ``(v, kernels) -> scalar``: added to the loss.
    update : callable, optional
        ``(v, w, update) -> w``: the weights after the optimizer's step.
    judgement_start : callable, optional
        ``() -> state``: makes the state of `judgement`.
    judgement : callable, optional
        ``(v, state, monitored) -> (state, improved, done)``: whether this epoch's weights are the
        best so far, and whether later ones no longer matter.
    """

    inputs: Callable[[Values, Array, Array], Array] | None = None
    targets: Callable[[Values, Array, Targets], Targets] | None = None
    activation: Callable[[Values, Array, Array], Array] | None = None
    cell_inputs: Callable[[Values, Array, Array], Array] | None = None
    cell_state: Callable[[Values, Array, Array], Array] | None = None
    penalty: Callable[[Values, Sequence[Array]], Array] | None = None
    update: Callable[[Values, Sequence[Array], Update], Sequence[Array]] | None = None
    judgement_start: Callable[[], Any] | None = None
    judgement: Callable[[Values, Any, Monitored], tuple[Any, Array, Array]] | None = None

    @property
    def in_step(self) -> bool:
        """Whether it changes a training step."""
        judging = ("judgement_start", "judgement")
        return any(getattr(self, f.name) for f in fields(self) if f.name not in judging)


@dataclass(frozen=True)
class Technique:
    """One way to regularize.

    Attributes
    ----------
    name : str
    summary : str
        One line.
    formula : str
        What is computed, in plain text.
    source : str
        The paper, with the equation where there is one.
    family : {"penalty", "noise", "normalization", "stopping", "targets"}
        What it is listed with.
    tasks, modalities : tuple of str
        What it serves.
    order : int
        Its place among the hooks of the same kind (smaller comes first).
    cost : float
        Extra time of a training step, as a share of the plain step.
    strengths : tuple of Strength
    options : tuple of Option
    hooks : callable
        ``(options) -> Hooks``; it is here that a technique imports JAX.
    insertions : tuple of Insertion
        Layers that are part of the compiled network (a program of its own).
    plain_keras : callable
        ``(strengths, options) -> PlainKeras``.
    replaces : tuple of str
        Kinds of regularization that a model may bring along and that this technique replaces
        (see `gengap.networks.existing`).
    losses : tuple of str
        Names of the Keras losses for which it is defined; empty: any.
    excludes : tuple of str
        Techniques that it cannot be combined with.
    random : bool
        Whether its hooks draw random numbers: another seed then trains otherwise.
    check : callable
        ``(model, options)``: raises a UserError where the compiled model rules it out.
    """

    name: str
    summary: str
    formula: str
    source: str
    family: Family
    strengths: tuple[Strength, ...]
    plain_keras: Callable[[Mapping[str, float], Mapping[str, str]], PlainKeras]
    hooks: Callable[[Mapping[str, str]], Hooks] = lambda options: Hooks()
    options: tuple[Option, ...] = ()
    insertions: tuple[Insertion, ...] = ()
    tasks: tuple[str, ...] = ("classification", "regression")
    modalities: tuple[str, ...] = ("table", "image", "sequence")
    order: int = 0
    cost: float = 0.0
    replaces: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    random: bool = False
    check: Callable[[Any, Mapping[str, str]], None] = lambda model, options: None

    def strength(self, name: str) -> Strength:
        """Return the strength called `name` (KeyError where there is none)."""
        return next(s for s in self.strengths if s.name == name)

    def forms(self) -> tuple[dict[str, str], ...]:
        """Return every way to choose its options, the default one first."""
        names = [option.name for option in self.options]
        choices = itertools.product(*(option.choices for option in self.options))
        return tuple(dict(zip(names, choice, strict=True)) for choice in choices)

    @property
    def judges(self) -> bool:
        """Whether it only decides which weights of a run are scored."""
        return self.hooks(self.forms()[0]).judgement is not None
