"""Lane width: what stays in cache, what the study fills, waves that are alike."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gengap.lanes.width import CACHE_BYTES, WIDEST, lane_bytes, lane_width

RUNS = st.integers(1, 5000)
DEVICES = st.integers(1, 64)
PARAMETERS = st.integers(0, 10**8)
COPIES = st.integers(1, 12)


@given(RUNS, DEVICES, PARAMETERS, COPIES)
def test_between_one_and_the_widest(runs: int, devices: int, parameters: int, copies: int) -> None:
    width = lane_width(runs, devices, parameters, copies)
    assert 1 <= width <= WIDEST
    assert width <= math.ceil(runs / devices)


@given(RUNS, DEVICES, PARAMETERS, COPIES)
def test_a_lane_is_not_alone_where_there_are_runs_for_two(
    runs: int, devices: int, parameters: int, copies: int
) -> None:
    width = lane_width(runs, devices, parameters, copies)
    assert width >= 2 or runs <= devices


@given(RUNS, DEVICES, PARAMETERS, COPIES)
def test_beyond_two_lanes_all_stay_in_cache(
    runs: int, devices: int, parameters: int, copies: int
) -> None:
    width = lane_width(runs, devices, parameters, copies)
    assert width <= 2 or width * lane_bytes(parameters, copies) <= CACHE_BYTES


@given(RUNS, DEVICES, PARAMETERS, COPIES)
def test_no_more_waves_than_the_widest_would_take_and_the_last_is_nearly_full(
    runs: int, devices: int, parameters: int, copies: int
) -> None:
    width = lane_width(runs, devices, parameters, copies)
    share = math.ceil(runs / devices)
    widest = min(WIDEST, max(2, CACHE_BYTES // max(1, lane_bytes(parameters, copies))))
    waves = math.ceil(share / width)
    assert waves == math.ceil(share / widest)
    assert waves * width - share < waves


def test_a_lane_is_its_values() -> None:
    assert lane_bytes(1000, 3) == 12_000
