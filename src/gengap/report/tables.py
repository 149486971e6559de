"""Tables of a page: what stands in a cell, and what it sorts by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cell", "Row", "Table", "cells", "plain"]

_LONG = 24  # characters of a word that a column of names still holds


@dataclass(frozen=True)
class Cell:
    """A text, with the number that it sorts by where it is one.

    `role` colours a verdict; `under` stands in small type below the text.
    """

    text: str
    value: float | None = None
    role: str = ""
    under: str = ""

    @property
    def has_long_word(self) -> bool:
        """Whether a word is so long that it must be broken."""
        return any(len(word) > _LONG for word in self.text.split())

    @property
    def sorts_by(self) -> str:
        """The number for the script, empty where there is none."""
        if self.value is None or not math.isfinite(self.value):
            return ""
        return f"{self.value:.9g}"


@dataclass(frozen=True)
class Row:
    """Cells, the first of which names the row; `index` links it with the marks of a candidate."""

    cells: tuple[Cell, ...]
    index: int | None = None


@dataclass(frozen=True)
class Table:
    """A table with a caption."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


def cells(*texts: str | Cell) -> tuple[Cell, ...]:
    """Make cells of texts."""
    return tuple(text if isinstance(text, Cell) else Cell(text) for text in texts)


def plain(caption: str, header: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> Table:
    """Make a table whose rows are linked with nothing."""
    return Table(caption, tuple(header), tuple(Row(cells(*row)) for row in rows))
