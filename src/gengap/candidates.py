"""What is compared: a recipe whose open strengths are chosen on validation, fold by fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BASELINE", "Candidate", "Strengths"]

BASELINE = "baseline"

Strengths = Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True)
class Candidate:
    """A row of the result: a name and the grid of recipes that it stands for.

    Attributes
    ----------
    name : str
        What the user wrote, such as ``"l2"`` or ``"l2+dropout"``; ``"baseline"`` for the baseline.
    grid : tuple of str
        Canonical recipe texts with every strength given, from weak to strong.
    strengths : mapping
        Recipe text -> technique -> its strength, or a mapping from strength name to strength where
        it has several (empty where it has none).
    single : tuple of (str, str), optional
        The technique and the name of its strength where exactly one strength is open.

    Examples
    --------
    >>> l2 = Candidate(
    ...     "l2", ("l2=0.0001", "l2=0.001"),
    ...     {"l2=0.0001": {"l2": 1e-4}, "l2=0.001": {"l2": 1e-3}}, ("l2", "strength"),
    ... )
    >>> l2.open
    True
    """

    name: str
    grid: tuple[str, ...]
    strengths: Mapping[str, Strengths]
    single: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.grid or len(set(self.grid)) != len(self.grid):
            raise ValueError(f"expected different recipes for {self.name!r}, received {self.grid}")
        if set(self.strengths) != set(self.grid):
            raise ValueError(f"expected strengths for every recipe of {self.name!r} and no other")

    @property
    def open(self) -> bool:
        """Whether a strength is chosen on validation."""
        return len(self.grid) > 1
