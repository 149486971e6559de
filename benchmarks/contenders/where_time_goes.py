"""Where the seconds of one study go: its phases, and the operations of its lanes' epochs."""

from __future__ import annotations

import functools
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from asked import answer, asked, versions
from jax.profiler import ProfileData

import gengap
from gengap import finish, refit, training
from gengap.lanes import reading
from gengap.lanes.compiled import Compiled

compare = gengap.compare
spec = asked()


class Clock:
    """Seconds by phase; what a phase calls is its own, but for other phases within it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._stack: list[str] = []
        self._since = time.perf_counter()

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._stack:
            # Whatever the refit does is the refit.
            phase = "refit" if "refit" in self._stack else self._stack[-1]
            self.seconds[phase] += now - self._since
        self._since = now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what follows for a phase."""
        self._turn()
        self._stack.append(name)
        try:
            yield
        finally:
            self._turn()
            self._stack.pop()

    def time(self, owner: Any, name: str, phase: str) -> None:
        """Let the calls of a function count for a phase."""
        function = getattr(owner, name)

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.phase(phase):
                return function(*arguments, **named)

        setattr(owner, name, timed)


class Epochs:
    """Makes every call that trains epochs wait for its end; the first of a study can be traced."""

    def __init__(self, clock: Clock) -> None:
        self.operations: dict[str, float] = {}
        self.trace = False
        self._clock = clock
        original = Compiled.advance.func

        def advance(compiled: Compiled) -> Callable[..., Any]:
            return functools.partial(self._call, original(compiled))

        replaced = functools.cached_property(advance)
        replaced.__set_name__(Compiled, "advance")
        Compiled.advance = replaced

    def _call(self, function: Any, *arguments: Any) -> Any:
        if not self.trace:
            with self._clock.phase("epochs"):
                return jax.block_until_ready(function(*arguments))
        self.trace = False
        jax.block_until_ready(arguments)
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder):
                found = jax.block_until_ready(function(*arguments))
            (path,) = Path(folder).rglob("*.xplane.pb")
            self.operations = kinds_of_operations(
                ProfileData.from_file(str(path)), function.as_text()
            )
        return found


#: What an operation is for, by the first word that its origin in the program holds.
KINDS = (
    ("products", r"dot_general|conv_general_dilated"),
    ("the optimizer", r"/(adam|sgd|apply)\w*/"),
    ("fetching rows", r"/gather$"),
    ("moving", r"/(transpose|concatenate|pad|slice|copy|broadcast_in_dim)$"),
)


def kinds_of_operations(profile: ProfileData, program: str) -> dict[str, float]:
    """Return the share of every kind of operation in what was traced."""
    origins = dict(re.findall(r'%?([\w.-]+) = [^\n]*op_name="([^"]*)"', program))
    shares: Counter[str] = Counter()
    for plane in profile.planes:
        for line in plane.lines:
            for event in line.events:
                # Loops last as long as what is in them.
                if "hlo_op" not in dict(event.stats) or event.name.startswith(("while", "call")):
                    continue
                origin = origins.get(event.name, "")
                found = (kind for kind, pattern in KINDS if re.search(pattern, origin))
                shares[next(found, "the rest")] += event.duration_ns
    total = sum(shares.values())
    return {kind: nanoseconds / total for kind, nanoseconds in shares.items()}


def network() -> Any:
    """Return the user's own network; `compare` calls it when the cores are set up."""
    from keras_network import build, compiled

    return compiled(build(spec, bytes_in=spec["bytes_in"]), spec)


def study(asked_for: dict[str, Any]) -> float:
    """Run one study and return its seconds."""
    with np.load(spec["data"]) as data:
        x, y = data["x"], data["y"]
    began = time.perf_counter()
    compare(
        x,
        y,
        spec["model"] or "__main__:network",
        asked_for["techniques"],
        folds=asked_for["folds"],
        epochs=asked_for["epochs"],
        batch_size=spec["batch_size"],
        metric="accuracy",
    )
    return time.perf_counter() - began


clock = Clock()
epochs = Epochs(clock)
clock.time(Future, "result", "waiting for the compiler")
clock.time(training, "compile_program", "tracing")
clock.time(refit, "compile_program", "tracing")
clock.time(training, "score", "scoring")
clock.time(reading, "_read", "reading out")
clock.time(finish, "refit", "refit")
whole, traced = spec["studies"]
call = study(whole)
seconds = dict(clock.seconds)
epochs.trace = True
study(traced)
answer(
    {
        "call": call,
        "phases": seconds | {"the rest": call - sum(seconds.values())},
        "operations": epochs.operations,
        "versions": versions("gengap", "keras", "jax", "jaxlib"),
    }
)
