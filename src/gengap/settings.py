"""The settings of a study, checked before anything is read."""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any

from gengap.errors import UserError

__all__ = ["NUMBERS", "WHOLE_NUMBERS", "check_folds", "checked_settings"]

#: The least that each whole number may be.
_LEAST = {"folds": 2, "repeats": 1, "epochs": 1, "batch_size": 1, "seed": 0, "devices": 1}

WHOLE_NUMBERS = tuple(_LEAST)
#: What may be left out.
NUMBERS = ("learning_rate", "rope", "budget")

_EXPECTED = {
    "learning_rate": "a number above 0",
    "budget": "a number above 0, in seconds",
    "rope": "a number of at least 0, in the unit of the metric",
}

#: One of a few words each; which, is said where they are used.
_WORDS = ("metric", "duplicates", "class_weight")

#: Names of columns. Only groups may be something else, an entry a row.
_COLUMNS = ("target", "weight", "groups")


def checked_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse settings that no study can have.

    Parameters
    ----------
    given : mapping
        The arguments of `gengap.compare` by name.

    Returns
    -------
    dict
        The same, with NumPy's numbers as Python's, numbers that name a column as its name, and a
        single code to allow as a tuple.

    Raises
    ------
    UserError
        ``bad-setting``.
    """
    settings = dict(given)
    for name in WHOLE_NUMBERS:
        if given[name] is not None or name != "devices":
            settings[name] = _whole(name, given[name])
    for name in NUMBERS:
        settings[name] = _number(name, given[name])
    for name in _WORDS:
        _check_word(name, given[name])
    for name in _COLUMNS:
        settings[name] = _column(name, given[name])
    settings["allow"] = _codes(given["allow"])
    out = given["out"]
    if out is not None and not isinstance(out, str | os.PathLike):
        raise _bad("out", "the path of a folder", out)
    return settings


def check_folds(folds: int) -> None:
    """Refuse a number of folds that no study can have, as `checked_settings` does."""
    _whole("folds", folds)


def _whole(name: str, value: Any) -> int:
    least = _LEAST[name]
    try:
        whole = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = None
    if whole is None:
        raise _bad(name, f"a whole number of at least {least}", value)
    if whole < least:
        raise _bad(name, f"at least {least}", value)
    return whole


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if not _is_number(value) or not math.isfinite(value):
        raise _bad(name, _EXPECTED[name], value)
    number = value if isinstance(value, int) else float(value)
    if number < 0 or (number == 0 and name != "rope"):
        raise _bad(name, _EXPECTED[name], value)
    return number


def _check_word(name: str, value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    if name == "class_weight" and isinstance(value, Mapping):
        raise UserError(
            "bad-setting",
            "--class-weight takes no weights by class: every fold weights by its training rows",
            "write class_weight='balanced', or give every row the weight of its class: "
            "sample_weight= beside arrays, weight='COLUMN' beside a table",
        )
    raise _bad(name, "a word", value)


def _column(name: str, value: Any) -> Any:
    if value is None or isinstance(value, str) or (name == "groups" and not _is_number(value)):
        return value
    if _is_number(value):  # the names of a table's columns become text, too
        return str(value)
    raise _bad(name, "the name of a column", value)


def _codes(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    codes = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(code, str) for code in codes):
        raise _bad("allow", "codes of findings", value)
    return codes


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _bad(name: str, expected: str, value: Any) -> UserError:
    option = "--" + name.replace("_", "-")
    return UserError(
        "bad-setting",
        f"{option} must be {expected}, received {value!r}",
        f"leave {option} out for its default",
    )
