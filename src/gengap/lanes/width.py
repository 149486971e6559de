"""How many lanes train side by side on one device."""

from __future__ import annotations

import math

__all__ = ["CACHE_BYTES", "lane_bytes", "lane_width"]

#: What the lanes of a device may touch in a step, so that it stays in a core's share of the cache.
CACHE_BYTES = 6_000_000

#: Beyond this many lanes the measured gain of one more is nothing.
WIDEST = 16


def lane_bytes(parameters: int, copies: int) -> int:
    """Return the bytes of a lane's variables.

    Parameters
    ----------
    parameters : int
        Weights of the network.
    copies : int
        How many values a weight needs: itself, its gradient, the optimizer's, the best epochs'.
    """
    return 4 * parameters * copies


def lane_width(runs: int, devices: int, parameters: int, copies: int) -> int:
    """Choose the lanes a device: as many as stay in cache, and no more than the study fills.

    Parameters
    ----------
    runs : int
        Runs of the whole study that share the widest program.
    devices : int
    parameters, copies : int
        See `lane_bytes`.

    Returns
    -------
    int
        Between 1 and 16; at least 2 where there are runs for it, since a lone lane gains nothing.

    Examples
    --------
    >>> lane_width(runs=370, devices=2, parameters=3000, copies=5)
    16
    >>> lane_width(runs=370, devices=2, parameters=100_000, copies=5)
    3
    """
    fits = max(2, CACHE_BYTES // max(1, lane_bytes(parameters, copies)))
    widest = min(WIDEST, fits)
    share = math.ceil(runs / devices)
    if share <= widest:
        return max(1, share)
    # Even waves: the last one is not padded more than it must be.
    return math.ceil(share / math.ceil(share / widest))
