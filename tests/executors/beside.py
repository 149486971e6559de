"""A study in a child process, on whatever backend these tests run.

`make test` runs them on JAX, where the child is asked for; `make test-backends` on others, where
`gengap.compare` decides for it.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras

import gengap
from gengap.executors.process import compare_in_child
from gengap.progress import Progress, SilentProgress

ON_JAX = keras.config.backend() == "jax"


def compare_beside(
    x: Any,
    y: Any = None,
    model: Any = None,
    techniques: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> gengap.Study:
    """Compare in a child process."""
    if not ON_JAX:
        return gengap.compare(x, y, model, techniques, progress=progress, **settings)
    parameters = inspect.signature(gengap.compare).parameters
    given = {name: parameter.default for name, parameter in parameters.items()}
    given |= {"model": model, "techniques": techniques, **settings}
    for name in ("x", "y", "progress"):
        del given[name]
    return compare_in_child(x, y, given, progress or SilentProgress())
