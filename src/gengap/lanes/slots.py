"""Which run is in which lane: what ends leaves, what waits moves in, what is left closes ranks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gengap.lanes.layout import Layout
from gengap.lanes.program import Run

__all__ = ["Occupant", "Slots"]


@dataclass(eq=False)
class Occupant:
    """A run in a lane.

    Attributes
    ----------
    run : Run
    slots : tuple of int or None
        Of its judgements, see `gengap.lanes.filling.slots_of`.
    epoch : int
        How many it has trained.
    seconds : float
        Its share of the time so far.
    """

    run: Run
    slots: tuple[int | None, ...]
    epoch: int = 0
    seconds: float = 0.0


class Slots:
    """The lanes of all devices, with what is in them and what waits.

    A lane is counted over (devices, groups, lanes of a group).

    Parameters
    ----------
    waiting : sequence of Occupant
        In the order in which they are taken.
    layout : Layout
    """

    def __init__(self, waiting: Sequence[Occupant], layout: Layout) -> None:
        self._waiting = deque(waiting)
        self._layout = layout
        self._lanes: list[Occupant | None] = [None] * layout.lanes

    def __len__(self) -> int:
        return len(self._lanes)

    def live(self) -> Iterator[tuple[int, Occupant]]:
        """Yield the lanes that are taken."""
        return ((i, occupant) for i, occupant in enumerate(self._lanes) if occupant is not None)

    def admit(self) -> list[int]:
        """Let waiting runs into free lanes, and return which; all devices get their share."""
        free = [lane for lane in self._by_preference() if self._lanes[lane] is None]
        taken = free[: len(self._waiting)]
        for lane in taken:
            self._lanes[lane] = self._waiting.popleft()
        return taken

    def release(self, lane: int) -> None:
        """Free a lane whose run has ended."""
        self._lanes[lane] = None

    def live_groups(self) -> np.ndarray:
        """Return how many groups of each device, from the first, reach to the last live lane."""
        taken = [occupant is not None for occupant in self._lanes]
        shape = self._layout.devices, self._layout.groups, self._layout.width
        groups = np.any(np.reshape(taken, shape), axis=2)
        last = self._layout.groups - groups[:, ::-1].argmax(axis=1)
        return np.where(groups.any(axis=1), last, 0).astype(np.int32)

    def compact(self) -> np.ndarray | None:
        """Move the live lanes into the fewest groups, once nothing waits any more.

        Returns
        -------
        ndarray of int, optional
            For every lane, from which lane its state comes; None where no group would be saved.
        """
        live = [lane for lane, _ in self.live()]
        needed = self._by_preference()[: len(live)]
        groups = [lane // self._layout.width % self._layout.groups for lane in needed]
        if self._waiting or not live or max(groups) + 1 >= self.live_groups().max():
            return None
        # Lanes that may stay where they are do.
        staying = set(live) & set(needed)
        free = (lane for lane in needed if lane not in staying)
        source = np.arange(len(self._lanes))
        for lane in live:
            if lane not in staying:
                target = next(free)
                source[target] = lane
                self._lanes[target], self._lanes[lane] = self._lanes[lane], None
        return source

    def _by_preference(self) -> list[int]:
        """Return all lanes in the order in which they are filled: group by group, in turn."""
        width, groups = self._layout.width, self._layout.groups
        return [
            (device * groups + group) * width + lane
            for group in range(groups)
            for lane in range(width)
            for device in range(self._layout.devices)
        ]
