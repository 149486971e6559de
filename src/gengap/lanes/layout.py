"""How the lanes of a program lie on the devices, and what they take in memory.

Wider is not faster: a group of lanes is trained as one vectorized step, whose working set should
stay in a core's share of the cache; a device has several groups, one after the other, so that those
whose runs have ended can be left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = [
    "CORE",
    "GPU",
    "Breadth",
    "Footprint",
    "Layout",
    "choose_layout",
    "fewer_groups",
    "lanes_bytes",
]


@dataclass(frozen=True)
class Breadth:
    """How many lanes a device trains side by side with gain.

    Attributes
    ----------
    lanes : int
        Lanes of a group beyond which the measured gain of one more is nothing.
    touched_bytes : float
        What the lanes of a group may touch in a step, as far as the memory of the device allows.
    """

    lanes: int
    touched_bytes: float


#: A processor's core gains as long as what lanes touch stays in its share of the cache; a GPU,
#: whose step takes about as long for one lane as for a hundred, as long as it has room.
CORE, GPU = Breadth(16, 6_000_000), Breadth(512, math.inf)

#: Bytes that the outputs of lanes that are read out together may take, over all devices.
READ_BYTES = 256_000_000

#: Seconds after which the host looks at the lanes: rarely enough to cost nothing, often enough to
#: show progress; and where lanes may end early, so often that few epochs are trained in vain.
LOOK_SECONDS, LOOK_EARLY_SECONDS = 1.0, 0.1

#: Bytes of batch orders that are sent to the devices at once.
ORDER_BYTES = 64_000_000


@dataclass(frozen=True)
class Footprint:
    """What a lane of a program takes.

    Attributes
    ----------
    parameters : int
        Weights of the network that are trained.
    copies : int
        How many values a weight needs: itself, its gradient, the optimizer's, the best epochs'.
    rows, outputs : int
        Of the data that a lane is read out on, and numbers that are read of a row.
    epoch_rows : int
        Training rows of an epoch.
    others, other_copies : int
        Values that are not trained, such as frozen weights and moving statistics; and how many
        times a lane holds them: to train with, and as the best epochs'.
    carried, kept : int
        Values that techniques and judgements hold besides: those that every step goes through,
        such as an average, and those that are only written at the end of an epoch.
    starts : int
        Different initial values that the runs begin with.
    step_bytes : int
        What a step keeps from its forward for its backward pass, where the lanes of a group do that
        together; 0 where they take turns.
    """

    parameters: int
    copies: int
    rows: int
    outputs: int
    epoch_rows: int
    others: int = 0
    other_copies: int = 1
    carried: int = 0
    kept: int = 0
    starts: int = 1
    step_bytes: int = 0

    @property
    def touched_bytes(self) -> int:
        """Bytes that a step of a lane goes through."""
        return self.state_bytes - 4 * self.kept + self.step_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of a lane's variables, and of what is held of them."""
        variables = self.parameters * self.copies + self.others * self.other_copies
        return 4 * (variables + self.carried + self.kept)

    @property
    def start_bytes(self) -> int:
        """Bytes of the values that a run begins with."""
        return 4 * (self.parameters + self.others)

    @property
    def read_bytes(self) -> int:
        """Bytes of what is read of a lane: on the device, on the host, and in 64 bits."""
        return 16 * self.rows * self.outputs


@dataclass(frozen=True)
class Layout:
    """Where the lanes are.

    Attributes
    ----------
    width : int
        Lanes of a group.
    groups : int
        Groups of a device.
    chunk : int
        Most epochs between two looks of the host.
    readers : int
        Lanes of a device that are read out together.
    devices : int
    """

    width: int
    groups: int
    chunk: int
    readers: int
    devices: int

    @property
    def lanes(self) -> int:
        """All lanes."""
        return self.devices * self.groups * self.width

    @property
    def shape(self) -> tuple[int, int]:
        """The axes of arrays of lanes: groups of all devices, lanes of a group."""
        return self.devices * self.groups, self.width


def choose_layout(
    runs: int,
    devices: int,
    footprint: Footprint,
    *,
    epoch_seconds: float,
    ends_early: bool,
    limit: float = math.inf,
    breadth: Breadth = CORE,
) -> Layout:
    """Choose as many lanes as stay in cache and in memory, and no more than the study fills.

    Where memory is short, groups are given up first, then width, then devices; chunks and readers
    take what is left.

    Parameters
    ----------
    runs : int
        Runs of the whole study that share the program.
    devices : int
        Most that may be used.
    footprint : Footprint
        Of a lane.
    epoch_seconds : float
        That an epoch of one lane takes on one device.
    ends_early : bool
        Whether some of the runs may end before their last epoch.
    limit : float
        Bytes that all lanes together may take, as `lanes_bytes` counts them; where not even one
        lane fits, that one is returned.
    breadth : Breadth
        Of a device.

    Returns
    -------
    Layout
        A group has between 1 and 16 lanes on a processor's core; at least 2 where there are runs
        for it and memory, since a lone lane gains nothing.

    Examples
    --------
    >>> small = Footprint(parameters=3000, copies=5, rows=1000, outputs=3, epoch_rows=700)
    >>> choose_layout(370, 2, small, epoch_seconds=3e-4, ends_early=False)
    Layout(width=16, groups=1, chunk=100, readers=16, devices=2)
    >>> choose_layout(370, 2, small, epoch_seconds=3e-4, ends_early=True)
    Layout(width=8, groups=2, chunk=20, readers=8, devices=2)
    """
    most = max(2, min(breadth.lanes, breadth.touched_bytes // max(1, footprint.touched_bytes)))
    look = LOOK_EARLY_SECONDS if ends_early else LOOK_SECONDS
    least = Layout(width=1, groups=1, chunk=1, readers=1, devices=1)
    if lanes_bytes(least, footprint) > limit:
        return least
    for count in range(devices, 0, -1):
        share = math.ceil(runs / count)
        for width, groups in _shapes(share, int(most), breadth.lanes, ends_early):
            lanes = width * groups
            chunk = min(
                int(look / max(1e-9, lanes * epoch_seconds)),
                ORDER_BYTES // (4 * count * lanes * max(1, footprint.epoch_rows)),
                100,
            )
            readers = min(width, READ_BYTES // (count * max(1, footprint.read_bytes)))
            wanted = Layout(width, groups, max(1, chunk), max(1, readers), count)
            fitting = _fitting(wanted, footprint, limit)
            if fitting is not None:
                return fitting
    return least


def _shapes(share: int, most: int, widest: int, ends_early: bool) -> Iterator[tuple[int, int]]:
    """Yield widths and groups of a device with so many runs: groups are given up before width.

    `most` lanes of this program are worth it side by side, and `widest` of the smallest.
    """
    for fewer in range(most, 0, -1):
        if share <= fewer:
            width, groups = share, 1
        elif ends_early:
            # Narrow enough that the last runs of a study do not keep many empty lanes company.
            width = min(fewer, max(2, widest // 2))
            groups = max(1, min(widest, share) // width)
        else:
            width, groups = _even(share, fewer, widest), 1
        yield from ((width, left) for left in range(groups, 0, -1))


def _even(share: int, most: int, widest: int) -> int:
    """Return a width whose last wave is not padded more than it must be.

    Small networks gain by width. For those of which few fit the cache, half as many train as fast.
    """
    if most < widest // 2:
        return min(range(most, most // 2, -1), key=lambda width: -share % width)
    return math.ceil(share / math.ceil(share / most))


def _fitting(wanted: Layout, footprint: Footprint, limit: float) -> Layout | None:
    """Return the layout with as long chunks and as many readers as there is room for, if any."""
    spare = limit - lanes_bytes(replace(wanted, chunk=1, readers=1), footprint)
    if spare < 0:
        return None
    order, read = _order_bytes(wanted, footprint), wanted.devices * footprint.read_bytes
    chunk = 1 + int(min(wanted.chunk - 1, spare // max(1, order)))
    spare -= (chunk - 1) * order
    readers = 1 + int(min(wanted.readers - 1, spare // max(1, read)))
    return replace(wanted, chunk=chunk, readers=readers)


def fewer_groups(wanted: Layout, footprint: Footprint, limit: float) -> Layout | None:
    """Return a layout of the same widths, with as many groups and as long chunks as there is room.

    Parameters
    ----------
    wanted : Layout
    footprint : Footprint
    limit : float
        Bytes that all lanes together may take.

    Returns
    -------
    Layout, optional
        None where not even one group fits.

    Examples
    --------
    >>> lane = Footprint(parameters=10_000, copies=5, rows=1000, outputs=3, epoch_rows=700)
    >>> fewer_groups(Layout(8, 4, 10, 8, 1), lane, limit=9_000_000)
    Layout(width=8, groups=3, chunk=3, readers=8, devices=1)
    """
    for groups in range(wanted.groups, 0, -1):
        layout = replace(wanted, groups=groups)
        spare = limit - lanes_bytes(replace(layout, chunk=1), footprint)
        if spare >= 0:
            order = _order_bytes(layout, footprint)
            return replace(layout, chunk=1 + int(min(wanted.chunk - 1, spare // max(1, order))))
    return None


def lanes_bytes(layout: Layout, footprint: Footprint) -> int:
    """Return the bytes that lanes take over all devices, with all that is sent to them and read.

    Those are their variables, the table of initial values, batch orders and readout.
    """
    # While a group trains its state is there twice, and the host keeps what it takes from lanes.
    training = layout.devices * layout.width
    states = footprint.state_bytes * (layout.lanes + 2 * training)
    steps = footprint.step_bytes * training
    orders = layout.chunk * _order_bytes(layout, footprint)
    reads = layout.devices * layout.readers * footprint.read_bytes
    # Every device has the whole table, the host makes it, and what it replaces is still there.
    places = min(footprint.starts, layout.lanes)
    tables = layout.devices * (1 + (footprint.starts > places)) + 1
    return states + steps + orders + reads + tables * places * footprint.start_bytes


def _order_bytes(layout: Layout, footprint: Footprint) -> int:
    """Return the bytes of the lanes' batch orders of an epoch, on the host and on the devices."""
    return 2 * 4 * layout.lanes * footprint.epoch_rows
