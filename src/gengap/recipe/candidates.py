"""The list of recipes that a study compares."""

from __future__ import annotations

from collections.abc import Iterable

from gengap.errors import UserError
from gengap.recipe.grammar import COMMA, split
from gengap.recipe.recipes import Recipe

__all__ = ["parse_candidates"]


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
    pieces = split(COMMA, candidates) if isinstance(candidates, str) else list(candidates)
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
