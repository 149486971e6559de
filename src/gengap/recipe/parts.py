"""One technique of a recipe, with those strengths and options that are given."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gengap.errors import UserError, suggest
from gengap.recipe.grammar import COMMA, format_number, malformed, split
from gengap.techniques.base import Strength
from gengap.techniques.discovery import find_technique

__all__ = ["Part"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PART = re.compile(r"(?P<name>[^=(]*?)\s*(=\s*(?P<value>.*)|\((?P<settings>.*)\))?", re.DOTALL)


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
            raise malformed(text, "a part is NAME, NAME=VALUE or NAME(strength=value, ...)")
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
        for setting in split(COMMA, match["settings"]) if match["settings"] else ():
            name, equals, value = (piece.strip() for piece in setting.partition("="))
            if not equals or not name or not value:
                raise malformed(text, "in parentheses stand strength=value or option=word")
            if name in option_names:
                options.append((name, value))
            elif name in {s.name for s in technique.strengths}:
                strengths.append((name, _number(technique.name, name, value)))
            else:
                options.append((name, value))  # refused below, with a suggestion
        return cls(technique.name, tuple(strengths), tuple(options))


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
