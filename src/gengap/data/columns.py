"""Columns: find out what kind each is, and read others of the same kind likewise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gengap.data.cells import (
    NO,
    YES,
    days,
    distinct_words,
    to_booleans,
    to_dates,
    to_numbers,
)
from gengap.data.dataset import Column, ColumnKind
from gengap.data.text import MOST_TERMS, are_texts, terms_of
from gengap.errors import UserError, suggest

__all__ = [
    "check_finite",
    "missing_columns",
    "read_as",
    "read_table_as",
    "table_of",
    "type_columns",
]

# Features end up in 32-bit floats; what these cannot hold is as good as infinite.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class _Read:
    kind: ColumnKind
    values: np.ndarray
    note: str | None = None
    terms: tuple[str, ...] = ()


def type_columns(table: pd.DataFrame) -> tuple[tuple[Column, ...], pd.DataFrame, tuple[str, ...]]:
    """Find the kind of every column and convert it.

    Integers are numeric, also where they may be codes; category columns are categorical, also
    where their categories are numbers; other cells are what all their words are, and texts where
    they are long and nearly all different.

    Parameters
    ----------
    table : DataFrame (n, columns)
        As read; the names are distinct.

    Returns
    -------
    columns : tuple of Column
    features : DataFrame (n, columns)
        float64 with NaN, or str with None, as `Column` says.
    notes : tuple of str

    Raises
    ------
    UserError
        ``infinite-values``, ``nested-cells`` or ``unsupported-type``.

    Examples
    --------
    >>> columns, features, notes = type_columns(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    >>> [(column.kind, column.levels, column.missing) for column in columns]
    [('numeric', (), 0), ('categorical', ('x',), 1)]
    """
    columns, values, notes = [], {}, []
    for name in table.columns:
        read = _type(name, table[name])
        missing = pd.isna(read.values)
        levels: tuple[str, ...] = ()
        if read.kind == "categorical":
            levels = tuple(sorted(pd.unique(read.values[~missing]).tolist()))
        elif read.kind == "text":
            levels = read.terms
        else:
            check_finite(f"column '{name}'", read.values)
        columns.append(Column(name, read.kind, levels, int(missing.sum())))
        values[name] = read.values
        if read.note is not None:
            notes.append(read.note)
    return tuple(columns), table_of(values, len(table), copy=False), tuple(notes)


def read_as(column: Column, series: pd.Series) -> np.ndarray:
    """Read values as the kind that a column has in the training table.

    Levels that the training table lacks are kept: encoding turns them into zeros.

    Parameters
    ----------
    column : Column
    series : Series (n,)
        As read from another table.

    Returns
    -------
    ndarray (n,)
        float64 with NaN, or object (str or None) for a categorical column and texts.

    Raises
    ------
    UserError
        ``ill-typed-column`` with the first row and value that do not fit, or
        ``infinite-values``.

    Examples
    --------
    >>> read_as(Column("a", "numeric"), pd.Series(["1", "NA"])).tolist()
    [1.0, nan]
    """
    if column.in_words:
        found = distinct_words(column.name, series)
        return found.spread(found.words, None, object)
    read = _from_dtype(column.name, series)
    if read is None or read.kind == "categorical":
        values = _words_as(column, series)
    elif _fits(column, read):
        values = read.values
    else:
        raise _ill_typed(column, f"{read.kind} values")
    check_finite(f"column '{column.name}'", values)
    return values


def read_table_as(
    columns: tuple[Column, ...], table: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read the columns of another table as the kinds that they have in the training table.

    Parameters
    ----------
    columns : tuple of Column
    table : DataFrame (n, at least these columns)

    Returns
    -------
    features : DataFrame (n, columns)
    notes : tuple of str
        Words that the training table lacks.

    Raises
    ------
    UserError
        As `read_as`.
    """
    values, notes = {}, []
    for column in columns:
        cells = values[column.name] = read_as(column, table[column.name])
        if column.kind != "categorical":
            continue
        # With the dtype said, or pandas would turn None into a NaN that equals no level.
        words = pd.Index(cells, dtype=object)
        known = pd.Index(column.levels, dtype=object).get_indexer(words) >= 0
        unknown = np.flatnonzero(~known & ~words.isna())
        if unknown.size:
            notes.append(
                f"column '{column.name}' holds words that the training data lack in "
                f"{unknown.size} rows (such as '{cells[unknown[0]]}'): none of "
                "its levels applies there"
            )
    return table_of(values, len(table), copy=False), tuple(notes)


def check_finite(what: str, values: np.ndarray) -> None:
    """Refuse infinite values (NaN is allowed), naming the first row, counted from 1."""
    wrong = np.flatnonzero(np.abs(values) > _LARGEST)
    if wrong.size:
        raise UserError(
            "infinite-values",
            f"{what} has {wrong.size} infinite {'value' if wrong.size == 1 else 'values'}, the "
            f"first in row {wrong[0] + 1} ({values[wrong[0]]}); expected numbers below 3.4e38",
            "replace them by numbers, or leave the cells empty to have them count as missing",
        )


def missing_columns(
    where: str, absent: Sequence[str], names: Sequence[str], needed: Collection[str]
) -> UserError:
    """Say which columns of the training data a table lacks.

    Parameters
    ----------
    where : str
        What the table is called.
    absent : sequence of str
        At least one.
    names : sequence of str
        All columns of the table.
    needed : collection of str
        Names that columns were looked for by: none of them was misspelt as another.
    """
    listed = ", ".join(repr(name) for name in absent[:5]) + (", ..." if len(absent) > 5 else "")
    return UserError(
        "missing-columns",
        f"{where} lacks {len(absent)} of the training data's columns: {listed}",
        suggest(absent[0], names, noun="columns", never=needed),
    )


def table_of(
    values: Mapping[str, np.ndarray], rows: int, *, copy: bool | None = None
) -> pd.DataFrame:
    """Put columns together as `Part.features` holds them.

    Parameters
    ----------
    values : mapping
        Name of a column -> its cells (rows,), float64 or object.
    rows : int
    copy : bool, optional
        False keeps the arrays as they are, read-only ones too.
    """
    # With the dtype said, or pandas would turn words into its own strings and None into NaN.
    series = {
        name: pd.Series(array, dtype=array.dtype, copy=copy) for name, array in values.items()
    }
    index, names = pd.RangeIndex(rows), pd.Index(list(values), dtype=object)
    return pd.DataFrame(series, index=index, columns=names, copy=copy)


def _type(name: str, series: pd.Series) -> _Read:
    read = _from_dtype(name, series)
    if read is not None:
        return read
    found = distinct_words(name, series)
    numbers = to_numbers(found.words)
    if not found.words or (numbers is not None and not np.isnan(numbers).any()):
        return _Read("numeric", found.spread([] if numbers is None else numbers, np.nan, float))
    readers: tuple[tuple[ColumnKind, Callable[[Sequence[str]], np.ndarray | None]], ...] = (
        ("boolean", to_booleans),
        ("date", to_dates),
    )
    for kind, reader in readers:
        parsed = reader(found.words)
        if parsed is not None:
            return _Read(kind, found.spread(parsed, np.nan, float))
    cells = found.spread(found.words, None, object)
    terms = terms_of(cells) if are_texts(found) else ()
    if terms:
        some = f" the {len(terms):,} most frequent of" if len(terms) == MOST_TERMS else ""
        note = (
            f"column '{name}' holds texts:{some} their terms become inputs, weighed by how rare "
            "they are (TF-IDF)"
        )
        return _Read("text", cells, note, terms)
    return _Read("categorical", cells)


def _from_dtype(name: str, series: pd.Series) -> _Read | None:
    """Read a column whose type says what it is; None for text and mixed objects.

    The values are the dataset's own: whoever gave the column may go on to change it.
    """
    dtype = series.dtype
    types = pd.api.types
    if isinstance(dtype, pd.CategoricalDtype):
        found = distinct_words(name, series)
        return _Read("categorical", found.spread(found.words, None, object))
    if isinstance(dtype, pd.SparseDtype):
        return _from_dtype(name, series.sparse.to_dense())
    if isinstance(dtype, pd.PeriodDtype):
        return _Read("date", days(series.dt.to_timestamp()))
    if types.is_complex_dtype(dtype):
        raise UserError(
            "unsupported-type",
            f"column '{name}' holds complex numbers; expected numbers, words, dates or booleans",
            "put the real and the imaginary parts into two columns",
        )
    if types.is_bool_dtype(dtype):
        return _Read("boolean", series.to_numpy(dtype=np.float64, na_value=np.nan))
    if types.is_numeric_dtype(dtype):
        return _Read("numeric", series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True))
    if dtype.kind == "M":
        return _Read("date", days(series))
    if dtype.kind == "m":
        spans = series.astype("timedelta64[us]") / pd.Timedelta(days=1)
        return _Read("numeric", spans.to_numpy(dtype=np.float64))
    return None


def _fits(column: Column, read: _Read) -> bool:
    if read.kind == column.kind:
        return True
    known = read.values[~np.isnan(read.values)]
    if not known.size or (column.kind == "numeric" and read.kind == "boolean"):
        return True
    return column.kind == "boolean" and bool(np.isin(known, (0, 1)).all())


def _words_as(column: Column, series: pd.Series) -> np.ndarray:
    found = distinct_words(column.name, series)
    if not found.words:
        return np.full(len(series), np.nan)
    parsed: np.ndarray | None
    if column.kind == "numeric":
        parsed = to_numbers(found.words)
    elif column.kind == "date":
        parsed = to_dates(found.words)
    else:
        folded = [word.casefold() for word in found.words]
        parsed = np.array([1.0 if w in YES else 0.0 if w in NO else np.nan for w in folded])
    if parsed is None:
        parsed = np.full(len(found.words), np.nan)
    values = found.spread(parsed, np.nan, float)
    wrong = np.flatnonzero(np.isnan(values) & (found.codes >= 0))
    if wrong.size:
        word = found.words[found.codes[wrong[0]]]
        raise _ill_typed(column, f"'{word}' in row {wrong[0] + 1}")
    return values


def _ill_typed(column: Column, received: str) -> UserError:
    expected = {
        "numeric": "numbers",
        "boolean": "yes or no, true or false",
        "date": "dates like 2024-05-31",
    }[column.kind]
    return UserError(
        "ill-typed-column",
        f"column '{column.name}' holds {received}; expected {expected}, as in the training data",
        "correct the cells, or leave them empty to have them count as missing",
    )
