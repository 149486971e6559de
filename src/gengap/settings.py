"""The numbers of a study, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gengap.errors import UserError

__all__ = ["check_folds", "check_settings"]

#: The least that each whole number may be.
_LEAST = {"folds": 2, "repeats": 1, "epochs": 1, "batch_size": 1, "seed": 0}

#: Numbers that must be above zero, where they are given.
_POSITIVE = ("learning_rate", "budget")


def check_settings(given: Mapping[str, Any]) -> None:
    """Refuse numbers that no study can have.

    Parameters
    ----------
    given : mapping
        The arguments of `gengap.compare` by name.

    Raises
    ------
    UserError
        ``bad-setting``.
    """
    for name in _LEAST:
        _check_whole(name, given[name])
    for name in _POSITIVE:
        value = given[name]
        if value is not None and not (_is_number(value) and value > 0):
            raise _bad(name, "a number above 0", value)
    rope = given["rope"]
    if rope is not None and not (_is_number(rope) and rope >= 0):
        raise _bad("rope", "a number of at least 0, in the unit of the metric", rope)


def check_folds(folds: int) -> None:
    """Refuse a number of folds that no study can have, as `check_settings` does."""
    _check_whole("folds", folds)


def _check_whole(name: str, value: Any) -> None:
    least = _LEAST[name]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not hasattr(value, "__index__"):
        raise _bad(name, f"a whole number of at least {least}", value)
    if value < least:
        raise _bad(name, f"at least {least}", value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bad(name: str, expected: str, value: Any) -> UserError:
    option = "--" + name.replace("_", "-")
    return UserError(
        "bad-setting",
        f"{option} must be {expected}, received {value!r}",
        f"leave {option} out for its default",
    )
