"""Layouts: what stays in cache and in memory, what the study fills, waves that are alike."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gengap.lanes.layout import (
    CORE,
    GPU,
    ORDER_BYTES,
    READ_BYTES,
    Footprint,
    Layout,
    choose_layout,
    fewer_groups,
    lanes_bytes,
)

FOOTPRINTS = st.builds(
    Footprint,
    parameters=st.integers(1, 10**8),
    copies=st.integers(1, 12),
    rows=st.integers(1, 3_000_000),
    outputs=st.integers(1, 1000),
    epoch_rows=st.integers(1, 2_000_000),
    others=st.integers(0, 10**8),
    other_copies=st.integers(1, 4),
    starts=st.integers(1, 100),
    step_bytes=st.integers(0, 10**9),
)
STUDIES = st.fixed_dictionaries(
    {
        "runs": st.integers(1, 5000),
        "devices": st.integers(1, 64),
        "footprint": FOOTPRINTS,
        "epoch_seconds": st.floats(1e-6, 1e4),
        "ends_early": st.booleans(),
        "limit": st.floats(0, 1e12),
        "breadth": st.sampled_from([CORE, GPU]),
    }
)


def chosen(study: dict[str, Any]) -> tuple[Layout, Footprint, int, int]:
    return choose_layout(**study), study["footprint"], study["runs"], study["devices"]


@given(STUDIES)
def test_between_one_lane_and_the_widest_and_no_more_than_the_study_fills(study: Any) -> None:
    layout, _, runs, devices = chosen(study)
    assert 1 <= layout.width <= study["breadth"].lanes
    assert layout.groups >= 1
    assert 1 <= layout.devices <= devices
    assert layout.lanes <= layout.devices * math.ceil(runs / layout.devices)


@given(STUDIES)
def test_beyond_two_lanes_a_group_stays_in_cache(study: Any) -> None:
    layout, footprint, _, _ = chosen(study)
    cache = study["breadth"].touched_bytes
    assert layout.width <= 2 or layout.width * footprint.state_bytes <= cache


#: What takes the least.
LEAST = Layout(width=1, groups=1, chunk=1, readers=1, devices=1)


@given(STUDIES, st.floats(0.5, 1000))
def test_a_layout_holds_to_its_own_estimate_where_any_does(study: Any, times: float) -> None:
    """The limit is drawn as a multiple of what the least takes: between nothing and plenty."""
    footprint = study["footprint"]
    least = lanes_bytes(LEAST, footprint)
    limit = times * least
    layout = choose_layout(**study | {"limit": limit})
    assert layout == LEAST or lanes_bytes(layout, footprint) <= limit
    assert layout == LEAST or times >= 1


@given(STUDIES)
def test_what_fits_as_it_is_wanted_is_not_cut(study: Any) -> None:
    free = choose_layout(**study | {"limit": math.inf})
    enough = float(lanes_bytes(free, study["footprint"]))
    assert choose_layout(**study | {"limit": enough}) == free
    assert free.devices == study["devices"]


@given(STUDIES)
def test_groups_go_before_width_and_width_before_devices(study: Any) -> None:
    # With one start: a table that must be replaced may take more than one of all starts.
    footprint = replace(study["footprint"], starts=1)
    study = study | {"footprint": footprint}
    free = choose_layout(**study | {"limit": math.inf})
    for fewer in range(free.groups, 0, -1):
        limit = float(lanes_bytes(replace(free, groups=fewer, chunk=1, readers=1), footprint))
        layout = choose_layout(**study | {"limit": limit})
        assert (layout.width, layout.groups, layout.devices) == (free.width, fewer, free.devices)
    one = replace(free, width=1, groups=1, chunk=1, readers=1)
    layout = choose_layout(**study | {"limit": float(lanes_bytes(one, footprint))})
    assert layout.devices == free.devices


@given(STUDIES)
def test_a_lane_is_not_alone_where_there_are_runs_and_memory_for_two(study: Any) -> None:
    layout, _, runs, devices = chosen(study | {"limit": 1e15})
    assert layout.width >= 2 or runs <= devices


@given(STUDIES)
def test_waves_of_runs_that_end_together_are_nearly_full(study: Any) -> None:
    layout, _, runs, _ = chosen(study | {"ends_early": False})
    share = math.ceil(runs / layout.devices)
    waves = math.ceil(share / layout.width)
    assert layout.groups == 1
    assert waves * layout.width - share < waves


@given(STUDIES)
def test_what_is_sent_and_read_at_once_is_bounded(study: Any) -> None:
    layout, footprint, _, _ = chosen(study)
    orders = 4 * layout.lanes * layout.chunk * footprint.epoch_rows
    assert layout.chunk == 1 or orders <= ORDER_BYTES
    assert layout.readers == 1 or (
        layout.devices * layout.readers * footprint.read_bytes <= READ_BYTES
    )
    assert layout.readers <= layout.width


@given(STUDIES)
def test_the_bytes_cover_every_lane(study: Any) -> None:
    layout, footprint, _, _ = chosen(study)
    found = lanes_bytes(layout, footprint)
    assert found >= layout.lanes * footprint.state_bytes


@given(STUDIES, st.integers(1, 8), st.floats(0.1, 3))
def test_fewer_groups_change_no_width_and_as_few_are_given_up_as_can_be(
    study: Any, groups: int, share: float
) -> None:
    layout, footprint, _, _ = chosen(study)
    wanted = replace(layout, groups=groups)
    limit = share * lanes_bytes(wanted, footprint)
    found = fewer_groups(wanted, footprint, limit)
    short = replace(wanted, chunk=1)
    if found is None:
        assert lanes_bytes(replace(short, groups=1), footprint) > limit
        return
    assert lanes_bytes(found, footprint) <= limit
    assert replace(found, groups=groups, chunk=wanted.chunk) == wanted
    assert found.groups <= groups
    assert found.chunk <= wanted.chunk
    if found.groups < groups:
        assert lanes_bytes(replace(short, groups=found.groups + 1), footprint) > limit
    if share >= 1:
        assert found == wanted


def test_a_lane_is_its_values() -> None:
    assert Footprint(1000, 3, rows=10, outputs=2, epoch_rows=8).state_bytes == 12_000


def test_what_a_step_keeps_narrows_the_groups_to_a_width_that_pads_least() -> None:
    small = Footprint(parameters=1000, copies=4, rows=1000, outputs=3, epoch_rows=700)
    recurrent = replace(small, step_bytes=int(CORE.touched_bytes) // 4)
    asked: dict[str, Any] = {"epoch_seconds": 1e-3, "ends_early": False}
    assert choose_layout(32, 2, small, **asked).width == 16
    # Three would fit the cache, and leave two of 18 lanes empty.
    assert choose_layout(32, 2, recurrent, **asked).width == 2
    assert choose_layout(30, 2, recurrent, **asked).width == 3
