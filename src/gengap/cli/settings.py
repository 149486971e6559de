"""Settings that stand in a file: ``[tool.gengap]`` of pyproject.toml, or gengap.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gengap.errors import UserError, suggest

__all__ = ["PREFIX", "Settings", "check_environment", "read_settings"]

PREFIX = "GENGAP_"

# They set gengap up, not a command.
_NOT_OPTIONS = frozenset({"cache_dir"})


@dataclass(frozen=True)
class Settings:
    """What a file in the working directory sets.

    Attributes
    ----------
    path : Path, optional
        The file; None where there is none.
    values : mapping
        Option -> value, in the spelling of Python (``batch_size``).
    """

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def read_settings(folder: Path, options: Collection[str]) -> Settings:
    """Read ``gengap.toml`` or, where there is none, ``[tool.gengap]`` of ``pyproject.toml``.

    Parameters
    ----------
    folder : Path
        The working directory.
    options : collection of str
        What may be set, in the spelling of Python.

    Returns
    -------
    Settings

    Raises
    ------
    UserError
        ``bad-settings`` for a file that cannot be read, ``unknown-setting`` for a key that no
        option has.
    """
    path = folder / "gengap.toml"
    if path.is_file():
        table: Any = _toml(path)
    else:
        path = folder / "pyproject.toml"
        if not path.is_file():
            return Settings()
        tool = _toml(path).get("tool")
        table = tool.get("gengap") if isinstance(tool, dict) else None
        if table is None:
            return Settings()
    if not isinstance(table, dict):
        raise UserError(
            "bad-settings",
            f"gengap's settings in {path} are no table",
            "write them below a line [tool.gengap], such as: folds = 5",
        )
    values = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in options:
            spelled = [option.replace("_", "-") for option in options]
            raise UserError(
                "unknown-setting",
                f"unknown setting {key!r} in {path}",
                suggest(key.replace("_", "-"), spelled, noun="settings", show=len(spelled)),
            )
        values[name] = _value(name, value, path)
    return Settings(path, values)


def check_environment(environment: Mapping[str, str], options: Collection[str]) -> None:
    """Refuse a ``GENGAP_...`` variable that sets nothing.

    Parameters
    ----------
    environment : mapping of str to str
    options : collection of str
        What may be set, in the spelling of Python.

    Raises
    ------
    UserError
        ``unknown-setting``.
    """
    known = sorted(PREFIX + name.upper() for name in {*options, *_NOT_OPTIONS})
    for name in environment:
        spelled = name.upper() if os.name == "nt" else name
        if spelled.startswith(PREFIX) and spelled not in known:
            raise UserError(
                "unknown-setting",
                f"unknown environment variable {name}",
                suggest(name, known, noun="variables", show=len(known)),
            )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            "bad-settings", f"cannot read {path}: {error.strerror}", "permit reading, or remove it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            "bad-settings", f"{path} is not a TOML file: {error}", "mend or remove it"
        ) from error


def _value(name: str, value: Any, path: Path) -> Any:
    if name == "techniques" and isinstance(value, list):
        value = ",".join(map(str, value))
    if name == "allow" and isinstance(value, str):
        return [value]
    if isinstance(value, dict) or (isinstance(value, list) and name != "allow"):
        raise UserError(
            "bad-settings",
            f"{name.replace('_', '-')} in {path} must be one value, got {value!r}",
            "write it as on the command line",
        )
    return value
