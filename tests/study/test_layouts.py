"""Layouts are stored by what a program is, and only what makes other bits is held to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gengap import UnfinishedError
from gengap.lanes.layout import Layout, lanes_bytes
from gengap.memory import MEMORY_SHARE
from gengap.networks.models import resolve_model
from gengap.plan import Plan
from gengap.resuming import check_memory, store_layouts, with_stored_layouts
from gengap.store import Store
from test_plan import folds_of, plan_of

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


class TestShortMemory:
    """Lanes stay as wide as they were, whatever else must be given up."""

    DATA = 10_000_000

    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # What the process holds besides grows while plans are made.
        monkeypatch.setattr("gengap.planning.process_bytes", lambda: 0)

    def planned(self, free: float = math.inf) -> Plan:
        """Return a study of two programs, planned with so much memory."""
        model = resolve_model("mlp:128,128", input_shape=(5,), outputs=2, task="classification")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gengap.planning.available_bytes", lambda devices: free)
            return plan_of(
                "l2=0.1+early_stopping, batch_norm+early_stopping",
                model=model,
                splits=folds_of([100] * 64),
                devices=2,
                data_bytes=self.DATA,
            )

    @pytest.fixture
    def begun(self, store: Store) -> Plan:
        plan = settled(self.planned(), store)
        assert len(plan.programs) == 2
        shapes = {(p.layout.devices, p.layout.groups, p.layout.width) for p in plan.programs}
        assert shapes == {(2, 2, 8)}
        return plan

    @staticmethod
    def most(plan: Plan, **changed: int) -> int:
        """Return what the lanes of the program that takes most would take if laid out otherwise."""
        return max(
            lanes_bytes(replace(p.layout, chunk=1, **changed), p.footprint) for p in plan.programs
        )

    def resumed(self, store: Store, free: float) -> Plan:
        plan = with_stored_layouts(self.planned(free), store)
        assert {(p.layout.width, p.layout.readers) for p in plan.programs} == {(8, 8)}
        assert {p.layout.devices for p in plan.programs} == {plan.devices}
        return plan

    @pytest.mark.parametrize("groups", [1, 2])
    def test_groups_go_first(self, begun: Plan, store: Store, groups: int) -> None:
        room = begun.room
        free = room.needed(0, 2) + self.most(begun, groups=groups) / MEMORY_SHARE + 1
        plan = self.resumed(store, free)
        assert plan.devices == 2
        assert min(p.layout.groups for p in plan.programs) == groups
        for program in plan.programs:
            assert program.lanes_bytes <= plan.room.for_lanes(2)
            check_memory(program, plan.room)

    def test_devices_go_where_one_group_on_each_is_too_much(
        self, begun: Plan, store: Store
    ) -> None:
        lanes = self.most(begun, groups=1, devices=1)
        plan = self.resumed(store, begun.room.needed(0, 1) + lanes / MEMORY_SHARE + 1)
        assert plan.devices == 1
        # A device less has its copy of the rows less.
        assert begun.held_bytes - plan.held_bytes == self.DATA
        for program in plan.programs:
            assert program.lanes_bytes <= plan.room.for_lanes(1)
            check_memory(program, plan.room)

    def test_what_fits_without_a_reserve_only_is_trained_in_the_fewest_lanes(
        self, begun: Plan, store: Store
    ) -> None:
        lanes = self.most(begun, groups=1, devices=1)
        plan = self.resumed(store, begun.room.needed(lanes, 1))
        largest = max(plan.programs, key=lambda p: p.lanes_bytes)
        assert (largest.lanes_bytes, largest.layout.lanes) == (lanes, 8)
        for program in plan.programs:
            check_memory(program, plan.room)

    def test_what_does_not_fit_is_refused_with_what_is_needed_and_what_is_free(
        self, begun: Plan, store: Store
    ) -> None:
        needed = begun.room.needed(self.most(begun, groups=1, devices=1), 1)
        free = needed - 2**20
        plan = self.resumed(store, free)
        largest = max(plan.programs, key=lambda p: p.lanes_bytes)
        with pytest.raises(UnfinishedError) as refused:
            check_memory(largest, plan.room)
        assert refused.value.code == "memory-short"
        assert f"for which {needed / 2**20:,.0f} MiB are needed" in refused.value.message
        assert f"and {free / 2**20:,.0f} MiB are free" in refused.value.message
        assert "--out" in str(refused.value.hint)

    def test_a_study_that_begins_is_planned_for_what_there_is(self, store: Store) -> None:
        plan = with_stored_layouts(self.planned(free=0), store)
        for program in plan.programs:
            assert program.layout.lanes == 1
            check_memory(program, plan.room)

    def test_a_program_that_is_new_is_held_to_no_width(self, store: Store) -> None:
        plan = self.planned()
        first, _ = plan.programs
        settled(replace(plan, programs=(first,)), store)
        plan = with_stored_layouts(self.planned(free=0), store)
        old, new = plan.programs
        assert (old.layout.width, old.layout.lanes) == (8, 8)
        assert new.layout.lanes == 1
        check_memory(new, plan.room)
