"""Arrays, lists and frames to a Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from gengap.data.assemble import Raw, assemble
from gengap.data.dataset import Columns, Dataset, Features, Modality, OneInput, Task
from gengap.data.sequences import padded, with_lengths
from gengap.data.several import aligned, join_hint, read_inputs, row_count
from gengap.data.several_targets import check_tasks, of_test_part, split_off
from gengap.data.tensors import read_tensor
from gengap.errors import UserError

__all__ = ["check_names", "from_arrays", "is_one_hot", "raw_arrays", "read_features"]


def from_arrays(
    x: Any,
    y: Any,
    *,
    task: Task | Mapping[str, Task] | None = None,
    test: Sequence[Any] | None = None,
    groups: Any = None,
    sample_weight: Any = None,
    name: str = "arrays",
    target: str | None = None,
) -> Dataset:
    """Make a Dataset of inputs and targets in memory.

    Parameters
    ----------
    x : DataFrame, or array-like (n, columns) or (n, ...)
        With two axes a table, whose columns are called x0, x1, ... where they have no names; with
        three or more images or sequences (`gengap.data.tensors`). A list of arrays (steps,
        channels) of different lengths is sequences, too. For a network with several inputs a
        mapping from the name of each to one of these.
    y : Series, or array-like (n,), (n, 1) or one-hot (n, classes), or mapping
        For a network with several outputs a mapping from the name of each to one of these.
    task : {"classification", "regression"}, or mapping of such, optional
        Found from `y` where it is not given; of several outputs that of the one that decides, or
        by their names.
    test : pair of x and y, optional
        Rows that stay out of the folds. Of several outputs the targets of the one that decides
        are enough.
    groups : array-like (n,), optional
        Rows of one group stay on one side of every split.
    sample_weight : array-like (n,), optional
        At least 0; used in the loss.
    name : str
    target : str, optional
        Which of several outputs decides; the first by default.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        Whatever is wrong with the input, with a stable code and a hint.

    Examples
    --------
    >>> dataset = from_arrays([[0.0], [1.0], [2.0], [3.0]], ["a", "b", "a", "b"])
    >>> dataset.classes, dataset.columns[0].name
    (('a', 'b'), 'x0')
    """
    check_tasks(task, tuple(y) if isinstance(y, Mapping) else ())
    output, deciding, others = split_off(y, target)
    if output is None and isinstance(task, Mapping):
        task = next(iter(task.values()), None)
    rows, target_name = raw_arrays(x, deciding, groups=groups, weights=sample_weight)
    if output is not None:
        target_name = output
        further = {one: _of_output(one, values, x, rows) for one, values in others.items()}
        notes = tuple(note for _, found in further.values() for note in found)
        lines = {one: line for one, (line, _) in further.items()}
        rows = replace(rows, further=lines, notes=(*rows.notes, *notes))
    read_test = None
    if test is not None:
        if len(test) != 2:
            raise UserError("not-a-test-part", "expected test=(x, y)", "give inputs and targets")

        def read_test(columns: Columns) -> Raw:
            answers = of_test_part(test[1], output, y)
            raw, _ = raw_arrays(test[0], answers, where="the test part: ")
            return replace(raw, features=aligned(raw.features, columns))

    return assemble(name, "arrays", target_name, rows, task=task, test=read_test)


def raw_arrays(
    x: Any,
    y: Any,
    *,
    groups: Any = None,
    weights: Any = None,
    lengths: Any = None,
    where: str = "",
) -> tuple[Raw, str]:
    """Check that inputs and targets belong together, and name the target.

    Parameters
    ----------
    x, y, groups, weights
        As `from_arrays`.
    lengths : array-like (n,), optional
        How many steps the rows of sequences have.
    where : str
        Goes before every message.

    Raises
    ------
    UserError
        ``length-mismatch``, ``index-mismatch``, ``no-rows``, ``unsupported-type``,
        ``one-dimensional-inputs``, ``several-targets``, ``missing-in-tensor``,
        ``infinite-values``, ``duplicate-columns``, or what `with_lengths` raises.
    """
    features: Features
    modality: Modality | dict[str, Modality]
    inputs = _by_name(x)
    if inputs is None:
        features, modality = read_features(x, lengths=lengths, where=where)
    else:
        features, modality = read_inputs(inputs, read_features, where)
    rows = row_count(features)
    target, notes = _target(y, where)
    parts = {
        "y": target,
        "groups": _line(groups, "groups", where),
        "weights": _line(weights, "weights", where),
    }
    for part, values in parts.items():
        if values is not None and len(values) != rows:
            raise UserError(
                "length-mismatch",
                f"{where}x has {rows} rows and {part} has {len(values)}",
                "give one entry a row",
            )
        given = {"y": y, "groups": groups, "weights": weights}[part]
        for one in [x] if inputs is None else inputs.values():
            _check_index(one, given, part, where)
    if not rows:
        raise UserError("no-rows", f"{where}x has no rows", "check how it was selected")
    raw = Raw(features, target, parts["groups"], parts["weights"], notes, modality)
    return raw, "y" if target.name is None else str(target.name)


def read_features(x: Any, *, lengths: Any = None, where: str = "") -> tuple[OneInput, Modality]:
    """Return inputs as a table, or as images or sequences where they have three or more axes.

    Parameters
    ----------
    x : DataFrame or array-like
        A list of arrays (steps, channels) of different lengths is sequences, too.
    lengths : array-like (n,), optional
        How many steps the rows of sequences have.
    where : str
        Goes before every message.

    Returns
    -------
    features : DataFrame or ndarray
    modality : {"table", "image", "sequence"}
    """
    _refuse_several_inputs(x, where)
    if hasattr(x, "to_pandas"):
        x = x.to_pandas()
    if isinstance(x, pd.DataFrame):
        return check_names(x).reset_index(drop=True), "table"
    values = _padded(x)
    if values is None:
        values = _array(x, "x", where)
    if lengths is not None:
        values = with_lengths(values, lengths, where=where)
    if values.ndim < 2:
        raise UserError(
            "one-dimensional-inputs",
            f"{where}x has the shape {values.shape}; expected rows by columns",
            "use x.reshape(-1, 1) for a single column",
        )
    if 0 in values.shape[1:]:
        raise UserError(
            "no-columns",
            f"{where}x has the shape {values.shape}: there is nothing in a row",
            "check how it was selected",
        )
    if values.ndim == 2:
        names = [f"x{place}" for place in range(values.shape[1])]
        table = pd.DataFrame(values, columns=pd.Index(names, dtype=object), copy=False)
        return table, "table"
    return read_tensor(values, where=where, sequences=lengths is not None)


def _refuse_several_inputs(x: Any, where: str) -> None:
    """Refuse inputs within an input, or arrays that are no rows but inputs beside each other."""
    if isinstance(x, Mapping):
        what = f"a mapping with the inputs {', '.join(map(repr, x))}"
    elif _are_beside_each_other(x):
        what = f"{len(x)} arrays of the shapes {', '.join(str(one.shape) for one in x)}"
    else:
        return
    raise UserError(
        "several-inputs",
        f"{where}x is {what}; expected one array or table of inputs, a row a case",
        join_hint(),
    )


def _by_name(x: Any) -> Mapping[str, Any] | None:
    """Return inputs by their names, where they come so."""
    if not isinstance(x, Mapping) or not x or not all(isinstance(name, str) for name in x):
        return None
    return x


def _are_beside_each_other(x: Any) -> bool:
    """Tell inputs of as many rows from sequences, which have steps and as many channels."""
    if not isinstance(x, tuple | list) or not all(hasattr(one, "shape") for one in x):
        return False
    shapes = {tuple(one.shape) for one in x}
    return len(shapes) > 1 and all(shapes) and len({shape[0] for shape in shapes}) == 1


def _padded(x: Any) -> np.ndarray | None:
    """Return a list of sequences of different lengths as one array; None for anything else."""
    if not isinstance(x, list | tuple) or not all(isinstance(row, np.ndarray) for row in x):
        return None
    lengths, widths = {len(row) for row in x if row.ndim == 2}, {row.shape[1:] for row in x}
    numbers = all(row.dtype.kind in "buif" and row.ndim == 2 for row in x)
    return padded(x) if numbers and len(lengths) > 1 and len(widths) == 1 else None


def check_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its columns named by text, no name twice."""
    if table.columns.nlevels > 1:
        raise UserError(
            "unsupported-type", "the table's columns have several levels", "join their names to one"
        )
    names = [str(name) for name in table.columns]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise UserError(
            "duplicate-columns",
            f"the table has several columns named {', '.join(repr(name) for name in repeated[:5])}",
            "give every column a name of its own",
        )
    if not names:
        raise UserError("no-columns", "the table has no columns", "check how it was selected")
    return table.set_axis(pd.Index(names, dtype=object), axis=1)


def _of_output(name: str, values: Any, x: Any, rows: Raw) -> tuple[pd.Series, tuple[str, ...]]:
    """Return the targets of an output that does not decide, and notes."""
    line, notes = _target(values, f"output '{name}': ")
    count = row_count(rows.features)
    if len(line) != count:
        raise UserError(
            "length-mismatch",
            f"x has {count} rows and the output '{name}' has {len(line)} targets",
            "give one entry a row",
        )
    inputs = _by_name(x)
    for one in [x] if inputs is None else inputs.values():
        _check_index(one, values, f"the output '{name}'", "")
    return line, tuple(f"output '{name}': {note}" for note in notes)


def _target(y: Any, where: str) -> tuple[pd.Series, tuple[str, ...]]:
    if isinstance(y, Mapping) or (isinstance(y, tuple | list) and _are_arrays(y)):
        raise UserError(
            "several-targets",
            f"{where}y holds {len(y)} targets; expected one target a row",
            "for a network with several outputs give a mapping from their names to targets, and "
            "with target= the name of the one that decides; or compare the network of that output "
            "alone, such as keras.Model(model.input, model.output[0])",
        )
    if isinstance(y, pd.Series):
        return y.reset_index(drop=True), ()
    if isinstance(y, pd.DataFrame):
        if y.shape[1] == 1:
            return y.iloc[:, 0].reset_index(drop=True), ()
        names = [str(name) for name in y.columns]
        values = y.to_numpy()
    else:
        values = _array(y, "y", where)
        if values.ndim == 0:
            raise UserError(
                "length-mismatch", f"{where}y is a single value", "give one value a row"
            )
        if values.size == len(values):
            return pd.Series(values.reshape(-1)), ()
        names = [str(place) for place in range(values.shape[1])]
    if not is_one_hot(values):
        raise UserError(
            "several-targets",
            f"{where}y has the shape {values.shape}; expected one target a row",
            "give one column; one-hot classes must have a single 1 in every row",
        )
    coded = pd.Categorical.from_codes(values.argmax(axis=1), categories=names, ordered=True)
    return pd.Series(coded), (
        f"the {len(names)} columns of y are one-hot: they are taken as classes",
    )


def is_one_hot(values: np.ndarray) -> bool:
    """Tell whether every row holds a single 1, and zeros.

    Examples
    --------
    >>> is_one_hot(np.eye(3)), is_one_hot(np.ones((3, 3))), is_one_hot(np.ones(3))
    (True, False, False)
    """
    return bool(
        values.ndim == 2
        and values.dtype.kind in "buif"
        and np.isin(values, (0, 1)).all()
        and (values.sum(axis=1) == 1).all()
    )


def _are_arrays(values: Sequence[Any]) -> bool:
    """Tell targets beside each other, few and long, from rows of one-hot codes."""
    return bool(values) and all(
        len(getattr(one, "shape", ())) and len(one) > len(values) for one in values
    )


def _line(values: Any, part: str, where: str) -> pd.Series | None:
    if values is None:
        return None
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    array = _array(values, part, where)
    if array.ndim == 0:
        raise UserError(
            "length-mismatch",
            f"{where}{part} is a single value, {values!r}; expected one entry a row",
            "give an array or a list",
        )
    if array.size != len(array):
        raise UserError(
            "length-mismatch",
            f"{where}{part} have the shape {array.shape}; expected one entry a row",
            "give one column",
        )
    return pd.Series(array.reshape(-1))


def _array(values: Any, part: str, where: str) -> np.ndarray:
    if sparse.issparse(values):
        values = values.toarray()
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise UserError(
            "unsupported-type",
            f"{where}{part} is a masked array; expected missing values as NaN",
            f"use {part}.filled(np.nan)",
        )
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UserError(
            "ragged-rows",
            f"{where}{part} has rows of different lengths",
            "make all rows as long; sequences are arrays of steps by channels, as many in each",
        ) from error
    if array.dtype.kind in "cV" or (array.dtype.kind == "O" and array.ndim == 0):
        kind = array.dtype if array.ndim else type(values).__name__
        raise UserError(
            "unsupported-type",
            f"{where}{part} is of type {kind}; expected an array of numbers or words",
            "convert it to an array or a DataFrame",
        )
    return array


def _check_index(x: Any, other: Any, part: str, where: str) -> None:
    frames = pd.DataFrame | pd.Series
    if not (isinstance(x, frames) and isinstance(other, frames)) or x.index.equals(other.index):
        return
    if x.index.is_unique and other.index.is_unique and x.index.isin(other.index).all():
        raise UserError(
            "index-mismatch",
            f"{where}x and {part} have the same index in another order; rows go by position",
            f"use {part}.loc[x.index]",
        )
