"""What a contender is asked to train, and how it answers; the standard library and NumPy only.

A contender is a script that runs in a process of its own: its one argument is a JSON file, the
last line that it prints is its answer as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["answer", "arrays", "asked", "timed", "versions"]


def asked() -> dict[str, Any]:
    """Return what stands in the file that the first argument names."""
    found: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return found


def arrays(spec: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Return the prepared rows of a loop: training inputs and targets, and those held out."""
    with np.load(spec["data"]) as data:
        return tuple(data[name] for name in ("x_train", "y_train", "x_held", "y_held"))


def timed(
    spec: dict[str, Any],
    train: Callable[[int, float, int], Any],
    score: Callable[[Any], float],
) -> dict[str, list[float]]:
    """Time the trials of a loop; the library's own start is not a trial's, nor is the scoring.

    Parameters
    ----------
    spec : dict
    train : callable
        ``(epochs, rate, seed) -> network``. The rates of dropout are those that the work lists, in
        turn.
    score : callable
        ``(network) -> accuracy`` on the rows held out.

    Returns
    -------
    dict
        ``seconds`` and ``held``, a number a trial.
    """
    rates = spec["rates"]
    train(1, rates[0], 0)
    seconds, held = [], []
    for number in range(spec["trials"]):
        started = time.perf_counter()
        network = train(spec["epochs"], rates[number % len(rates)], number)
        seconds.append(time.perf_counter() - started)
        held.append(score(network))
    return {"seconds": seconds, "held": held}


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    installed = {d.metadata["Name"].lower().replace("_", "-") for d in metadata.distributions()}
    return {name: metadata.version(name) for name in packages if name in installed}


def answer(record: dict[str, Any]) -> None:
    """Print the answer."""
    print(json.dumps(record, allow_nan=False))
