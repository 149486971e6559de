"""Find techniques by walking their package: a new file is a new technique, and no list grows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import gengap.techniques
from gengap.errors import UserError, suggest
from gengap.techniques.base import Technique

__all__ = ["find_technique", "techniques"]

_NOT_A_TECHNIQUE = frozenset({"base", "discovery", "hooks", "plain_keras"})


@cache
def techniques() -> Mapping[str, Technique]:
    """Return every technique by its name, in alphabetical order.

    Each module of `gengap.techniques`, except the ones that define what a technique is, holds
    exactly one module-level ``TECHNIQUE``; a module without one is a fault of that module.

    Returns
    -------
    mapping of str to Technique

    Raises
    ------
    TypeError
        If a module has no ``TECHNIQUE``, or two techniques have one name.
    """
    found: dict[str, Technique] = {}
    for module_info in pkgutil.iter_modules(gengap.techniques.__path__):
        if module_info.name in _NOT_A_TECHNIQUE:
            continue
        module = importlib.import_module(f"{gengap.techniques.__name__}.{module_info.name}")
        technique = getattr(module, "TECHNIQUE", None)
        if not isinstance(technique, Technique):
            raise TypeError(f"{module.__name__} must define TECHNIQUE, a Technique")
        if technique.name in found:
            raise TypeError(f"{module.__name__}: another technique is called {technique.name!r}")
        found[technique.name] = technique
    return MappingProxyType(dict(sorted(found.items())))


def find_technique(name: str) -> Technique:
    """Return the technique called `name`.

    Parameters
    ----------
    name : str

    Returns
    -------
    Technique

    Raises
    ------
    UserError
        ``unknown-technique``, with the closest name there is.
    """
    catalogue = techniques()
    if name not in catalogue:
        raise UserError(
            "unknown-technique",
            f"unknown technique {name!r}",
            suggest(name, catalogue, noun="techniques", show=len(catalogue)),
        )
    return catalogue[name]
