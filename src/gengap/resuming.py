"""The lanes with which a study goes on: as wide as it began, on the devices that there are now.

On a machine with other devices or less memory a new plan would have lanes of other widths, and the
same run other bits.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from gengap.errors import UnfinishedError
from gengap.identity import digest
from gengap.lanes.layout import Layout, fewer_groups
from gengap.memory import Room
from gengap.plan import Plan, PlannedProgram
from gengap.store import Store
from gengap.wording import plural

__all__ = ["check_memory", "store_layouts", "with_stored_layouts"]


def with_stored_layouts(plan: Plan, store: Store) -> Plan:
    """Return the plan with lanes as wide as those that the study began with.

    A new program keeps the layout that is planned for it. Where memory is short, groups are given
    up first, then devices. Where not even one group fits, it is planned all the same, since all of
    its trials may be stored: see `check_memory`.

    Parameters
    ----------
    plan : Plan
    store : Store
        Of the study.
    """
    kept = [_kept(planned, store) for planned in plan.programs]
    if not any(kept):
        return plan
    both = list(zip(plan.programs, kept, strict=True))
    for devices in range(plan.devices, 0, -1):
        limit = plan.room.for_lanes(devices)
        fitting = [_resumed(planned, layout, devices, limit) for planned, layout in both]
        if None not in fitting:
            break
    programs = [
        found or _least(planned, layout)
        for found, (planned, layout) in zip(fitting, both, strict=True)
    ]
    return replace(
        plan,
        programs=tuple(programs),
        devices=devices,
        held_bytes=plan.held_bytes - (plan.devices - devices) * plan.room.rows,
    )


def store_layouts(plan: Plan, store: Store) -> None:
    """Keep the layouts of programs that the study begins with.

    Parameters
    ----------
    plan : Plan
    store : Store
        Of the study.
    """
    for planned in plan.programs:
        name = _name(planned)
        if store.load_blob(name) is None:
            store.save_blob(name, json.dumps(asdict(planned.layout)).encode())


def check_memory(planned: PlannedProgram, room: Room) -> None:
    """Refuse to train lanes as wide as before where they do not fit any more.

    Parameters
    ----------
    planned : PlannedProgram
    room : Room

    Raises
    ------
    UnfinishedError
        ``memory-short``.
    """
    layout = planned.layout
    needed = room.needed(planned.lanes_bytes, layout.devices)
    free = room.free[layout.devices - 1]
    if not planned.resumed or needed <= free:
        return
    raise UnfinishedError(
        "memory-short",
        f"this study began with groups of {plural(layout.width, 'lane')} and goes on so, for which "
        f"{needed / 2**20:,.0f} MiB are needed, and {free / 2**20:,.0f} MiB are free",
        "make room, or let the same command go on where there is more; in another run folder "
        "(--out) the study begins anew, with narrower groups",
    )


def _kept(planned: PlannedProgram, store: Store) -> Layout | None:
    blob = store.load_blob(_name(planned))
    return None if blob is None else Layout(**json.loads(blob))


def _resumed(
    planned: PlannedProgram, kept: Layout | None, devices: int, limit: float
) -> PlannedProgram | None:
    """Return a program in lanes as wide as before, None where they do not fit."""
    new = planned.layout
    if kept is None:
        return replace(planned, layout=replace(new, devices=devices))
    # Only the widths make other bits; how many groups there are follows from what is there now.
    groups = max(1, min(kept.groups, new.groups * new.width // kept.width))
    wanted = replace(kept, groups=groups, chunk=min(kept.chunk, new.chunk), devices=devices)
    layout = fewer_groups(wanted, planned.footprint, limit)
    return None if layout is None else replace(planned, layout=layout, resumed=True)


def _least(planned: PlannedProgram, kept: Layout | None) -> PlannedProgram:
    """Return a program in the fewest lanes of the width before, whether or not they fit."""
    assert kept is not None
    layout = replace(kept, groups=1, chunk=1, devices=1)
    return replace(planned, layout=layout, resumed=True)


def _name(planned: PlannedProgram) -> str:
    """Name a program's layout by all that tells the program from others."""
    return f"layout/{digest(asdict(planned.variant), asdict(planned.program))}"
