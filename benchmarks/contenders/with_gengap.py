"""Studies of `gengap.compare`, one after the other, and what each took."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from asked import answer, asked, versions

started = time.perf_counter()
import jax  # noqa: E402  (a part of what is measured)
import keras  # noqa: E402

import gengap  # noqa: E402
from gengap.progress import SilentProgress  # noqa: E402

compare = gengap.compare
IMPORTS = time.perf_counter() - started

spec = asked()


def network() -> keras.Model:
    """Return the user's own network; `compare` calls it when the cores are set up."""
    from keras_network import build, compiled

    return compiled(build(spec, bytes_in=spec["bytes_in"]), spec)


class TrainingTimes(SilentProgress):
    """Notes when the trials began and ended; the refit, which counts epochs, is not among them."""

    def start(self, total: int, unit: str = "trials") -> None:
        """Note the time."""
        self.unit = unit
        if unit == "trials":
            self.started = time.perf_counter()

    def finish(self) -> None:
        """Note the time."""
        if self.unit == "trials":
            self.seconds = time.perf_counter() - self.started


def most_bytes() -> int:
    """Return the most memory that this process has held.

    What the kernel calls the high-water mark is this program's own; getrusage also counts what the
    process was before it became this program, and stands in where there is no /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def study(asked_for: dict[str, Any]) -> dict[str, Any]:
    """Run one study."""
    with np.load(spec["data"]) as data:
        x, y = data["x"], data["y"]
    times = TrainingTimes()
    before = most_bytes()
    started = time.perf_counter()
    found = compare(
        x,
        y,
        spec["model"] or "__main__:network",
        asked_for["techniques"],
        folds=asked_for["folds"],
        epochs=asked_for["epochs"],
        batch_size=spec["batch_size"],
        metric="accuracy",
        progress=times,
    )
    seconds = time.perf_counter() - started
    protocol = found.results.protocol
    trials = found.trials
    return {
        "call": seconds,
        "training": times.seconds,
        "trials": protocol.trials,
        "runs": protocol.runs,
        "programs": protocol.programs,
        "lanes": max(planned.layout.lanes for planned in found.plan.programs),
        "devices": jax.device_count(),
        "rows_trained": protocol.rows_trained,
        "rows_validated": protocol.rows_validated,
        "planned_bytes": found.plan.bytes,
        "planned_seconds": found.plan.seconds,
        "bytes_before": before,
        "bytes": most_bytes(),
        "held": found.results.recipes[0].test.mean,
        "train": found.results.recipes[0].train.mean,
        "diverged": int((trials["status"] == "diverged").sum()),
        # In the order in which they were asked for: fold by fold.
        "epochs": trials.sort_values(["repeat", "fold"], kind="stable")["epochs"].tolist(),
    }


answer(
    {
        "imports": IMPORTS,
        "studies": [study(asked_for) for asked_for in spec["studies"]],
        "versions": versions("gengap", "keras", "jax", "jaxlib", "numpy", "scikit-learn"),
    }
)
