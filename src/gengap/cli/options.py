"""The options that commands share, each also a setting and an environment variable."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from gengap.cli.settings import PREFIX
from gengap.data.paths import check_exists
from gengap.errors import UserError, suggest

__all__ = [
    "Budget",
    "DataName",
    "Finite",
    "Words",
    "data_argument",
    "flag",
    "option",
    "output_options",
]

_F = TypeVar("_F", bound=Callable[..., Any])

_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


class DataName(click.ParamType):  # type: ignore[type-arg] # generic in newer ones only
    """The name of data; what is not there is refused before anything is imported to read it."""

    name = "data"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or refuse it."""
        name = str(value)  # in a file of settings it may be anything
        check_exists(name)
        return name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete names of files."""
        return [CompletionItem(incomplete, type="file")]


class Words(click.Choice[str]):
    """One of a few words; another one is answered with the closest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word, or refuse it."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            name = param.opts[0] if param is not None else "it"
            raise UserError(
                "unknown-word",
                f"{name} cannot be {value!r}",
                suggest(str(value), [str(c) for c in self.choices], noun="choices"),
            ) from error


class Budget(click.ParamType):  # type: ignore[type-arg] # generic in newer ones only
    """A duration such as ``60s``, ``5m`` or ``1h``, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, or refuse the text."""
        match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*", str(value).lower())
        if match is None or match[2] not in _SECONDS or float(match[1]) == 0:
            raise UserError(
                "bad-budget",
                f"{value!r} is not a duration",
                "write it like 60s, 5m or 1h",
            )
        return float(match[1]) * _SECONDS[match[2]]


class Finite(click.types.FloatParamType):
    """A number that is neither infinite nor none at all."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def option(name: str, **settings: Any) -> Callable[[_F], _F]:
    """Return an option that can also be set in the environment.

    Parameters
    ----------
    name : str
        Such as ``"--batch-size"``.
    **settings
        As for `click.option`.
    """
    variable = PREFIX + name.removeprefix("--").replace("-", "_").upper()
    settings.setdefault("show_default", settings.get("default") is not None)
    return click.option(name, envvar=variable, **settings)


def flag(*names: str, text: str) -> Callable[[_F], _F]:
    """Return a switch; it stands on the command line only."""
    return click.option(*names, is_flag=True, help=text)


def data_argument(function: _F) -> _F:
    """Add the argument DATA."""
    return click.argument("data", metavar="DATA", type=DataName())(function)


def output_options(function: _F) -> _F:
    """Add the switches that say how much is printed, and in which form."""
    for add in (
        flag("-v", "--verbose", text="Show the warnings of libraries, and tracebacks of faults."),
        flag("-q", "--quiet", text="Print nothing but the result, in short."),
        flag("--json", "as_json", text="Print exactly one JSON document, on errors too."),
    ):
        function = add(function)
    return function
