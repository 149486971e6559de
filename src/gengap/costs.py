"""What training takes, in seconds and bytes: rough figures, from which plans are made.

Notation
--------
P   weights of the network
B   rows of a batch
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

from gengap.lanes.layout import Footprint, Layout
from gengap.lanes.program import Program
from gengap.networks.shapes import input_dtype, sample_shape
from gengap.techniques.discovery import find_technique

__all__ = [
    "COMPILE_SECONDS",
    "available_bytes",
    "footprint_of",
    "process_bytes",
    "program_seconds",
    "step_seconds",
]

#: Seconds of compiling a program; of a lane's step besides its arithmetic, on one device; and
#: operations a second. Measured on a server's core; a laptop's differ by less than a factor of 2.
COMPILE_SECONDS = 2.5
STEP_SECONDS = 7e-6
OPERATIONS_PER_SECOND = 8e10

#: Seconds of a study besides training: imports are not among them, the refit is.
STUDY_SECONDS = 4.0

#: Bytes that a process takes when a program is compiled, besides what it held before; and that
#: every further program takes.
COMPILER_BYTES, PROGRAM_BYTES = 150_000_000, 60_000_000


def step_seconds(model: keras.Model, batch_size: int) -> float:
    """Estimate a lane's step on one device from the operations of a forward pass.

    Parameters
    ----------
    model : keras.Model
    batch_size : int
    """
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    inputs = jax.ShapeDtypeStruct((batch_size, *sample_shape(model)), input_dtype(model))
    lowered = jax.jit(lambda x: model.stateless_call(trainable, others, x)[0]).lower(inputs)
    analysis: Mapping[str, float] = lowered.cost_analysis() or {}
    # A gradient costs about twice a forward pass.
    return STEP_SECONDS + 3 * analysis.get("flops", 0.0) / OPERATIONS_PER_SECOND


def footprint_of(model: keras.Model, program: Program, rows: int, outputs: int) -> Footprint:
    """Return what a lane of a program takes.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    program : Program
    rows : int
        Of the whole data.
    outputs : int
        Classes, or 1.
    """
    slots = len(model.optimizer.variables) // max(1, len(model.trainable_variables))
    return Footprint(
        parameters=sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        # A weight, its gradient, what the optimizer keeps of it, the best epochs'.
        copies=2 + slots + len(program.judges),
        rows=rows,
        outputs=outputs + 1,  # the loss
        epoch_rows=program.rows,
    )


def program_seconds(program: Program, runs: int, layout: Layout, seconds_of_step: float) -> float:
    """Estimate the time of compiling and training a program.

    Parameters
    ----------
    program : Program
    runs : int
    layout : Layout
    seconds_of_step : float
        See `step_seconds`.
    """
    hooks = sum(find_technique(asked.technique).cost for asked in program.techniques)
    waves = -(-runs // layout.lanes)
    steps = waves * layout.groups * layout.width * program.epochs * program.steps
    # Every epoch is measured, and every run read out.
    return COMPILE_SECONDS + 1.25 * steps * seconds_of_step * (1 + hooks)


@cache
def process_bytes() -> int:
    """Return the memory that this process holds before it trains (0 where that is not told)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * 4096


def available_bytes() -> float:
    """Return the memory that a device's lanes may take, over all devices of this machine.

    On a CPU what is free, within the limit of the control group; on others what the devices say of
    themselves. Infinite where nobody tells.
    """
    devices = jax.devices()
    if devices[0].platform != "cpu":
        told = [(device.memory_stats() or {}).get("bytes_limit", np.inf) for device in devices]
        return float(sum(told))
    found: list[float] = []
    for path, read in _MEMORY_FILES.items():
        try:
            text = Path(path).read_text(encoding="ascii")
        except OSError:
            continue
        found += read(text)
    return min(found, default=float("inf"))


def _free_of_machine(text: str) -> list[float]:
    lines = [line.split() for line in text.splitlines()]
    return [float(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"]


def _limit_of_group(text: str) -> list[float]:
    return [float(text) - process_bytes()] if text.strip().isdigit() else []


_MEMORY_FILES: Mapping[str, Any] = {
    "/proc/meminfo": _free_of_machine,
    "/sys/fs/cgroup/memory.max": _limit_of_group,
}
