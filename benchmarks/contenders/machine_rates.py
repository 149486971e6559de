"""How fast this machine multiplies matrices and reads memory, with NumPy's and SciPy's BLAS."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from asked import answer, asked, versions
from scipy.linalg.blas import saxpy
from threadpoolctl import threadpool_limits

spec = asked()
LARGE = spec["large"]
MOST_STACKED = 64
generator = np.random.default_rng(0)


def fastest(work: Callable[[], object], seconds: float) -> float:
    """Return the least time that `work` took, trying for so many seconds: a limit is the best."""
    least, end = float("inf"), time.perf_counter() + seconds
    repeats = 1
    while least == float("inf") or time.perf_counter() < end:
        started = time.perf_counter()
        for _ in range(repeats):
            work()
        took = time.perf_counter() - started
        if took < 1e-3:  # too short for the clock
            repeats *= 2
        else:
            least = min(least, took / repeats)
    return least


def product_rate(rows: int, inner: int, columns: int) -> float:
    """Return operations a second of a product of matrices in float32.

    Small ones are done in stacks, as lanes do them: a call of Python takes longer than one.
    """
    stack = int(min(MOST_STACKED, max(1, 4e6 // (2 * rows * inner * columns))))
    a = generator.standard_normal((stack, rows, inner), dtype=np.float32)
    b = generator.standard_normal((stack, inner, columns), dtype=np.float32)
    out = np.empty((stack, rows, columns), np.float32)
    operations = 2.0 * stack * rows * inner * columns
    return operations / fastest(lambda: np.matmul(a, b, out=out), spec["seconds"])


def triad_rate(values: int) -> float:
    """Return bytes a second of y += a x in float32: two values read, one written."""
    x, y = np.ones(values, np.float32), np.zeros(values, np.float32)
    return 12.0 * values / fastest(lambda: saxpy(x, y, a=0.5), spec["seconds"])


cores = spec["cores"]
with threadpool_limits(cores):
    together = product_rate(LARGE, LARGE, LARGE)
    memory_together = triad_rate(spec["triad_values"])
# What one core reaches alone, times the cores: no core does more, so the limit stays a limit.
with threadpool_limits(1):
    alone = cores * product_rate(LARGE, LARGE, LARGE)
    memory_alone = triad_rate(spec["triad_values"])
    shapes = [cores * product_rate(*shape) for shape in spec["shapes"]]
    cached = [cores * triad_rate(values) for values in spec["weights"]]
answer(
    {
        "products": max(together, alone, *shapes),
        "products_large": max(together, alone),
        "memory": max(memory_together, memory_alone),
        "shapes": shapes,
        "cached": cached,
        "versions": versions("numpy", "scipy"),
    }
)
