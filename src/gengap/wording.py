"""How counts, lists and durations are put into words, wherever something is said."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["duration", "listed", "of_budget", "plural"]

_NAMED = 5


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "fold"), plural(1200, "fold"), plural(2, "series", "series")
    ('1 fold', '1,200 folds', '2 series')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def listed(items: Sequence[str]) -> str:
    """Name at most five items and count the others.

    Parameters
    ----------
    items : sequence of str
        At least one.

    Examples
    --------
    >>> listed(["'a' (3)", "'b' (2)"]), listed(list("abcdefgh"))
    ("'a' (3) and 'b' (2)", 'a, b, c, d, e and 3 more')
    """
    if len(items) > _NAMED:
        return f"{', '.join(items[:_NAMED])} and {len(items) - _NAMED} more"
    *others, last = items
    return f"{', '.join(others)} and {last}" if others else last


def duration(seconds: float) -> str:
    """Write a duration in seconds the way people say it, in whole seconds, hours in minutes.

    Examples
    --------
    >>> [duration(s) for s in (0.4, 59.6, 61, 7322)]
    ['0 s', '1 min', '1 min 1 s', '2 h 2 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def of_budget(seconds: float, budget: float) -> str:
    """Say what something took of the seconds that were given.

    Examples
    --------
    >>> of_budget(48.3, 90)
    'took 48 s of the 1 min 30 s given'
    >>> of_budget(75, 60)
    'took 1 min 15 s, more than the 1 min given'
    """
    taken, given = duration(seconds), duration(budget)
    over = seconds > budget and taken != given
    return (
        f"took {taken}, more than the {given} given"
        if over
        else f"took {taken} of the {given} given"
    )
