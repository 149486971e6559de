"""Layouts are stored by what a program is, and only what makes other bits is held to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gengap.lanes.layout import Layout
from gengap.plan import Plan
from gengap.store import Store
from gengap.training import store_layouts, with_stored_layouts
from test_plan import plan_of

TECHNIQUES = "l2, batch_norm, early_stopping, l1(form=subgradient), l1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


def settled(plan: Plan, store: Store) -> Plan:
    """Return what a study trains, as it begins or goes on."""
    found = with_stored_layouts(plan, store)
    store_layouts(found, store)
    return found


def layouts(plan: Plan) -> dict[str, Layout]:
    return {str((p.variant, p.program)): p.layout for p in plan.programs}


def test_a_study_keeps_the_layouts_that_it_began_with(store: Store) -> None:
    plan = plan_of(TECHNIQUES, devices=2)
    assert len(plan.programs) > 2
    assert layouts(settled(plan, store)) == layouts(plan)
    assert layouts(settled(plan, store)) == layouts(plan)


def test_lanes_stay_as_wide_on_other_devices(store: Store) -> None:
    begun = settled(plan_of(TECHNIQUES, devices=3), store)
    fresh = plan_of(TECHNIQUES, devices=1)
    assert layouts(fresh) != layouts(begun)
    resumed = settled(fresh, store)
    assert resumed.devices == 1
    for now, before in zip(resumed.programs, begun.programs, strict=True):
        assert (now.layout.width, now.layout.readers) == (
            before.layout.width,
            before.layout.readers,
        )
        assert now.layout.devices == 1


def test_programs_find_their_own_layout_in_any_order(store: Store) -> None:
    plan = plan_of(TECHNIQUES)
    marked = replace(
        plan,
        programs=tuple(
            replace(planned, layout=replace(planned.layout, width=1, readers=number))
            for number, planned in enumerate(plan.programs, 1)
        ),
    )
    settled(marked, store)
    turned = replace(plan, programs=plan.programs[::-1])
    found = [planned.layout.readers for planned in settled(turned, store).programs]
    assert found == list(range(len(plan.programs), 0, -1))


def test_a_program_that_is_new_is_laid_out_as_planned(store: Store) -> None:
    plan = plan_of(TECHNIQUES)
    first, *others = plan.programs
    narrow = replace(first, layout=replace(first.layout, width=1))
    settled(replace(plan, programs=(narrow,)), store)
    found = settled(plan, store)
    assert found.programs[0].layout.width == 1
    assert [p.layout for p in found.programs[1:]] == [p.layout for p in others]


def test_less_memory_leaves_fewer_groups_of_the_same_width(store: Store) -> None:
    plan = plan_of("l2=0.1")
    (planned,) = plan.programs
    wide = replace(planned, layout=replace(planned.layout, width=2, groups=8, chunk=50))
    settled(replace(plan, programs=(wide,)), store)
    narrow = replace(planned, layout=replace(planned.layout, width=4, groups=1, chunk=5))
    (found,) = settled(replace(plan, programs=(narrow,)), store).programs
    assert (found.layout.width, found.layout.groups, found.layout.chunk) == (2, 2, 5)


def test_looking_stores_nothing(store: Store) -> None:
    plan = plan_of(TECHNIQUES)
    assert layouts(with_stored_layouts(plan, store)) == layouts(plan)
    narrow = tuple(replace(p, layout=replace(p.layout, width=1)) for p in plan.programs)
    settled(replace(plan, programs=narrow), store)
    assert {p.layout.width for p in with_stored_layouts(plan, store).programs} == {1}
