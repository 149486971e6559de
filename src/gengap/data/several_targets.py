"""The targets of several outputs of one network, by their names: one decides, all are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from gengap.data.dataset import Dataset, Output, Part, Task
from gengap.data.target import Target, check_task, read_target
from gengap.errors import UserError, suggest
from gengap.wording import listed

__all__ = [
    "ReadOutputs",
    "check_tasks",
    "of_test_part",
    "outputs_in_order",
    "read_outputs",
    "split_off",
    "task_of",
    "with_names",
]


@dataclass(frozen=True, eq=False)
class ReadOutputs:
    """The targets of a part as read.

    Attributes
    ----------
    deciding : Target
        Of the one output, or of the one of several that decides; its known rows are those that
        have a value in every target.
    outputs : tuple of Output
        Every one of several; empty where there is one.
    further : dict of str to ndarray (known rows,)
        Values of the outputs that do not decide.
    notes : tuple of str
        Besides the deciding target's own.
    """

    deciding: Target
    outputs: tuple[Output, ...] = ()
    further: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def split_off(y: Any, target: str | None) -> tuple[str | None, Any, Mapping[str, Any]]:
    """Take the deciding output's targets out of those of several.

    Parameters
    ----------
    y : object
        As `gengap.compare` takes it.
    target : str, optional
        The output that decides; the first where it is left out.

    Returns
    -------
    name : str, optional
        Of the deciding output; None where `y` is of one output.
    deciding : object
        Its targets.
    further : mapping
        Those of the others.

    Raises
    ------
    UserError
        ``unknown-output``; ``several-targets`` for a mapping that is none from names to targets.

    Examples
    --------
    >>> split_off({"kind": [0, 1], "price": [2.5, 3.0]}, "price")
    ('price', [2.5, 3.0], {'kind': [0, 1]})
    """
    if not isinstance(y, Mapping):
        return None, y, {}
    if not y or not all(isinstance(name, str) for name in y):
        raise UserError(
            "several-targets",
            f"y is a mapping from {', '.join(map(repr, y)) or 'nothing'}; expected the names of "
            "the network's outputs",
            "give {'OUTPUT': targets, ...}, with the names of model.output_names",
        )
    name = next(iter(y)) if target is None else target
    if name not in y:
        raise UserError(
            "unknown-output",
            f"target={target!r} names no output: y holds {', '.join(map(repr, y))}",
            suggest(name, tuple(y), noun="outputs"),
        )
    if len(y) == 1:
        return None, y[name], {}
    return name, y[name], {other: values for other, values in y.items() if other != name}


def of_test_part(y: Any, name: str | None, given: Any) -> Any:
    """Return the targets of a test part for the output that decides.

    Parameters
    ----------
    y : object
        Of the test part: those targets, or a mapping with them; others are not looked at.
    name : str, optional
        The output that decides; None where there is one.
    given : object
        The targets of the rows outside the test part.

    Raises
    ------
    UserError
        ``unknown-output`` where they are not there, ``several-targets`` where there are several
        for one output.

    Examples
    --------
    >>> of_test_part({"kind": [0, 1], "price": [2.5, 3.0]}, "price", {"kind": [0], "price": [1.0]})
    [2.5, 3.0]
    """
    if not isinstance(y, Mapping):
        return y
    held = f"the test part: y holds {', '.join(map(repr, y)) or 'nothing'}"
    if name is None and isinstance(given, Mapping):
        (name,) = given
    if name is None and len(y) != 1:
        raise UserError(
            "several-targets",
            f"{held}; expected one target a row, as for the other rows",
            "give the targets themselves: test=(x_test, y_test)",
        )
    if name is not None and name not in y:
        raise UserError(
            "unknown-output",
            f"{held}; expected the targets of the output {name!r}",
            f"give test=(x_test, {{{name!r}: targets}})",
        )
    return next(iter(y.values())) if name is None else y[name]


def with_names(y: Any, names: Mapping[str, str]) -> Any:
    """Give targets of several outputs the names of these, in the order of the network.

    Parameters
    ----------
    y : object
        A list in the order of the network, or a mapping, which keeps its order.
    names : mapping
        What Keras calls each output, in their order -> its name.

    Raises
    ------
    UserError
        ``missing-outputs`` where they are not those of the network.
    """
    named = ", ".join(f"{name!r}: ..." for name in names.values())
    given = f"received {type(y).__name__}"
    if isinstance(y, list | tuple) and len(y) == len(names):
        return dict(zip(names.values(), y, strict=True))
    if isinstance(y, Mapping):
        found = {names.get(name, name): values for name, values in y.items()}
        if set(found) == set(names.values()):
            return found
        given = f"y holds {', '.join(map(repr, y)) or 'none'}"
    elif isinstance(y, list | tuple):
        given = f"y holds {len(y)} entries"
    raise UserError(
        "missing-outputs",
        f"the network has the outputs {', '.join(map(repr, names.values()))}; {given}",
        f"give every output its targets: y={{{named}}}, or a list in that order",
    )


def check_tasks(task: Any, names: Sequence[str]) -> None:
    """Refuse tasks that there are not, or of outputs that there are not."""
    if not isinstance(task, Mapping):
        check_task(task)
        return
    for name, one in task.items():
        if name not in names:
            raise UserError(
                "unknown-output",
                f"task names {name!r}, which is no output: y holds "
                + (", ".join(map(repr, names)) or "the targets of one"),
                suggest(str(name), tuple(names), noun="outputs"),
            )
        check_task(one)


def task_of(task: Task | Mapping[str, Task] | None, name: str, *, decides: bool) -> Task | None:
    """Return what the user says that an output is: a task alone is that of the deciding one."""
    if isinstance(task, Mapping):
        return task.get(name)
    return task if decides else None


def read_outputs(
    name: str,
    target: pd.Series,
    further: Mapping[str, pd.Series],
    task: Task | Mapping[str, Task] | None,
) -> ReadOutputs:
    """Read the target, or those of several outputs, each by itself.

    Parameters
    ----------
    name : str
        Of the one that decides.
    target : Series (n,)
    further : mapping of str to Series (n,)
    task : {"classification", "regression"}, or mapping of such, optional
        Of the deciding one, or by name.

    Raises
    ------
    UserError
        As `read_target`.
    """
    first = read_target(name, target, task=task_of(task, name, decides=True))
    if not further:
        return ReadOutputs(first)
    others = {
        other: read_target(other, line, task=task_of(task, other, decides=False))
        for other, line in further.items()
    }
    besides = listed([f"'{other}'" for other in others])
    notes: tuple[str, ...] = (f"the output '{name}' decides; the network learns {besides} besides",)
    notes += tuple(
        f"the output '{other}' is taken as "
        f"{'classes' if one.task == 'classification' else 'a quantity'}; "
        f"task={{{other!r}: ...}} takes it otherwise"
        for other, one in others.items()
        if one.guessed
    )
    known = np.logical_and.reduce([first.known, *(one.known for one in others.values())])
    if first.known.any() and not known.any():
        raise UserError(
            "no-common-rows",
            f"no row has a value in every one of the outputs '{name}', {besides}",
            "a row is learned where it has all targets: fill them in, or leave an output out",
        )
    if not known.all():
        for other, one in others.items():
            lost = int((first.known & ~one.known).sum())
            if lost:
                notes += (
                    f"{lost} of {known.size} rows are left out: they have no value in the output "
                    f"'{other}'",
                )
        # Classes are those of the rows that are left.
        first = replace(_among(first, target, known), notes=first.notes)
        others = {other: _among(one, further[other], known) for other, one in others.items()}
    read = {name: first, **others}
    return ReadOutputs(
        first,
        tuple(Output(one, read[one].task, read[one].classes) for one in read),
        {other: one.values for other, one in others.items()},
        notes,
    )


def _among(target: Target, line: pd.Series, known: np.ndarray) -> Target:
    """Read a target again, of some of the rows only."""
    again = read_target(target.name, line[known].reset_index(drop=True), task=target.task)
    return replace(again, known=known)


def outputs_in_order(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Return a dataset of several outputs with these in another order; it is the same data.

    Parameters
    ----------
    dataset : Dataset
    names : sequence of str
        All of them.
    """
    if not dataset.outputs:
        return dataset
    by_name = {one.name: one for one in dataset.outputs}

    def ordered(part: Part) -> Part:
        return replace(part, further={n: part.further[n] for n in names if n in part.further})

    return replace(
        dataset, outputs=tuple(by_name[name] for name in names), rows=ordered(dataset.rows)
    )
