"""A recipe is a set of techniques with strengths: parse it, print it, combine it, check it.

Grammar (blanks are optional; the ``+`` of ``1e+4`` is no separator)::

    candidates = recipe {"," recipe}
    recipe     = "baseline" | "none" | part {"+" part}
    part       = NAME | NAME "=" NUMBER | NAME "(" [NAME "=" (NUMBER | WORD) {"," ...}] ")"

``NAME=NUMBER`` gives a technique's first strength. A strength that is not given is open: it is
chosen on validation data from the technique's default grid.
"""

from __future__ import annotations

from gengap.recipe.candidates import parse_candidates
from gengap.recipe.grammar import format_number
from gengap.recipe.parts import Part
from gengap.recipe.recipes import Recipe

__all__ = ["Part", "Recipe", "format_number", "parse_candidates"]
