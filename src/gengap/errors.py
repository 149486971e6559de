"""One family of errors: what happened, what was expected and received, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence

__all__ = ["GengapError", "UnfinishedError", "UserError", "suggest"]

#: How alike two names are at least of which one can have been meant by the other.
_ALIKE = 0.6


class GengapError(Exception):
    """An error with a stable code, one clear message and a hint.

    Parameters
    ----------
    code : str
        A stable, machine-readable name, such as ``"unknown-column"``.
    message : str
        What happened, what was expected and what was received, in one sentence.
    hint : str, optional
        How to mend it.
    """

    exit_code = 70

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class UserError(GengapError, ValueError):
    """The user's input is wrong: usage, data or configuration (exit code 2)."""

    exit_code = 2


class UnfinishedError(GengapError, RuntimeError):
    """The run could not finish, through no fault of its input (exit code 3)."""

    exit_code = 3


def suggest(
    received: str,
    choices: Iterable[str],
    *,
    noun: str = "choices",
    show: int = 8,
    never: Collection[str] = (),
) -> str:
    """Name the closest choice and list what there is.

    Parameters
    ----------
    received : str
        What the user wrote.
    choices : iterable of str
        What would have been accepted.
    noun : str
        What the choices are, in the plural (``"columns"``).
    show : int
        How many choices are listed at most.
    never : collection of str
        Choices that the user cannot have meant, such as columns that are needed themselves.

    Returns
    -------
    str
        ``"did you mean 'quality'? (12 columns: ...)"``.

    Examples
    --------
    >>> suggest("qualty", ["quality", "alcohol"], noun="columns")
    "did you mean 'quality'? (2 columns: quality, alcohol)"
    """
    names = [str(choice) for choice in choices]
    close = _closest(received, [name for name in names if name not in never])
    listed = ", ".join(names[:show]) + (", ..." if len(names) > show else "")
    inventory = f"({len(names)} {noun}: {listed})" if names else f"(there are no {noun})"
    return f"{noun}: {listed}" if close is None else f"did you mean '{close}'? {inventory}"


def _closest(received: str, names: Sequence[str]) -> str | None:
    """Return the name with the fewest slips, None where all are too far to be meant."""
    found = []
    for place, name in enumerate(names):
        first, second = _without_ending(received.casefold(), name.casefold())
        alike = difflib.SequenceMatcher(None, first, second)
        if alike.quick_ratio() < _ALIKE or alike.ratio() < _ALIKE:
            continue
        slips = _slips(first, second)
        if slips <= max(1, len(first) // 3):
            # Two letters that changed places are likelier than one that is missing.
            swapped = sorted(first) == sorted(second)
            found.append((slips, not swapped, -alike.ratio(), place))
    return names[min(found)[-1]] if found else None


def _without_ending(first: str, second: str) -> tuple[str, str]:
    """Leave out an ending such as ``.csv`` that both have: it makes any two names alike."""
    (start, _, ending), (other, _, its) = first.partition("."), second.partition(".")
    return (start, other) if ending and ending == its else (first, second)


def _slips(first: str, second: str) -> int:
    """Count letters to insert, leave out, replace or swap with their neighbours."""
    earlier: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        earlier, before, row = row, earlier, [i]
        for j, other in enumerate(second, 1):
            cost = min(earlier[j] + 1, row[-1] + 1, earlier[j - 1] + (letter != other))
            if i > 1 and j > 1 and first[i - 2 : i] == second[j - 2 : j][::-1]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
    return row[-1]
