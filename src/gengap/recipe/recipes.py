"""A set of techniques with strengths."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gengap.candidates import BASELINE
from gengap.errors import UserError
from gengap.recipe.grammar import PLUS_BETWEEN_PARTS, malformed, split
from gengap.recipe.grid import grid_points
from gengap.recipe.parts import Part
from gengap.techniques.discovery import find_technique, techniques
from gengap.wording import listed

__all__ = ["BASELINE", "NONE", "Recipe"]


NONE = "none"


@dataclass(frozen=True, eq=False)
class Recipe:
    """A set of techniques, with those strengths that are given.

    Two recipes are equal when they hold the same parts, in whatever order.

    Attributes
    ----------
    parts : tuple of Part
        In the order in which they were written; empty for the baseline.
    everything_off : bool
        The special candidate ``none``: what regularizes the user's model already is switched off.

    Raises
    ------
    UserError
        For a technique that stands twice, techniques that exclude each other, two judgements.

    Examples
    --------
    >>> Recipe.parse("")
    Recipe('baseline')
    >>> Recipe.parse("none").everything_off
    True
    """

    parts: tuple[Part, ...] = ()
    everything_off: bool = False

    def __post_init__(self) -> None:
        if self.everything_off and self.parts:
            raise UserError(
                "bad-recipe",
                f"'{NONE}' stands alone: it is the model with all its own regularization off",
                "list it as a candidate of its own, after a comma",
            )
        names = [part.technique for part in self.parts]
        for name in names:
            if names.count(name) > 1:
                raise UserError(
                    "duplicate-technique",
                    f"{name} stands twice in one recipe",
                    "separate candidates by commas, such as 'l2=1e-4, l2=1e-3'",
                )
        for first, second in itertools.permutations(names, 2):
            if second in find_technique(first).excludes:
                raise UserError(
                    "excluded-combination",
                    f"{first} and {second} cannot be combined",
                    "leave one of them out",
                )
        if len(names) > 1:
            judges = [name for name in names if find_technique(name).judges]
            if len(judges) > 1:
                raise UserError(
                    "two-judgements",
                    f"{' and '.join(judges)} both decide which weights are scored",
                    "leave one of them out",
                )

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Read a recipe.

        Parameters
        ----------
        text : str
            Such as ``"l2=1e-4 + dropout=0.3"``, ``"baseline"`` or ``"none"``.

        Returns
        -------
        Recipe

        Raises
        ------
        UserError
        """
        stripped = text.strip()
        if stripped in ("", BASELINE):
            return cls()
        if stripped == NONE:
            return cls(everything_off=True)
        pieces = split(PLUS_BETWEEN_PARTS, stripped)
        for piece in pieces:
            if not piece:
                raise malformed(text, "a technique is missing beside a '+'")
            if piece in (BASELINE, NONE):
                raise malformed(text, f"{piece!r} stands alone and is not combined")
        return cls(tuple(Part.parse(piece) for piece in pieces))

    def __str__(self) -> str:
        if self.everything_off:
            return NONE
        return " + ".join(str(part) for part in self.parts) or BASELINE

    def __repr__(self) -> str:
        return f"Recipe({str(self)!r})"

    @property
    def text(self) -> str:
        """Canonical text, with the parts in the order in which they were written."""
        return str(self)

    @property
    def key_text(self) -> str:
        """Canonical text that does not depend on the order of the parts."""
        ordered = tuple(sorted(self.parts, key=lambda part: part.technique))
        return str(replace(self, parts=ordered))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self.key_text == other.key_text

    def __hash__(self) -> int:
        return hash(self.key_text)

    @property
    def is_baseline(self) -> bool:
        """Whether this is the empty recipe: the model as given."""
        return not self.parts and not self.everything_off

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the techniques, in the order in which they were written."""
        return tuple(part.technique for part in self.parts)

    def part(self, technique: str) -> Part | None:
        """Return the part of one technique, or None where the recipe does without it."""
        return next((part for part in self.parts if part.technique == technique), None)

    @property
    def open_strengths(self) -> tuple[tuple[str, str], ...]:
        """Pairs of technique and strength that are to be chosen on validation data."""
        return tuple((part.technique, name) for part in self.parts for name in part.open_strengths)

    @property
    def training(self) -> Recipe:
        """What the run trains with: the recipe without the part that only judges."""
        return replace(
            self,
            parts=tuple(p for p in self.parts if not find_technique(p.technique).judges),
        )

    @property
    def judgement(self) -> Part | None:
        """The part that decides which weights are scored; None where the last ones are."""
        return next((p for p in self.parts if find_technique(p.technique).judges), None)

    def values(self) -> dict[str, dict[str, float]]:
        """Return technique -> strength -> value, for what is given."""
        return {part.technique: dict(part.strengths) for part in self.parts}

    def options(self) -> dict[str, dict[str, str]]:
        """Return technique -> option -> word, the defaults included."""
        return {
            part.technique: {
                option.name: dict(part.options).get(option.name, option.choices[0])
                for option in find_technique(part.technique).options
            }
            for part in self.parts
        }

    def strengths_record(self) -> dict[str, float | dict[str, float]]:
        """Return what results.json holds: technique -> number, or strength -> number.

        A technique that declares one strength has a number, one with several a mapping; one
        without strengths does not appear.
        """
        record: dict[str, float | dict[str, float]] = {}
        for part in self.parts:
            if part.strengths:
                one = len(find_technique(part.technique).strengths) == 1
                record[part.technique] = part.strengths[0][1] if one else dict(part.strengths)
        return record

    def check(self, task: str, *modalities: str) -> None:
        """Refuse a recipe that is not made for this task or this kind of data.

        Parameters
        ----------
        task : {"classification", "regression"}
        *modalities : {"table", "image", "sequence"}
            Of the network's inputs, of which a technique must serve one; a table by default.

        Raises
        ------
        UserError
            ``technique-not-for-task``; ``technique-not-for-data``, with those that serve.
        """
        modalities = modalities or ("table",)
        given = listed([f"{modality}s" for modality in dict.fromkeys(modalities)])
        for name in self.names:
            technique = find_technique(name)
            if task not in technique.tasks:
                raise UserError(
                    "technique-not-for-task",
                    f"{name} is not defined for {task} (only for {' and '.join(technique.tasks)})",
                    f"leave {name} out of the techniques",
                )
            if not {*modalities} & {*technique.modalities}:
                only = " and ".join(f"{served}s" for served in technique.modalities)
                serving = [
                    other.name
                    for other in techniques().values()
                    if {*modalities} & {*other.modalities} and task in other.tasks
                ]
                shapes = ""
                if technique.modalities == ("image",):
                    shapes = "images are arrays (n, height, width, channels), grey ones too; "
                raise UserError(
                    "technique-not-for-data",
                    f"{name} is not defined for {given} (only for {only})",
                    f"{shapes}for {given}: {', '.join(serving)}",
                )

    def filled(self, values: Mapping[tuple[str, str], float]) -> Recipe:
        """Return the recipe with open strengths given.

        Parameters
        ----------
        values : mapping of (technique, strength) to float

        Returns
        -------
        Recipe
        """
        return replace(
            self,
            parts=tuple(
                replace(
                    part,
                    strengths=(
                        *part.strengths,
                        *((s, value) for (t, s), value in values.items() if t == part.technique),
                    ),
                )
                for part in self.parts
            ),
        )

    @property
    def grid_size(self) -> int:
        """How many recipes the product of the default grids of the open strengths holds."""
        size = 1
        for technique, strength in self.open_strengths:
            size *= len(find_technique(technique).strength(strength).grid)
        return size

    def grid(self, limit: int = 16, seed: int = 0) -> tuple[Recipe, ...]:
        """Return what is tried for the open strengths, from weak to strong.

        Parameters
        ----------
        limit : int
            How many recipes at most. Where the product of the grids holds more (`grid_size`
            tells), one open strength is thinned evenly and several are sampled quasi-randomly.
        seed : int
            Of that sample.

        Returns
        -------
        tuple of Recipe
            Without open strengths. Where several are open, weaker means a smaller mean place in
            their grids.
        """
        grids = [find_technique(t).strength(s).grid for t, s in self.open_strengths]
        points = grid_points(tuple(map(len, grids)), limit=limit, seed=seed)
        return tuple(
            self.filled(
                {
                    where: grid[i]
                    for where, grid, i in zip(self.open_strengths, grids, point, strict=True)
                }
            )
            for point in points
        )
