"""What the user gave becomes a Dataset, with equal rows settled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gengap.audit import copies_policy, drop_copies, group_copies
from gengap.audit.duplicates import Copies
from gengap.data.arrays import check_names, from_arrays
from gengap.data.dataset import Dataset
from gengap.data.load import load
from gengap.data.several import check_inputs
from gengap.data.several_targets import with_names
from gengap.errors import UserError

__all__ = ["inputs_by_name", "outputs_by_name", "read", "settle_copies"]


def read(
    x: Any,
    y: Any,
    *,
    target: str | None,
    task: Any,
    test: Any,
    groups: Any,
    weight: str | None,
    sample_weight: Any,
    image_size: Any = None,
) -> Dataset:
    """Read a file, a named set, a table with its target in it, or inputs and targets.

    Parameters are those of `gengap.compare`. Rows that were read already stay as they are.

    Raises
    ------
    UserError
        Where they do not fit together, or the input is wrong.
    """
    if isinstance(x, Dataset):
        return x
    if y is None:
        if not isinstance(x, str | os.PathLike | pd.DataFrame):
            raise UserError(
                "target-missing",
                f"y is missing: inputs were given as {type(x).__name__}, without targets",
                "call compare(x, y), or give a file or a DataFrame and target=COLUMN",
            )
        if sample_weight is not None:
            raise UserError(
                "weights-given-twice",
                "sample_weight goes with arrays",
                "name the column that holds the weights: weight=COLUMN",
            )
        _expect_name(groups, "groups")
        if isinstance(test, tuple | list):
            raise UserError(
                "test-part",
                "test is a pair of inputs and targets, but the targets of x are a column of it",
                "give test as such a table or file, or x and y as arrays",
            )
        if test is not None and not isinstance(test, str | os.PathLike | pd.DataFrame):
            raise UserError(
                "test-part",
                f"test must be a table or a file, as x is, received {type(test).__name__}",
                "give the rows that stay out of the folds as a DataFrame, or the path of a file",
            )
        return load(
            x,
            target=target,
            task=task,
            test=test,
            groups=groups,
            weight=weight,
            image_size=image_size,
        )
    for name, value in (("target", target), ("weight", weight)):
        if value is not None and not (name == "target" and isinstance(y, Mapping)):
            raise UserError(
                "column-of-arrays",
                f"{name}={value!r} names a column, but y was given",
                "leave y out, or pass sample_weight="
                if name == "weight"
                else "leave one of them out",
            )
    if image_size is not None:
        raise UserError(
            "image-size-of-arrays",
            "image_size is given beside arrays",
            "leave it out; it is for folders of PNG and JPEG files",
        )
    if isinstance(groups, str) and isinstance(x, pd.DataFrame):
        x = check_names(x)
        if groups not in x.columns:
            raise UserError(
                "unknown-column", f"no column {groups!r} in x", "groups takes a column or an array"
            )
        x, groups = x.drop(columns=groups), x[groups]
    if test is not None and not isinstance(test, tuple | list):
        what = "a file" if isinstance(test, str | os.PathLike) else f"of type {type(test).__name__}"
        raise UserError(
            "test-part",
            f"test is {what}, but x and y are inputs and targets",
            "pass test=(x_test, y_test)",
        )
    return from_arrays(
        x, y, task=task, test=test, groups=groups, sample_weight=sample_weight, target=target
    )


def inputs_by_name(x: Any, test: Any, model: Any) -> tuple[Any, Any]:
    """Give inputs their names where they come in the order in which a network takes them.

    Parameters
    ----------
    x : object
        As `gengap.compare` takes it: a list or tuple for a Keras network with several inputs is
        one of an array for each of them.
    test : object
        Of a pair of inputs and targets the inputs are named, too.
    model : object

    Returns
    -------
    x, test
        As they are, where the network has one input.

    Raises
    ------
    UserError
        ``missing-inputs`` where there are not so many.
    """
    if not getattr(model, "inputs", None):
        return x, test
    # Keras is there where a network of it is given.
    from gengap.networks.shapes import input_names

    names = input_names(model)
    if not names:
        return _alone(x), (_alone(test[0]), *test[1:]) if isinstance(test, tuple | list) else test
    if isinstance(x, list | tuple):
        x = check_inputs(x, names, "x")
    if isinstance(test, list | tuple) and test and isinstance(test[0], list | tuple):
        test = (check_inputs(test[0], names, "the test part"), *test[1:])
    return x, test


def outputs_by_name(y: Any, target: Any, test: Any, model: Any) -> tuple[Any, Any, Any]:
    """Give the targets of several outputs their names, as `inputs_by_name` does with inputs.

    Parameters
    ----------
    y : object
        As `gengap.compare` takes it.
    target : str, optional
        The output that decides, by its own name or by what Keras calls it.
    test : object
    model : object

    Returns
    -------
    y, target, test
        As they are, where the network has one output.

    Raises
    ------
    UserError
        ``missing-outputs`` where they are not those of the network.
    """
    if y is None or not getattr(model, "outputs", None):
        return y, target, test
    from gengap.networks.outputs import check_distinct
    from gengap.networks.shapes import keras_output_names, output_names

    ours = output_names(model)
    if not ours:
        return y, target, test
    check_distinct(model)
    names = dict(zip(keras_output_names(model), ours, strict=True))
    if isinstance(test, list | tuple) and len(test) == 2 and _of_outputs(test[1], len(ours)):
        given = test[1] if isinstance(test[1], Mapping) else dict(zip(ours, test[1], strict=True))
        # Those of the output that decides are enough.
        test = (test[0], {names.get(name, name): values for name, values in given.items()})
    return with_names(y, names), names.get(target, target), test


def _of_outputs(y: Any, outputs: int) -> bool:
    """Tell targets of several outputs from those of one."""
    if isinstance(y, list | tuple):
        return len(y) == outputs and all(np.ndim(one) for one in y)
    return isinstance(y, Mapping)


def _alone(x: Any) -> Any:
    """Return the one input of a mapping with one, as Keras takes it, too."""
    return next(iter(x.values())) if isinstance(x, Mapping) and len(x) == 1 else x


def settle_copies(
    dataset: Dataset, duplicates: str | None, *, copies: Copies | None = None
) -> Dataset:
    """Group, drop or keep equal rows, as the user chose or as the table suggests.

    Parameters
    ----------
    dataset : Dataset
    duplicates : {"group", "keep", "drop"}, optional
    copies : Copies, optional
        Which rows of the dataset are equal, where that is known.
    """
    policy = copies_policy(dataset, duplicates, copies=copies)
    if policy == "drop":
        return drop_copies(dataset, copies=copies)
    return group_copies(dataset, copies=copies) if policy == "group" else dataset


def _expect_name(value: Any, what: str) -> None:
    if value is not None and not isinstance(value, str):
        raise UserError(
            "unknown-column",
            f"{what} must name a column of the table, received {type(value).__name__}",
            f"pass {what}='COLUMN', or give x and y as arrays",
        )
