"""The text of recipes: where it is split, and how numbers are written."""

from __future__ import annotations

import re
from decimal import Decimal

from gengap.errors import UserError

__all__ = ["COMMA", "PLUS_BETWEEN_PARTS", "format_number", "malformed", "split"]

PLUS_BETWEEN_PARTS = re.compile(r"(?<![0-9.][eE])\+|\+(?![0-9])")
COMMA = re.compile(",")


def format_number(value: float) -> str:
    """Write a number in as few characters as round-trip to it.

    Parameters
    ----------
    value : float
        A finite number.

    Returns
    -------
    str
        Positional where that is no longer, and for everything from 1 to a million.

    Examples
    --------
    >>> [format_number(value) for value in (0.3, 1e-4, 0.01, 50.0, 1e16)]
    ['0.3', '1e-4', '0.01', '50', '1e16']
    """
    shortest = Decimal(repr(float(value))).normalize()
    positional = format(shortest + 0, "f")  # adding 0 turns -0 into 0
    mantissa, _, exponent = format(shortest, "e").partition("e")
    scientific = f"{mantissa}e{int(exponent)}"
    if 1 <= abs(value) < 1e6 or len(positional) <= len(scientific):
        return positional
    return scientific


def split(separator: re.Pattern[str], text: str) -> list[str]:
    """Split at the separators outside parentheses, and strip the pieces."""
    depth = 0
    start = 0
    pieces = []
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if depth == 0 and separator.match(text, place):
            pieces.append(text[start:place].strip())
            start = place + 1
    if depth:
        raise malformed(text, "its parentheses do not match")
    return [*pieces, text[start:].strip()]


def malformed(text: str, what: str) -> UserError:
    """Return the error for a text that is no recipe."""
    return UserError(
        "bad-recipe",
        f"cannot read the recipe {text.strip()!r}: {what}",
        "recipes look like: l2=1e-4 + dropout=0.3, early_stopping(patience=5), baseline",
    )
