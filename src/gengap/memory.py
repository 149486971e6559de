"""The memory that there is for lanes: of the machine, of the process' control group, of devices."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

__all__ = [
    "Room",
    "available_bytes",
    "free_of_group",
    "free_of_machine",
    "give_back_freed",
    "lanes_on_host",
    "process_bytes",
]

#: Share of the memory that is free, or of what all programs together need, that lanes may take.
MEMORY_SHARE = 0.7


@dataclass(frozen=True)
class Room:
    """What is free when a plan is made, and what goes off it before there are any lanes.

    Attributes
    ----------
    free : tuple of float
        Bytes, on 1, 2, ... devices.
    rows : int
        Bytes of a copy of the rows; every device has one.
    programs : int
        Bytes that compiling takes, and the values that runs begin with.
    """

    free: tuple[float, ...]
    rows: int
    programs: int

    def for_lanes(self, devices: int) -> float:
        """Return the bytes that lanes on so many devices are planned to take at most."""
        return MEMORY_SHARE * (self.free[devices - 1] - self.needed(0, devices))

    def needed(self, lanes: int, devices: int) -> int:
        """Return the bytes that lanes need with all that goes with them.

        Parameters
        ----------
        lanes : int
            Bytes of all lanes.
        devices : int
        """
        return lanes + devices * self.rows + self.programs


def process_bytes() -> int:
    """Return the memory that this process holds now (0 where that is not told)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def give_back_freed() -> None:
    """Return to the system what the process has freed, where the C library keeps it (glibc)."""
    if _trim is not None:
        _trim(0)


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def lanes_on_host() -> bool:
    """Tell whether lanes take the memory of the process: devices are processor cores."""
    return bool(jax.devices()[0].platform == "cpu")


def available_bytes(devices: int) -> float:
    """Return the memory that lanes may take on so many devices of this machine.

    On a CPU what is free, within the limit of the control group; on others what the devices say of
    themselves. Infinite where nobody tells.

    Parameters
    ----------
    devices : int
        Those that train, from the first.
    """
    if not lanes_on_host():
        told = [
            (device.memory_stats() or {}).get("bytes_limit", np.inf)
            for device in jax.devices()[:devices]
        ]
        return float(sum(told))
    return min(free_of_machine(MEMINFO), free_of_group(GROUP))


#: Where Linux says what memory is free, and the limit of the process' control group.
MEMINFO, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free_of_machine(meminfo: Path) -> float:
    """Return the bytes that are free on the machine; infinite where that is not told."""
    lines = (line.split() for line in _told(meminfo).splitlines())
    return next((float(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"), np.inf)


def free_of_group(folder: Path) -> float:
    """Return the bytes that a control group leaves; infinite where it sets no limit.

    Files that were read and are no longer used count as free, as they do for the whole machine:
    they make room.
    """
    limit, used = _told(folder / "memory.max").strip(), _told(folder / "memory.current").strip()
    if not limit.isdigit():
        return np.inf
    stat = dict(line.split() for line in _told(folder / "memory.stat").splitlines())
    taken = int(used) - int(stat.get("inactive_file", 0)) if used else process_bytes()
    return float(max(0, int(limit) - max(0, taken)))


def _told(path: Path) -> str:
    """Return what a file of the system says; nothing where there is none."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
