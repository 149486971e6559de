"""One family of errors: what happened, what was expected and received, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["GengapError", "UnfinishedError", "UserError", "suggest"]


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


def suggest(received: str, choices: Iterable[str], *, noun: str = "choices", show: int = 8) -> str:
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
    folded = {name.casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(received.casefold(), list(folded), n=1, cutoff=0.6)
    listed = ", ".join(names[:show]) + (", ..." if len(names) > show else "")
    inventory = f"({len(names)} {noun}: {listed})" if names else f"(there are no {noun})"
    return f"did you mean '{folded[close[0]]}'? {inventory}" if close else f"{noun}: {listed}"
