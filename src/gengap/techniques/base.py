"""What a technique is: a frozen record of data and pure functions, one file a technique."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gengap.techniques.hooks import (
    Batch,
    Gradients,
    Hooks,
    Keep,
    Kernels,
    Moment,
    Monitored,
    Targets,
    Update,
    of_inputs,
)
from gengap.techniques.plain_keras import Insertion, PlainKeras

# A technique's file finds here all that it needs.
__all__ = [
    "Batch",
    "Family",
    "Gradients",
    "Hooks",
    "Insertion",
    "Keep",
    "Kernels",
    "Moment",
    "Monitored",
    "Option",
    "PlainKeras",
    "Strength",
    "Targets",
    "Technique",
    "Update",
    "of_inputs",
]

Family = Literal[
    "architecture",
    "augmentation",
    "averaging",
    "constraint",
    "gradients",
    "noise",
    "normalization",
    "penalty",
    "schedule",
    "stopping",
    "targets",
]


@dataclass(frozen=True)
class Strength:
    """A technique's hyperparameter: one declaration for validation, errors, grids and sampling.

    Attributes
    ----------
    name : str
    low, high : float
        Bounds, both allowed.
    neutral : float, optional
        The value that leaves training exactly as the baseline, whatever the technique's other
        strengths are; None where there is none.
    grid : tuple of float
        What is tried where the user leaves the strength open, from weak to strong: downwards for
        a limit, which is the stronger the lower it is.
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

    @property
    def idle(self) -> float:
        """What a lane carries that does without the technique: all of these change nothing."""
        return self.low if self.neutral is None else self.neutral


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
    family : str
        What it is listed with, see `Family`.
    tasks, modalities : tuple of str
        What it serves.
    order : int
        Its place among the hooks of the same kind (smaller comes first). Of a batch: below 20
        what changes a row alone, below 30 what erases a part of it, below 40 what mixes rows,
        below 50 what smooths targets, then noise on the inputs.
    cost : float
        Extra time of a training step, as a share of the plain step of a small dense network; of a
        small convolutional one where it serves images alone.
    convolution_cost : float, optional
        As a share of the step of a small convolutional network, where that differs.
    strengths : tuple of Strength
    options : tuple of Option
    hooks : callable
        ``(options) -> Hooks``; it is here that a technique imports JAX.
    insertions : tuple of Insertion
        Layers that are part of the compiled network (a program of its own).
    shares_cells : bool
        Whether stacked recurrent layers of the compiled network share their cells (a program of
        its own, too).
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
    of_numbers : bool
        Whether it computes with the values of the inputs, and so is not for a network that takes
        them as codes (an Embedding).
    mixes : bool
        Whether it mixes the rows of a batch, and so draws for all of several inputs alike.
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
    shares_cells: bool = False
    tasks: tuple[str, ...] = ("classification", "regression")
    modalities: tuple[str, ...] = ("table", "image", "sequence")
    order: int = 0
    cost: float = 0.0
    convolution_cost: float | None = None
    replaces: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    random: bool = False
    of_numbers: bool = False
    mixes: bool = False
    check: Callable[[Any, Mapping[str, str]], None] = lambda model, options: None

    def strength(self, name: str) -> Strength:
        """Return the strength called `name` (KeyError where there is none)."""
        return next(s for s in self.strengths if s.name == name)

    def cost_where(self, *, convolves: bool) -> float:
        """Return its cost, for networks with or without convolutions."""
        return (
            self.convolution_cost if convolves and self.convolution_cost is not None else self.cost
        )

    def forms(self) -> tuple[dict[str, str], ...]:
        """Return every way to choose its options, the default one first."""
        names = [option.name for option in self.options]
        choices = itertools.product(*(option.choices for option in self.options))
        return tuple(dict(zip(names, choice, strict=True)) for choice in choices)

    @property
    def judges(self) -> bool:
        """Whether it only decides which weights of a run are scored."""
        hooks = self.hooks(self.forms()[0])
        return hooks.judgement is not None or hooks.keep is not None

    @property
    def keeps(self) -> bool:
        """Whether it scores other weights than those of an epoch, and needs all epochs for it."""
        return self.hooks(self.forms()[0]).keep is not None
