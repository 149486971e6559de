"""How a candidate is named: its recipe, with the strengths that its folds and its refit chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gengap.errors import UserError
from gengap.recipe import Recipe, format_number
from gengap.results import CandidateResult, Dose, Results, StrengthChoice
from gengap.techniques.discovery import find_technique

__all__ = ["called", "named", "refit_strength", "strengths"]


@dataclass(frozen=True)
class _Chosen:
    technique: str
    strength: str
    by_fold: tuple[float, ...]
    refit: float


def called(recipe: str) -> str:
    """Write a recipe's name in a sentence: `none` alone would read as if there were no model."""
    return "none (your own switched off)" if recipe == "none" else recipe


def refit_strength(results: Results, dose: Dose) -> float | None:
    """Return the value of a dose's strength that its candidate is refitted with.

    Parameters
    ----------
    results : Results
    dose : Dose

    Returns
    -------
    float, optional
        The one choice over all folds (`gengap.analysis.selection`); None where none is recorded.
    """
    row = next((row for row in results.recipes if row.recipe == dose.candidate), None)
    choice = None if row is None else row.strengths.get(dose.technique)
    if choice is None:
        return None
    refit = choice.refit[dose.strength] if isinstance(choice.refit, Mapping) else choice.refit
    return float(refit)


def named(row: CandidateResult) -> str:
    """Write a candidate with the strengths of its refit.

    Parameters
    ----------
    row : CandidateResult

    Returns
    -------
    str
        Such as ``"l2=1e-4 + dropout=0.3"`` for the candidate ``"l2 + dropout"``. Strengths whose
        default grid has a single value say nothing new and are left out.
    """
    chosen = _chosen(row)
    if not chosen:
        return called(row.recipe)
    try:
        recipe = Recipe.parse(row.recipe)
        return str(recipe.filled({(c.technique, c.strength): c.refit for c in chosen}))
    except UserError:
        settings = ", ".join(f"{c.technique}={format_number(c.refit)}" for c in chosen)
        return f"{row.recipe} ({settings})"


def strengths(row: CandidateResult, *, brief: bool = False) -> str:
    """Write what was chosen (``"0.3 (folds: 0.2 to 0.5)"``); empty where nothing was open.

    Parameters
    ----------
    row : CandidateResult
    brief : bool
        Whether only the refit's numbers are wanted (``"1e-4, 0.3"``).
    """
    chosen = _chosen(row)
    if brief:
        return ", ".join(format_number(c.refit) for c in chosen)
    techniques = [c.technique for c in chosen]
    texts = []
    for c in chosen:
        text = format_number(c.refit)
        if c.by_fold and min(c.by_fold) != max(c.by_fold):
            low, high = format_number(min(c.by_fold)), format_number(max(c.by_fold))
            text += f" (folds: {low} to {high})"
        if len(chosen) > 1:
            text = f"{c.strength if techniques.count(c.technique) > 1 else c.technique} {text}"
        texts.append(text)
    return ", ".join(texts)


def _chosen(row: CandidateResult) -> list[_Chosen]:
    """Return the strengths that the recipe left open and that were picked from several."""
    try:
        is_open = set(Recipe.parse(row.recipe).open_strengths)
    except UserError:  # a technique of another installation: trust the record
        is_open = None
    return [
        chosen
        for technique, choice in row.strengths.items()
        for chosen in _by_strength(technique, choice)
        if (is_open is None or (technique, chosen.strength) in is_open)
        and _has_alternatives(technique, chosen.strength)
    ]


def _by_strength(technique: str, choice: StrengthChoice) -> list[_Chosen]:
    if isinstance(choice.refit, Mapping):
        return [
            _Chosen(
                technique,
                name,
                tuple(float(c[name]) for c in choice.chosen if isinstance(c, Mapping)),
                float(refit),
            )
            for name, refit in choice.refit.items()
        ]
    try:
        name = find_technique(technique).strengths[0].name
    except (UserError, IndexError):
        name = technique
    numbers = tuple(float(c) for c in choice.chosen if not isinstance(c, Mapping))
    return [_Chosen(technique, name, numbers, float(choice.refit))]


def _has_alternatives(technique: str, strength: str) -> bool:
    try:
        return len(find_technique(technique).strength(strength).grid) > 1
    except (UserError, StopIteration):
        return True
