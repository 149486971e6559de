"""A count with its noun."""

from __future__ import annotations

__all__ = ["plural"]


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Write a count with its noun.

    Parameters
    ----------
    count : int
    noun : str
        For one.
    nouns : str, optional
        For any other count, where it is not the noun with an s.

    Examples
    --------
    >>> plural(1, "fold"), plural(1200, "fold"), plural(2, "series", "series")
    ('1 fold', '1,200 folds', '2 series')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
