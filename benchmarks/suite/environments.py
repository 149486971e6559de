"""Environments of the peers: made once, from a file of pinned versions, below a folder."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Environments"]

REQUIREMENTS = Path(__file__).parents[1]


@dataclass
class Environments:
    """Pythons that have the peers' libraries.

    Attributes
    ----------
    folder : Path
        Each environment is a folder in it.
    install : bool
        Whether what is not there is installed.
    """

    folder: Path
    install: bool
    _found: dict[str, Path | str] = field(default_factory=dict)

    def python(self, name: str | None) -> Path | str:
        """Return the python of an environment, or the reason why there is none, in words."""
        if name is None:
            return Path(sys.executable)
        if name not in self._found:
            self._found[name] = self._make(name)
        return self._found[name]

    def _make(self, name: str) -> Path | str:
        requirements = REQUIREMENTS / f"requirements-{name}.txt"
        environment = self.folder / name
        python = environment / "bin" / "python"
        done = environment / "installed"
        wanted = requirements.read_text(encoding="utf-8")
        if done.exists() and done.read_text(encoding="utf-8") == wanted:
            return python
        if not self.install:
            return f"not installed: {requirements.name}"
        print(f"installing {requirements.name} below {self.folder}", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", str(environment)],
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)],
        ):
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                lines = (ended.stderr or ended.stdout).strip().splitlines()
                errors = [line for line in lines if line.startswith("ERROR")] or lines
                return f"cannot be installed: {errors[-1] if errors else ended.returncode}"
        done.write_text(wanted, encoding="utf-8")
        return python
