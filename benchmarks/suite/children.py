"""Contenders run in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["ContenderError", "Record", "run"]

CONTENDERS = Path(__file__).parents[1] / "contenders"

Record = dict[str, Any]


class ContenderError(Exception):
    """A contender that ended without an answer.

    Its message is the last line that the contender wrote, `output` is all of it.
    """

    def __init__(self, script: str, output: str) -> None:
        lines = output.strip().splitlines()
        super().__init__(lines[-1] if lines else f"{script} ended without a word")
        self.output = output


def run(
    python: Path, script: str, spec: Record, environment: dict[str, str] | None = None
) -> Record:
    """Run a script of `contenders/` and return its answer, with the seconds of the process.

    Parameters
    ----------
    python : Path
    script : str
    spec : dict
        What it is asked.
    environment : dict of str, optional
        Besides the one of this process.

    Raises
    ------
    ContenderError
        Where it failed.
    """
    # A compile cache that is set for everything would make the loops faster than they are.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "jax"}
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked.json"
        asked.write_text(json.dumps(spec), encoding="utf-8")
        started = time.perf_counter()
        done = subprocess.run(
            [str(python), str(CONTENDERS / f"{script}.py"), str(asked)],
            env=inherited | quiet | (environment or {}),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        raise ContenderError(script, done.stderr)
    answer: Record = json.loads(done.stdout.splitlines()[-1])
    return answer | {"process": seconds}
