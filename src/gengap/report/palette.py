"""The colours, by what they mean: one table for the charts and for the page, light and dark.

Text has a contrast of at least 4.5 to 1 with the paper it stands on, marks of at least 3 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PALETTE", "Colour", "custom_properties"]


@dataclass(frozen=True)
class Colour:
    """One colour in light and in dark surroundings. Light values are unique: charts map by them."""

    light: str
    dark: str


PALETTE: Mapping[str, Colour] = {
    "paper": Colour("#ffffff", "#14171a"),
    "panel": Colour("#f5f7f9", "#1d2226"),
    "ink": Colour("#1a1f24", "#e9ecef"),
    "muted": Colour("#555f6a", "#a9b3bd"),
    "line": Colour("#dde2e7", "#343b42"),
    "edge": Colour("#7b8692", "#7d8893"),
    "band": Colour("#eaedf0", "#272d33"),
    "better": Colour("#0a7247", "#53cf9a"),
    "worse": Colour("#b3261e", "#ff9088"),
    "neutral": Colour("#4b5664", "#b6c0ca"),
    "training": Colour("#0a5fa3", "#6bb5f8"),
    "unseen": Colour("#a84f00", "#f3a75c"),
    "link": Colour("#0b57b0", "#86bdff"),
}


def custom_properties(theme: str) -> str:
    """Return the CSS custom properties of a theme.

    Parameters
    ----------
    theme : {"light", "dark"}
    """
    return "".join(
        f"--{role}:{colour.light if theme == 'light' else colour.dark};"
        for role, colour in PALETTE.items()
    )
