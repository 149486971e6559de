"""What every test runs under."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("KERAS_BACKEND", "jax")  # tests may import Keras before gengap
os.environ.setdefault("MPLBACKEND", "agg")
# Several devices, also where a runner has one core: lanes are laid over them.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
# Compiled programs are kept for this process and those that it starts: JAX writes them in one go
# to where another process may be reading.
_compiled = tempfile.TemporaryDirectory(prefix="gengap-tests-", ignore_cleanup_errors=True)
os.environ["GENGAP_CACHE_DIR"] = _compiled.name

# No deadline: the first example pays for imports and compilation. Derandomized: a run of the
# suite that failed fails again.
settings.register_profile("gengap", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("gengap")


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs_go_with_their_file() -> Iterator[None]:
    """Let go of what was compiled: every program holds pages, of which Linux grants a number."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


class ByFile(LoadScopeScheduling):
    """Let the tests of a file run in one process, where they share what is compiled.

    The contract of the techniques is compiled anew for every kind of data: each may have its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        if path.endswith("test_contract.py"):
            return f"{path} {test.partition('[')[2].partition('-')[0]}"
        return path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Deal the tests out to the processes that pytest-xdist starts."""
    return ByFile(config, log)
