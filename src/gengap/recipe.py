"""A recipe is a set of techniques with strengths: parse it, print it, combine it, check it.

Grammar (blanks are optional; the ``+`` of ``1e+4`` is no separator)::

    candidates = recipe {"," recipe}
    recipe     = "baseline" | "none" | part {"+" part}
    part       = NAME | NAME "=" NUMBER | NAME "(" [NAME "=" (NUMBER | WORD) {"," ...}] ")"

``NAME=NUMBER`` gives a technique's first strength. A strength that is not given is open: it is
chosen on validation data from the technique's default grid.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from gengap.errors import UserError, suggest
from gengap.techniques.base import Strength
from gengap.techniques.discovery import find_technique

__all__ = ["Part", "Recipe", "format_number", "parse_candidates"]

BASELINE = "baseline"
NONE = "none"

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PLUS_BETWEEN_PARTS = re.compile(r"(?<![0-9.][eE])\+|\+(?![0-9])")
_COMMA = re.compile(",")
_PART = re.compile(r"(?P<name>[^=(]*?)\s*(=\s*(?P<value>.*)|\((?P<settings>.*)\))?", re.DOTALL)


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


@dataclass(frozen=True)
class Part:
    """One technique of a recipe; checked and put into canonical order when it is made.

    Attributes
    ----------
    technique : str
    strengths : tuple of (str, float)
        The strengths that are given, in the order in which the technique declares them.
    options : tuple of (str, str)
        The options that differ from the technique's defaults, likewise.

    Raises
    ------
    UserError
        For an unknown technique, strength, option or word, a value out of bounds, a duplicate.
    """

    technique: str
    strengths: tuple[tuple[str, float], ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        technique = find_technique(self.technique)
        given = dict(self.strengths)
        words = dict(self.options)
        strength_names = [s.name for s in technique.strengths]
        option_names = [o.name for o in technique.options]
        _refuse_duplicates(self.technique, [n for n, _ in (*self.strengths, *self.options)])
        for name in (*given, *words):
            if name not in (strength_names if name in given else option_names):
                raise UserError(
                    "unknown-strength",
                    f"{self.technique} has no strength or option {name!r}",
                    suggest(name, strength_names + option_names, noun="strengths and options"),
                )
        for option in technique.options:
            word = words.get(option.name, option.choices[0])
            if word not in option.choices:
                raise UserError(
                    "unknown-option",
                    f"{self.technique}: {option.name} cannot be {word!r}",
                    suggest(word, option.choices, noun="words"),
                )
        strengths = tuple(
            (s.name, _checked(self.technique, s, given[s.name]))
            for s in technique.strengths
            if s.name in given
        )
        options = tuple(
            (o.name, words[o.name])
            for o in technique.options
            if words.get(o.name, o.choices[0]) != o.choices[0]
        )
        object.__setattr__(self, "strengths", strengths)
        object.__setattr__(self, "options", options)

    def __str__(self) -> str:
        declared = find_technique(self.technique).strengths
        if not self.strengths and not self.options:
            return self.technique
        if not self.options and [name for name, _ in self.strengths] == [declared[0].name]:
            return f"{self.technique}={format_number(self.strengths[0][1])}"
        settings = [f"{name}={format_number(value)}" for name, value in self.strengths]
        settings += [f"{name}={word}" for name, word in self.options]
        return f"{self.technique}({', '.join(settings)})"

    @property
    def open_strengths(self) -> tuple[str, ...]:
        """Names of the strengths that are not given."""
        given = dict(self.strengths)
        return tuple(
            s.name for s in find_technique(self.technique).strengths if s.name not in given
        )

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read one part, such as ``"l2=1e-4"`` or ``"early_stopping(patience=5)"``.

        Raises
        ------
        UserError
        """
        match = _PART.fullmatch(text.strip())
        if match is None or not match["name"]:
            raise _malformed(text, "a part is NAME, NAME=VALUE or NAME(strength=value, ...)")
        technique = find_technique(match["name"])
        if match["value"] is not None:
            if not technique.strengths:
                raise UserError(
                    "unknown-strength",
                    f"{technique.name} has no strength, but {match['value'].strip()!r} is given",
                    f"write it as: {technique.name}",
                )
            first = technique.strengths[0].name
            return cls(technique.name, ((first, _number(technique.name, first, match["value"])),))
        strengths: list[tuple[str, float]] = []
        options: list[tuple[str, str]] = []
        option_names = {option.name for option in technique.options}
        for setting in _split(_COMMA, match["settings"]) if match["settings"] else ():
            name, equals, value = (piece.strip() for piece in setting.partition("="))
            if not equals or not name or not value:
                raise _malformed(text, "in parentheses stand strength=value or option=word")
            if name in option_names:
                options.append((name, value))
            elif name in {s.name for s in technique.strengths}:
                strengths.append((name, _number(technique.name, name, value)))
            else:
                options.append((name, value))  # refused below, with a suggestion
        return cls(technique.name, tuple(strengths), tuple(options))


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
        pieces = _split(_PLUS_BETWEEN_PARTS, stripped)
        for piece in pieces:
            if not piece:
                raise _malformed(text, "a technique is missing beside a '+'")
            if piece in (BASELINE, NONE):
                raise _malformed(text, f"{piece!r} stands alone and is not combined")
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

    def check(self, task: str, modality: str = "table") -> None:
        """Refuse a recipe that is not made for this task or this kind of data.

        Parameters
        ----------
        task : {"classification", "regression"}
        modality : {"table", "image", "sequence"}

        Raises
        ------
        UserError
            ``technique-not-for-task``.
        """
        for name in self.names:
            technique = find_technique(name)
            for what, served in ((task, technique.tasks), (modality, technique.modalities)):
                if what not in served:
                    raise UserError(
                        "technique-not-for-task",
                        f"{name} is not defined for {what} (only for {' and '.join(served)})",
                        f"leave {name} out of the techniques",
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
        lengths = tuple(len(grid) for grid in grids)
        if self.grid_size <= limit:
            points = list(itertools.product(*(range(length) for length in lengths)))
        else:
            points = _thinned(lengths, limit, seed)

        def strength(point: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
            places = (i / (n - 1) for i, n in zip(point, lengths, strict=True) if n > 1)
            return sum(places), point

        return tuple(
            self.filled(
                {
                    where: grid[i]
                    for where, grid, i in zip(self.open_strengths, grids, point, strict=True)
                }
            )
            for point in sorted(points, key=strength)
        )


def parse_candidates(candidates: str | Iterable[str | Recipe]) -> tuple[Recipe, ...]:
    """Read a list of recipes to compare.

    Parameters
    ----------
    candidates : str or iterable of str or Recipe
        ``"A,B+C,D=0.3"``, split at the commas outside parentheses; or the recipes one by one.

    Returns
    -------
    tuple of Recipe
        In the order given; ``baseline`` only where it is listed.

    Raises
    ------
    UserError
        For a recipe that cannot be read or that stands twice.
    """
    pieces = _split(_COMMA, candidates) if isinstance(candidates, str) else list(candidates)
    recipes: list[Recipe] = []
    for piece in pieces:
        if isinstance(piece, str) and not piece.strip():
            raise UserError(
                "bad-recipe",
                f"an empty candidate in {str(candidates)!r}",
                "separate candidates by single commas; write 'baseline' for the empty recipe",
            )
        recipe = piece if isinstance(piece, Recipe) else Recipe.parse(piece)
        if recipe in recipes:
            raise UserError(
                "duplicate-candidate",
                f"the candidate '{recipe}' is listed twice",
                "the order of a recipe's techniques makes no difference; list it once",
            )
        recipes.append(recipe)
    return tuple(recipes)


def _split(separator: re.Pattern[str], text: str) -> list[str]:
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
        raise _malformed(text, "its parentheses do not match")
    return [*pieces, text[start:].strip()]


def _thinned(lengths: tuple[int, ...], limit: int, seed: int) -> list[tuple[int, ...]]:
    from scipy.stats import qmc

    varying = [dimension for dimension, length in enumerate(lengths) if length > 1]
    points: dict[tuple[int, ...], None] = {}
    if len(varying) == 1:
        last = lengths[varying[0]] - 1
        for step in range(limit):
            place = round(step * last / (limit - 1)) if limit > 1 else last // 2
            points[tuple(place if d == varying[0] else 0 for d in range(len(lengths)))] = None
        return list(points)
    sampler = qmc.Halton(len(lengths), scramble=True, rng=seed)
    while len(points) < limit:
        for row in sampler.random(limit):
            point = tuple(int(u * length) for u, length in zip(row, lengths, strict=True))
            if len(points) < limit:
                points[point] = None
    return list(points)


def _number(technique: str, strength: str, text: str) -> float:
    if _NUMBER.fullmatch(text.strip()) is None:
        raise UserError(
            "bad-strength",
            f"{technique}: {strength} must be a number, got {text.strip()!r}",
            f"write it like {technique}={format_number(_example(technique, strength))}",
        )
    return float(text)


def _example(technique: str, strength: str) -> float:
    grid = find_technique(technique).strength(strength).grid
    return grid[len(grid) // 2]


def _checked(technique: str, strength: Strength, value: float) -> float:
    value = float(value)
    if not strength.low <= value <= strength.high:
        raise UserError(
            "strength-out-of-bounds",
            f"{technique}: {strength.name} must be between {strength.low:g} and "
            f"{strength.high:g}, got {value:g}",
            f"values worth trying: {', '.join(map(format_number, strength.grid))}",
        )
    if strength.integer and value != int(value):
        raise UserError(
            "strength-not-whole",
            f"{technique}: {strength.name} must be a whole number, got {value:g}",
            f"values worth trying: {', '.join(map(format_number, strength.grid))}",
        )
    return value


def _refuse_duplicates(technique: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                "duplicate-strength", f"{technique}: {name} is given twice", "give it once"
            )


def _malformed(text: str, what: str) -> UserError:
    return UserError(
        "bad-recipe",
        f"cannot read the recipe {text.strip()!r}: {what}",
        "recipes look like: l2=1e-4 + dropout=0.3, early_stopping(patience=5), baseline",
    )
