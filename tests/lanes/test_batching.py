"""Continuous batching: every run is trained once, as it would be alone, wherever it lands."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import jax
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.interrupts import deferred_interrupts
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.data import StudyData
from gengap.lanes.ending import Ended
from gengap.lanes.initial import initial_values
from gengap.lanes.layout import Layout
from gengap.lanes.program import Program, Run
from gengap.lanes.reading import read_lanes
from gengap.lanes.slots import Occupant, Slots
from gengap.recipe import Part, Recipe
from lanes.cases import compiled, network_of, program_of, sequential, study_of

EPOCHS, FOLDS = 12, 3
STOPPING = "early_stopping(patience=2, min_delta=0)"
LAYOUT = Layout(width=2, groups=2, chunk=3, readers=2, devices=jax.device_count())


@pytest.fixture(scope="module")
def data() -> StudyData:
    return study_of(folds=FOLDS)


@pytest.fixture(scope="module")
def network() -> Any:
    return network_of(compiled(sequential(), keras.optimizers.Adam(0.05)))


@pytest.fixture(scope="module")
def program(data: StudyData) -> Program:
    program = program_of(["l2=0.1", "dropout=0.1"], count=EPOCHS, judges=[STOPPING])
    return replace(program, rows=min(len(split.training) for split in data.splits))


def runs_of(kinds: Sequence[tuple[str, bool]]) -> list[Run]:
    """Return a run a fold of every recipe; some are judged by their last epoch, too."""
    part = Part.parse(STOPPING)
    return [
        Run(Recipe.parse(recipe), fold, fold, (None, part) if to_the_end else (part,))
        for fold in range(FOLDS)
        for recipe, to_the_end in kinds
    ]


KINDS = (("baseline", True), ("l2=0.1", False), ("dropout=0.3", False), ("l2=0.001", False))


def trained(
    network: Any, program: Program, data: StudyData, runs: Sequence[Run], layout: Layout
) -> dict[Run, Ended]:
    built = compile_program(network, program, data, layout, starts=FOLDS)
    initial = {seed: initial_values(network.model, seed) for seed in range(FOLDS)}
    shared = on_devices(data, layout)
    ended = [run for some in train_lanes(built, runs, data, shared, initial) for run in some]
    assert len(ended) == len(runs)
    return {run.run: run for run in ended}


def bits(ended: Ended) -> list[Any]:
    return [
        (
            judged.epochs,
            judged.best_epoch,
            judged.diverged,
            judged.curves.tobytes(),
            [value.tobytes() for value in (*judged.weights, *judged.others)],
        )
        for judged in ended.judged
    ]


@pytest.fixture(scope="module")
def together(network: Any, program: Program, data: StudyData) -> dict[Run, Ended]:
    return trained(network, program, data, runs_of(KINDS), LAYOUT)


def test_every_run_ends_once(together: dict[Run, Ended]) -> None:
    assert set(together) == set(runs_of(KINDS))
    for run, ended in together.items():
        assert [judged.judgement for judged in ended.judged] == list(run.judgements)
        for judged in ended.judged:
            assert 1 <= judged.best_epoch <= judged.epochs <= EPOCHS
            assert len(judged.curves) == judged.epochs
            assert judged.seconds > 0
    # Some end early, or there would be nothing to batch.
    assert {judged.epochs for ended in together.values() for judged in ended.judged} > {EPOCHS}


@pytest.mark.parametrize(
    "layout",
    [
        replace(LAYOUT, groups=1),
        replace(LAYOUT, groups=3, chunk=5),
        replace(LAYOUT, chunk=1),
    ],
    ids=["one-group", "three-groups", "a-look-every-epoch"],
)
def test_no_layout_of_one_width_changes_a_bit(
    network: Any, program: Program, data: StudyData, together: dict[Run, Ended], layout: Layout
) -> None:
    other = trained(network, program, data, runs_of(KINDS), layout)
    for run, ended in together.items():
        assert bits(other[run]) == bits(ended)


def test_another_number_of_devices_changes_no_more_than_rounding_does(
    network: Any, program: Program, data: StudyData, together: dict[Run, Ended]
) -> None:
    """XLA compiles another program for it, with the same sums in another order."""
    other = trained(network, program, data, runs_of(KINDS), replace(LAYOUT, devices=1))
    for run, ended in together.items():
        for mine, theirs in zip(ended.judged, other[run].judged, strict=True):
            np.testing.assert_allclose(mine.curves[:3], theirs.curves[:3], rtol=1e-4, atol=1e-4)


def test_neither_the_order_nor_the_others_change_a_bit(
    network: Any, program: Program, data: StudyData, together: dict[Run, Ended]
) -> None:
    runs = runs_of(KINDS)
    for some in (runs[::-1], runs[5:6], runs[::3]):
        for run, ended in trained(network, program, data, some, LAYOUT).items():
            assert bits(ended) == bits(together[run])


def test_a_run_that_diverges_ends_and_disturbs_nobody(
    network: Any, program: Program, data: StudyData, together: dict[Run, Ended]
) -> None:
    wild = Run(Recipe.parse("l2=10"), 0, 0, (None,))
    slots = runs_of(KINDS)[:3]
    fast = network_of(compiled(sequential(), keras.optimizers.SGD(1e20)))
    (alone,) = trained(fast, program, data, [wild], LAYOUT).values()
    assert alone.judged[0].diverged
    assert alone.judged[0].epochs < EPOCHS
    beside = trained(fast, program, data, [wild, *slots], LAYOUT)
    assert bits(beside[wild]) == bits(alone)


#: A run whose weights grow by the same factor in every step, and overflow after some epochs;
#: judged by its last epoch, its best, both, and by one that has enough of it before.
PATIENT, HASTY = (
    Part.parse(f"early_stopping(patience={patience}, min_delta=0)") for patience in (11, 1)
)
DIVERGING = [
    Run(Recipe.parse("l2=10"), 0, 0, judgements)
    for judgements in ((None,), (PATIENT,), (None, PATIENT), (HASTY,))
]


@pytest.fixture(scope="module")
def growing() -> Any:
    return network_of(compiled(sequential(), keras.optimizers.SGD(5.0)))


@pytest.fixture(scope="module")
def diverged(growing: Any, program: Program, data: StudyData) -> dict[Run, Ended]:
    """Return what is found where the host looks at every epoch."""
    return trained(growing, program, data, DIVERGING, replace(LAYOUT, chunk=1))


def test_a_run_ends_in_the_epoch_in_which_it_diverges(diverged: dict[Run, Ended]) -> None:
    last, best, both, before = (diverged[run].judged for run in DIVERGING)
    diverged_in = last[0].epochs
    assert 4 < diverged_in < EPOCHS
    for judged in (*last, *best, *both):
        assert judged.epochs == len(judged.curves) == diverged_in
        assert np.isfinite(judged.curves[:-1]).all()
        assert not np.isfinite(judged.curves[-1]).all()
    assert last[0].diverged
    assert last[0].best_epoch == diverged_in
    # What was best before is a result like any other.
    assert not best[0].diverged
    assert best[0].best_epoch < diverged_in
    assert all(np.isfinite(weight).all() for weight in best[0].weights)
    assert not before[0].diverged
    assert before[0].epochs < diverged_in


@pytest.mark.parametrize("chunk", [3, 5, EPOCHS])
def test_a_run_that_diverges_is_the_same_however_long_its_neighbors_go_on(
    chunk: int, growing: Any, program: Program, data: StudyData, diverged: dict[Run, Ended]
) -> None:
    layout, others = replace(LAYOUT, chunk=chunk), runs_of(KINDS)
    for some in (DIVERGING, [*others, *DIVERGING]):
        found = trained(growing, program, data, some, layout)
        for run in DIVERGING:
            assert bits(found[run]) == bits(diverged[run])


def test_runs_are_read_out_whole_whatever_waits(
    network: Any, program: Program, data: StudyData, together: dict[Run, Ended]
) -> None:
    built = compile_program(network, program, data, LAYOUT, starts=FOLDS)
    shared = on_devices(data, LAYOUT)
    ended = list(together.values())
    one_by_one = list(read_lanes(built, [(run,) for run in ended], data, shared))
    at_once = list(read_lanes(built, [tuple(ended)], data, shared))
    found, again = (
        {t.run: t for some in batches for t in some} for batches in (one_by_one, at_once)
    )
    assert set(found) == set(again) == set(together)
    for run, read in found.items():
        for record, other, judged in zip(
            read.records, again[run].records, together[run].judged, strict=True
        ):
            np.testing.assert_array_equal(record.predictions, other.predictions)
            np.testing.assert_array_equal(record.noisy_predictions, other.noisy_predictions)
            assert record.epochs == judged.epochs
            assert record.predictions.shape == (len(data.targets), 3)
            np.testing.assert_allclose(record.predictions.sum(axis=1), 1, rtol=1e-5)


def test_what_has_ended_is_read_before_an_interrupt_goes_on(
    network: Any, program: Program, data: StudyData, together: dict[Run, Ended]
) -> None:
    built = compile_program(network, program, data, replace(LAYOUT, readers=64), starts=FOLDS)
    ended = list(together.values())[:2]

    def interrupted() -> Any:
        yield tuple(ended)
        raise KeyboardInterrupt

    reading = read_lanes(built, interrupted(), data, on_devices(data, LAYOUT))
    assert [read.run for read in next(reading)] == [run.run for run in ended]
    with pytest.raises(KeyboardInterrupt):
        next(reading)


class TestInterrupts:
    """A first interrupt waits for the look that follows; a second one does not."""

    @pytest.fixture(autouse=True)
    def interrupts_arrive(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @staticmethod
    def interrupted(
        network: Any, program: Program, data: StudyData, *, chunk: int, times: int = 1
    ) -> tuple[list[Ended], list[int], list[tuple[float, float]]]:
        """Interrupt while a chunk is computed, and once more for every time that it is told.

        Returns
        -------
        list of Ended
        list of int
            Epochs that were trained, chunk by chunk.
        list of tuple of float
            What was told.
        """
        layout = replace(LAYOUT, chunk=EPOCHS - 2)
        built = compile_program(network, program, data, layout, starts=FOLDS)
        initial = {seed: initial_values(network.model, seed) for seed in range(FOLDS)}
        advance, chunks = built.advance, count(1)
        ended: list[Ended] = []
        epochs: list[int] = []
        told: list[tuple[float, float]] = []

        def trapped(*given: Any) -> Any:
            computing = advance(*given)
            if next(chunks) == chunk:
                signal.raise_signal(signal.SIGINT)
            return computing

        def tell(passed: float, expected: float) -> None:
            told.append((passed, expected))
            for _ in range(times - 1):
                signal.raise_signal(signal.SIGINT)

        def train() -> None:
            shared = on_devices(data, layout)
            with deferred_interrupts(tell) as interrupts:
                for some in train_lanes(
                    built,
                    runs_of(KINDS),
                    data,
                    shared,
                    initial,
                    on_epochs=epochs.append,
                    interrupts=interrupts,
                    epoch_seconds=1000.0,
                ):
                    ended.extend(some)

        built.__dict__["advance"] = trapped
        with pytest.raises(KeyboardInterrupt):
            train()
        return ended, epochs, told

    def test_what_ended_in_the_chunk_is_not_lost(
        self, network: Any, program: Program, data: StudyData, together: dict[Run, Ended]
    ) -> None:
        ended, epochs, told = self.interrupted(network, program, data, chunk=1)
        assert epochs == [(EPOCHS - 2) * LAYOUT.lanes]
        # Some stopped early, and some are judged by their last epoch.
        assert 0 < len(ended) < LAYOUT.lanes
        for run in ended:
            assert bits(run) == bits(together[run.run])
        ((_, expected),) = told
        assert expected == (EPOCHS - 2) * LAYOUT.groups * 1000

    def test_how_long_it_waits_is_measured(
        self, network: Any, program: Program, data: StudyData
    ) -> None:
        _, epochs, told = self.interrupted(network, program, data, chunk=2)
        assert len(epochs) == 2
        ((_, expected),) = told
        assert 0 < expected < 1000

    def test_a_second_one_does_not_wait(
        self, network: Any, program: Program, data: StudyData
    ) -> None:
        ended, epochs, told = self.interrupted(network, program, data, chunk=1, times=2)
        assert len(told) == 1
        assert not epochs
        assert not ended


class TestSlots:
    """Who is where, without any training."""

    @staticmethod
    def occupants(count: int) -> list[Occupant]:
        return [Occupant(Run(Recipe(), 0, seed, (None,)), (None,)) for seed in range(count)]

    @given(
        st.integers(0, 40),
        st.builds(
            Layout,
            width=st.integers(1, 4),
            groups=st.integers(1, 3),
            chunk=st.just(1),
            readers=st.just(1),
            devices=st.integers(1, 3),
        ),
        st.randoms(use_true_random=False),
    )
    def test_all_get_their_turn_and_live_lanes_close_ranks(
        self, count: int, layout: Layout, random: Any
    ) -> None:
        waiting = self.occupants(count)
        slots, seen = Slots(waiting, layout), []
        while True:
            before = dict(slots.live())
            admitted = slots.admit()
            source = None if admitted else slots.compact()
            live = dict(slots.live())
            if source is not None:
                # Everybody goes on, from where they were.
                assert {live[lane].run.seed for lane in live} == {
                    o.run.seed for o in before.values()
                }
                for lane, occupant in live.items():
                    assert before[source[lane]] is occupant
                assert slots.compact() is None
            if not live:
                break
            groups = slots.live_groups()
            for lane in live:
                device, group = divmod(lane // layout.width, layout.groups)
                assert group < groups[device]
            if not admitted and len(seen) + len(live) == count:
                # Nobody waits: no group is trained for nothing.
                assert groups.max() == -(-len(live) // (layout.devices * layout.width))
            ending = random.sample(sorted(live), random.randint(1, len(live)))
            for lane in ending:
                seen.append(live[lane].run.seed)
                slots.release(lane)
        assert sorted(seen) == list(range(count))

    def test_devices_share_the_first_runs(self) -> None:
        slots = Slots(self.occupants(3), Layout(2, 2, chunk=1, readers=1, devices=2))
        slots.admit()
        assert [lane for lane, _ in slots.live()] == [0, 1, 4]
        assert slots.live_groups().tolist() == [1, 1]

    def test_the_last_runs_move_together(self) -> None:
        slots = Slots(self.occupants(8), Layout(2, 2, chunk=1, readers=1, devices=2))
        slots.admit()
        for lane in (0, 1, 4, 5):
            slots.release(lane)
        assert slots.live_groups().tolist() == [2, 2]
        source = slots.compact()
        assert source is not None
        assert sorted(source[lane] for lane, _ in slots.live()) == [2, 3, 6, 7]
        assert slots.live_groups().tolist() == [1, 1]
