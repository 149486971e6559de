"""What the text of a cell means: missing, a number, a yes or no, a date, or a word."""

from __future__ import annotations

import datetime
import decimal
import itertools
import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gengap.errors import UserError

__all__ = [
    "BOOLEANS",
    "MISSING",
    "NO",
    "YES",
    "Words",
    "days",
    "distinct_words",
    "missing_spellings",
    "to_booleans",
    "to_dates",
    "to_numbers",
]

#: Words that mean "no value", in lower case.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "<null>", "none", "?"})
#: No and yes.
BOOLEANS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))
#: What counts as no and as yes in a column that is known to hold these.
NO, YES = (frozenset(words) for words in zip(*BOOLEANS, ("0", "1"), strict=True))
_DATE = re.compile(
    r"\d{4}([-/])\d{1,2}\1\d{1,2}"
    r"([ T]\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s?(Z|[+-]\d{2}:?\d{2})?)?"
)
_SCALARS = (
    str,
    bool,
    np.bool_,
    numbers.Real,
    decimal.Decimal,
    datetime.date,
    datetime.time,
    pd.Interval,
    pd.Period,
)


def missing_spellings() -> list[str]:
    """List every spelling, in upper and lower case, of the words that mean "no value".

    Examples
    --------
    >>> "nUll" in missing_spellings(), "?" in missing_spellings()
    (True, True)
    """
    spelt: list[str] = []
    for word in sorted(MISSING):
        letters = [sorted({letter.lower(), letter.upper()}) for letter in word]
        spelt.extend("".join(choice) for choice in itertools.product(*letters))
    return spelt


@dataclass(frozen=True, eq=False)
class Words:
    """The distinct words of a column.

    Attributes
    ----------
    codes : ndarray of int64 (n,)
        Which word a row holds; -1 where it has no value.
    words : tuple of str
        The distinct words, sorted by text, without surrounding blanks.
    """

    codes: np.ndarray
    words: tuple[str, ...]

    def spread(
        self, values: Sequence[object] | np.ndarray, missing: object, dtype: type
    ) -> np.ndarray:
        """Give every row the value of its word, or `missing` (n,)."""
        lookup: np.ndarray = np.empty(len(self.words) + 1, dtype=dtype)
        lookup[:-1] = values
        lookup[-1] = missing
        return lookup[self.codes]


def distinct_words(column: str, series: pd.Series) -> Words:
    """Find the distinct words of a column; the words for "no value" are not among them.

    Parameters
    ----------
    column : str
        The name, for error messages.
    series : Series (n,)
        Text, or single values of any kind.

    Raises
    ------
    UserError
        ``nested-cells``: a cell holds a list, an array or another container; ``binary-cells``:
        a word holds a NUL character.

    Examples
    --------
    >>> distinct_words("a", pd.Series([" b", "NA", "b", "a"])).words
    ('a', 'b')
    """
    if isinstance(series.dtype, pd.ArrowDtype):
        series = series.astype(object)
    try:
        codes, uniques = pd.factorize(series)
    except TypeError as error:
        raise _nested(
            column, next(v for v in series if getattr(v, "__hash__", None) is None)
        ) from error
    names = [_word(column, value) for value in uniques]
    known = sorted({name for name in names if name is not None})
    place = {name: code for code, name in enumerate(known)}
    lookup = np.array(
        [-1 if name is None else place[name] for name in names] + [-1], dtype=np.int64
    )
    return Words(lookup[codes], tuple(known))


def _word(column: str, value: object) -> str | None:
    if not isinstance(value, _SCALARS):
        raise _nested(column, value)
    if isinstance(value, float | np.floating):
        number = float(value)
        value = int(number) if number.is_integer() and abs(number) < 1e15 else number
    word = str(value).strip()
    if "\0" in word:
        raise UserError(
            "binary-cells",
            f"column '{column}' holds a NUL character in a cell: {word[:20]!r}",
            "check how the file was written: text holds none",
        )
    return None if word.casefold() in MISSING else word


def _nested(column: str, value: object) -> UserError:
    return UserError(
        "nested-cells",
        f"column '{column}' holds a value of type {type(value).__name__} in a cell; expected a "
        "number, a word, a date or nothing",
        "spread it over several columns, or leave the column out",
    )


def to_numbers(words: Sequence[str]) -> np.ndarray | None:
    """Return the words as float64 (k,), NaN where a word is no number; None where none is.

    Examples
    --------
    >>> to_numbers(["1", "2.5e3", "x"]).tolist()
    [1.0, 2500.0, nan]
    >>> to_numbers(["x"]) is None
    True
    """
    if not words:
        return None
    parsed = pd.to_numeric(pd.Series(list(words), dtype=object), errors="coerce")
    values = parsed.to_numpy(dtype=np.float64)
    return None if np.isnan(values).all() else values


def to_booleans(words: Sequence[str]) -> np.ndarray | None:
    """Return the words as 0.0 and 1.0 (k,) where they are one pair such as no and yes, else None.

    A column with only one of the two stays categorical: with ``yes`` and missing cells, the
    missing ones are the other answer, which a filled-in median would erase.

    Examples
    --------
    >>> to_booleans(["No", "yes"]).tolist()
    [0.0, 1.0]
    """
    folded = [word.casefold() for word in words]
    for pair in BOOLEANS:
        if set(folded) == set(pair):
            return np.array([float(word == pair[1]) for word in folded])
    return None


def to_dates(words: Sequence[str]) -> np.ndarray | None:
    """Return the words as days since 1970 (k,) where all are dates like 2024-05-31, else None.

    A time of day becomes a fraction of a day; a time zone is counted in.

    Examples
    --------
    >>> to_dates(["1970-01-02", "1970-01-02T12:00"]).tolist()
    [1.0, 1.5]
    """
    if not words or not all(_DATE.fullmatch(word) for word in words):
        return None
    iso = pd.Series([word.replace("/", "-") for word in words], dtype=object)
    dates = pd.to_datetime(iso, format="ISO8601", utc=True, errors="coerce")
    return None if dates.isna().any() else days(dates)


def days(dates: pd.Series) -> np.ndarray:
    """Return dates as days since 1970, NaN where there is none (n,)."""
    utc = pd.to_datetime(dates, utc=True).astype("datetime64[us, UTC]")
    stamps = utc.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    counted = stamps.astype(np.int64) / 86_400e6
    return np.where(np.isnat(stamps), np.nan, counted)
