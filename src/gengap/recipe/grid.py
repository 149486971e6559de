"""Which combinations of places in the grids of open strengths are tried."""

from __future__ import annotations

import itertools
import math

__all__ = ["grid_points"]


def grid_points(lengths: tuple[int, ...], *, limit: int, seed: int) -> list[tuple[int, ...]]:
    """Return places in grids, from weak to strong: by the mean place, as a share of the grid.

    Parameters
    ----------
    lengths : tuple of int
        Of the grids.
    limit : int
        How many combinations at most. Where the product of the grids holds more, one grid is
        thinned evenly and several are sampled quasi-randomly.
    seed : int
        Of that sample.

    Returns
    -------
    list of tuple of int

    Examples
    --------
    >>> grid_points((3,), limit=2, seed=0), grid_points((2, 2), limit=16, seed=0)
    ([(0,), (2,)], [(0, 0), (0, 1), (1, 0), (1, 1)])
    """
    if math.prod(lengths) <= limit:
        points = list(itertools.product(*(range(length) for length in lengths)))
    else:
        points = _thinned(lengths, limit, seed)

    def strength(point: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        places = (i / (n - 1) for i, n in zip(point, lengths, strict=True) if n > 1)
        return sum(places), point

    return sorted(points, key=strength)


def _thinned(lengths: tuple[int, ...], limit: int, seed: int) -> list[tuple[int, ...]]:
    from scipy.stats import qmc

    varying = [dimension for dimension, length in enumerate(lengths) if length > 1]
    points: dict[tuple[int, ...], None] = {}
    if len(varying) == 1:
        last = lengths[varying[0]] - 1
        for step in range(limit):
            place = round(step * last / (limit - 1)) if limit > 1 else last // 2
            points[tuple(place if d == varying[0] else 0 for d in range(len(lengths)))] = None
        return list(points)
    sampler = qmc.Halton(len(lengths), scramble=True, rng=seed)
    while len(points) < limit:
        for row in sampler.random(limit):
            point = tuple(int(u * length) for u, length in zip(row, lengths, strict=True))
            if len(points) < limit:
                points[point] = None
    return list(points)
