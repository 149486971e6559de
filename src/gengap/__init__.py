"""Find out which regularization closes the generalization gap of your Keras network.

>>> import gengap
>>> study = gengap.compare("sklearn:breast_cancer")  # doctest: +SKIP
>>> study.table()  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gengap.backend import cores

if TYPE_CHECKING:
    from gengap.compare import compare
    from gengap.errors import GengapError, UnfinishedError, UserError
    from gengap.recipe import Recipe
    from gengap.study import Study

__all__ = [
    "GengapError",
    "Recipe",
    "Study",
    "UnfinishedError",
    "UserError",
    "__version__",
    "compare",
]

__version__ = "0.1.0"

_HOMES = {
    "GengapError": "gengap.errors",
    "Recipe": "gengap.recipe",
    "Study": "gengap.study",
    "UnfinishedError": "gengap.errors",
    "UserError": "gengap.errors",
    "compare": "gengap.compare",
}

if "keras" not in sys.modules:
    # Also decides over keras.json, which Keras writes by itself and nobody chose.
    os.environ.setdefault("KERAS_BACKEND", "jax")

if "jax" not in sys.modules and "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    # JAX counts its devices when it first computes something, for which building a network is
    # enough: one device a core, so that the lanes find all cores.
    os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores()))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps `gengap.compare` the function where importing it would bind the module of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
