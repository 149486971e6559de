"""What a single column looks like: whether it numbers the rows, is continuous, is constant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gengap.data.cells import to_numbers

__all__ = [
    "FEW_VALUES",
    "is_constant",
    "is_continuous",
    "numbers_the_rows",
    "words_among_numbers",
]

# Fewer rows than this say nothing about whether a column numbers them.
FEW_ROWS = 20

# Names and free text may repeat now and then and still tell nearly every row from the others.
NEARLY_ALL = 0.95

# Up to this many distinct values a number may well be a code, a count or a grade.
FEW_VALUES = 20

# Whole numbers with more distinct values than this, or than this share of the rows, rarely agree
# by chance.
MANY_VALUES = 1000
MANY_SHARE = 0.25

# A column of words of which this share of the values are numbers was probably meant as numbers.
MOSTLY_NUMBERS = 0.5

# So many words, nearly all different, among whole numbers that are so, too, are no slips, but codes
# such as ISBNs.
CODES = 5

# Where a column has so many values, this many rows nearly always show it.
FIRST_ROWS = 10 * MANY_VALUES


def numbers_the_rows(values: pd.Series, kind: str) -> bool:
    """Say whether a column tells (nearly) every row from all others and does nothing else.

    True for whole numbers that are all different and either rise or fall from row to row or use up
    a range without holes, and for text of which at least 95 % of the values are different. Of
    numbers with words among them (`words_among_numbers`) the numbers decide. False for fewer than
    20 rows with a value, for fractions, dates and booleans.

    Parameters
    ----------
    values : Series (n,)
    kind : {"numeric", "boolean", "date", "categorical", "text"}

    Returns
    -------
    bool

    Examples
    --------
    >>> numbers_the_rows(pd.Series(range(100, 150)), "numeric")
    True
    """
    known = values.dropna()
    if len(known) < FEW_ROWS or kind not in ("numeric", "categorical"):
        return False
    if kind == "categorical":
        different = known.nunique()
        # Also of numbers with words among them most would have to be different.
        if different < MOSTLY_NUMBERS * len(known):
            return False
        words = words_among_numbers(known, kind)
        if not len(words):
            return bool(different >= NEARLY_ALL * len(known))
        known = known.drop(words.index)
        if len(known) < FEW_ROWS:
            return False
    numbers = known.to_numpy(np.float64)
    if not np.isfinite(numbers).all() or not _whole(numbers):
        return False
    steps = np.diff(numbers)
    if (steps > 0).all() or (steps < 0).all():
        return True
    without_holes = numbers.max() - numbers.min() + 1 == len(numbers)
    return bool(without_holes and len(np.unique(numbers)) == len(numbers))


def is_continuous(values: pd.Series, kind: str) -> bool:
    """Say whether two rows rarely have the same value in a column by chance.

    True for numbers with fractions and for texts of which over 20 are different, and for whole
    numbers and dates of which over 1000, or over 20 and a quarter of the rows, are different.

    Parameters
    ----------
    values : Series (n,)
    kind : {"numeric", "boolean", "date", "categorical", "text"}

    Returns
    -------
    bool

    Examples
    --------
    >>> is_continuous(pd.Series(range(30)) / 7, "numeric")
    True
    >>> is_continuous(pd.Series([1.0, 2.0, 3.0] * 50), "numeric")
    False
    """
    if kind == "text":
        return bool(values.nunique() > FEW_VALUES)
    if kind not in ("numeric", "date"):
        return False
    numbers = values.dropna().to_numpy(np.float64)
    whole = _whole(numbers)
    # More rows have no fewer values, so that the first ones may settle it.
    if len(np.unique(numbers[:FIRST_ROWS])) > (MANY_VALUES if whole else FEW_VALUES):
        return True
    different = len(np.unique(numbers))
    if different <= FEW_VALUES:
        return False
    return not whole or different > MANY_VALUES or different >= MANY_SHARE * len(numbers)


def words_among_numbers(
    values: pd.Series, kind: str, levels: Sequence[str] | None = None
) -> pd.Series:
    """Return the values of a categorical column that keep it from being read as numbers.

    Parameters
    ----------
    values : Series (n,)
    kind : {"numeric", "boolean", "date", "categorical", "text"}
    levels : sequence of str, optional
        The different values, where they are known: most columns need no look at the rows then.

    Returns
    -------
    Series
        With the index of `values`; empty where less than half of the known values are numbers,
        where all are, and where numbers and words are codes, nearly all of them different.

    Examples
    --------
    >>> words_among_numbers(pd.Series(["7.4", "7.8", "seven"]), "categorical").tolist()
    ['seven']
    """
    if kind != "categorical":
        return values[:0]
    words = np.asarray(values.dropna().unique() if levels is None else levels, dtype=object)
    numbers = to_numbers(words.tolist())
    if numbers is None or not np.isnan(numbers).any():
        return values[:0]
    known = values.dropna()
    no_number = known[known.isin(words[np.isnan(numbers)])]
    if len(no_number) > (1 - MOSTLY_NUMBERS) * len(known):
        return known[:0]
    codes = (
        len(no_number) >= CODES
        and no_number.nunique() >= NEARLY_ALL * len(no_number)
        and len(words) >= NEARLY_ALL * len(known)
        and _whole(numbers[np.isfinite(numbers)])
    )
    return known[:0] if codes else no_number


def is_constant(values: pd.Series, kind: str) -> bool:
    """Say whether a network sees the same number in every row of a column.

    Missing numbers are filled with the median and so do not vary; a missing category is a level of
    its own and does. A column without any value is not constant but missing.

    Parameters
    ----------
    values : Series (n,)
    kind : {"numeric", "boolean", "date", "categorical", "text"}

    Returns
    -------
    bool
    """
    if kind == "categorical" and values.isna().any():
        return False
    known = values.dropna().to_numpy()
    return bool(known.size and (known == known[0]).all())


def _whole(numbers: np.ndarray) -> bool:
    return bool((numbers == np.floor(numbers)).all())
