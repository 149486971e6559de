"""A guard against wrong numbers from one of XLA's fusions on the CPU.

jaxlib 0.10 multiplies what all lanes share with what a lane has of its own, sums that over an axis
and goes on elementwise in one fusion. That is right, and fast, up to 32,768 results; beyond
them it silently returns wrong ones. Programs that could go beyond do without that fusion.
"""

from __future__ import annotations

import functools

import jax

__all__ = ["SAFE_RESULTS", "compiler_options"]

#: The most results that the fusion gets right.
SAFE_RESULTS = 32_768

_WITHOUT_FUSION = {"xla_cpu_experimental_ynn_fusion_type": ""}


def compiler_options(results: int) -> dict[str, str]:
    """Return options for `jax.jit`.

    Parameters
    ----------
    results : int
        How many numbers such a sum could have, over all lanes of a device.

    Returns
    -------
    dict
        Empty where the fusion is safe, or where this XLA does not have it.

    Examples
    --------
    >>> compiler_options(16 * 1024)
    {}
    """
    if results <= SAFE_RESULTS or not _has_fusion():
        return {}
    return dict(_WITHOUT_FUSION)


@functools.cache
def _has_fusion() -> bool:
    if jax.default_backend() != "cpu":
        return False
    try:
        jax.jit(lambda x: x + 1, compiler_options=_WITHOUT_FUSION).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False  # an XLA that does not know the option
    return True
