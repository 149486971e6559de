"""What a study takes, in seconds and bytes: rough figures, from which plans are made.

Notation
--------
P   weights of the network
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import keras
import numpy as np

from gengap.lanes.compiling import AT_ONCE
from gengap.lanes.layout import CORE, GPU, Breadth, Footprint, Layout, choose_layout
from gengap.lanes.network import takes_turns
from gengap.lanes.program import Program
from gengap.memory import lanes_on_host
from gengap.networks.columns import column_axes
from gengap.networks.shapes import known_shape
from gengap.step_time import StepTime, kept_bytes, step_time
from gengap.techniques.discovery import find_technique
from gengap.wording import duration

__all__ = [
    "COMPILE_SECONDS",
    "Besides",
    "compiling_bytes",
    "device_breadth",
    "epoch_seconds",
    "footprint_of",
    "held_values",
    "lone_layout",
    "preparing_seconds",
    "program_seconds",
    "scoring_seconds",
]

#: Seconds of compiling a program, by studies of one to three: 2.5 to 4 of dense networks, 4 to 7 of
#: recurrent ones and of one-dimensional convolutions, 11 of a small network for images.
COMPILE_SECONDS = 4.0

#: Seconds of reading, auditing and encoding a cell of an encoded table; and of splitting it and
#: fitting what prepares it, a fold. On one core, in processor time, tables of 0.2 to 2 million rows
#: and 20 to 500 columns took 0.5e-7 to 1.4e-7 s and 1.2e-8 to 1.6e-8 s, from memory, .npz, .csv and
#: .parquet alike; tensors, which are not encoded, next to nothing.
CELL_SECONDS, FOLD_CELL_SECONDS = 1.2e-7, 1.6e-8

#: Seconds of scoring a row by all metrics on the host, an output: 4e-8 to 9e-8 for 2 to 10 classes
#: and 1,000 to a million rows, on one core; less where there are none.
SCORE_SECONDS = 8e-8

#: Seconds of a study besides all else: its analysis and its files, 2 to 7 for one to eight
#: candidates. Imports are not among them.
REPORT_SECONDS = 3.0

#: Bytes that compiling a program takes for as long as it goes on, and that stay of it. Programs of
#: dense, convolutional and recurrent networks with up to five techniques took 160 to 340 MB, of
#: which 20 to 50 MB stayed.
COMPILER_BYTES, PROGRAM_BYTES = 300_000_000, 45_000_000


def footprint_of(
    model: keras.Model, program: Program, rows: int, outputs: int, starts: int = 1
) -> Footprint:
    """Return what a lane of a program takes.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    program : Program
    rows : int
        Of the whole data.
    outputs : int
        Classes, or 1.
    starts : int
        Different initial values that the program's runs begin with.
    """
    parameters = _values(model.trainable_variables)
    slots = round(_values(model.optimizer.variables) / max(1, parameters))
    carried, kept = held_values(model, program)
    best = sum(asked.hooks.keep is None for asked in program.judges)
    return Footprint(
        parameters=parameters,
        # A weight, its gradient, what the optimizer keeps of it, the best epochs'.
        copies=2 + slots + best,
        rows=rows,
        outputs=outputs + 1,  # the loss
        epoch_rows=program.rows,
        others=_values(model.non_trainable_variables),
        other_copies=1 + best,
        carried=carried,
        kept=kept,
        starts=starts,
        step_bytes=0 if takes_turns(model) else kept_bytes(model, program.batch_size),
    )


def held_values(model: keras.Model, program: Program) -> tuple[int, int]:
    """Count the values that techniques and judgements hold of a network.

    Parameters
    ----------
    model : keras.Model
    program : Program

    Returns
    -------
    carried, kept : int
        What every step goes through, and what is only written at the end of an epoch.
    """
    weights, others = (
        [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    carried = kept = 0
    for asked in program.techniques:
        hooks = asked.hooks
        if hooks.start or hooks.column_start:
            columns = column_axes(model, known_shape(model))
            carried += _size(jax.eval_shape(partial(hooks.carried, columns=columns), weights))
    for asked in program.judges:
        keep = asked.hooks.keep
        if keep and keep.every == "step":
            carried += _size(jax.eval_shape(keep.start, weights, others))
        elif keep:
            kept += _size(jax.eval_shape(keep.start, weights, others))
    return carried, kept


def _size(tree: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def lone_layout(model: keras.Model, program: Program) -> Layout:
    """Return where the one lane of a program that trains a single run is: on the first device.

    However many rows there are, few batch orders are sent at once, and the host looks about once a
    second, so that training can be interrupted.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    program : Program
    """
    return choose_layout(
        1,
        1,
        footprint_of(model, program, rows=1, outputs=1),
        epoch_seconds=program.steps * step_time(model, program.batch_size).seconds,
        ends_early=False,
        breadth=device_breadth(),
    )


def compiling_bytes(programs: int) -> int:
    """Estimate what compiling so many programs takes of the host's memory."""
    return min(AT_ONCE, programs) * COMPILER_BYTES + programs * PROGRAM_BYTES


def _values(variables: Sequence[Any]) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)


def epoch_seconds(program: Program, layout: Layout, step: StepTime) -> float:
    """Estimate the time of an epoch of a group of lanes.

    Parameters
    ----------
    program : Program
    layout : Layout
    step : StepTime
    """
    acting = (*program.techniques, *program.judges)
    added = sum(step.added(find_technique(asked.technique)) for asked in acting)
    # Every epoch is measured, and every run read out.
    return 1.25 * layout.width * program.steps * (step.seconds + added)


def program_seconds(program: Program, runs: int, layout: Layout, step: StepTime) -> float:
    """Estimate the time of compiling and training a program.

    Parameters
    ----------
    program : Program
    runs : int
    layout : Layout
    step : StepTime
    """
    waves = -(-runs // layout.lanes)
    epochs = waves * layout.groups * program.epochs
    return COMPILE_SECONDS + epochs * epoch_seconds(program, layout, step)


@dataclass(frozen=True)
class Besides:
    """Estimated seconds of a study besides the programs that train its trials.

    Attributes
    ----------
    preparing : float
        Of reading, auditing and preparing the rows: most of it has passed when a plan is made.
    scoring : float
        Of reading the trials out and scoring them.
    refit : float
        Of training the best on all rows, at most.
    report : float
    """

    preparing: float
    scoring: float
    refit: float
    report: float = REPORT_SECONDS

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.preparing + self.scoring + self.refit + self.report

    def explain(self, slowness: float = 1.0) -> str:
        """Say what takes how long, on a machine that takes so many times longer."""
        parts = (self.preparing, self.scoring, self.refit, self.report)
        preparing, scoring, refit, report = (duration(slowness * part) for part in parts)
        return (
            f"besides about {preparing} for reading, auditing and preparing the rows, {scoring} "
            f"for scoring, at most {refit} for the training on all rows, and {report} for the "
            "report"
        )


def preparing_seconds(cells: int, folds: int) -> float:
    """Estimate the time before training.

    Parameters
    ----------
    cells : int
        Rows times encoded columns; 0 for tensors.
    folds : int
        Over all repeats.
    """
    # What is trained on all rows in the end is prepared as a fold is.
    return cells * (CELL_SECONDS + (folds + 1) * FOLD_CELL_SECONDS)


def scoring_seconds(
    trials: int, rows: int, outputs: int, seconds_of_row: float, devices: int
) -> float:
    """Estimate the time of reading trials out and scoring them.

    Parameters
    ----------
    trials, rows : int
        Rows that a trial is scored on; those that are scored with noise too count twice.
    outputs : int
        Classes, or 1.
    seconds_of_row : float
        Of a lane's step, a row (see `gengap.step_time`).
    devices : int
        On which lanes are read out; one core scores them.
    """
    # A step is about three forward passes.
    return trials * rows * (outputs * SCORE_SECONDS + seconds_of_row / 3 / devices)


def device_breadth() -> Breadth:
    """Return how many lanes a device of this process trains side by side with gain."""
    return CORE if lanes_on_host() else GPU
