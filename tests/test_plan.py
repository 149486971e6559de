"""The plan: what is trained, in which programs, and that it follows from the study alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gengap.costs import compiling_bytes, lone_layout
from gengap.lanes.layout import LOOK_SECONDS, ORDER_BYTES, lanes_bytes
from gengap.lanes.program import Asked, Program, Run
from gengap.networks.models import resolve_model
from gengap.networks.variants import Variant
from gengap.plan import Plan, Settings
from gengap.planning import candidates_of, make_plan
from gengap.programs import merged, steps_of
from gengap.recipe import Part, Recipe, parse_candidates
from gengap.splits import Split, make_splits
from gengap.step_time import StepTime, step_time
from gengap.techniques.discovery import find_technique
from gengap.wording import duration

ROWS, COLUMNS = 120, 5

#: Techniques of a step, no two of which exclude each other.
PARTS = ("l1", "l2", "dropout", "gaussian_noise", "weight_decay")


def network() -> keras.Model:
    return resolve_model("mlp:8", input_shape=(COLUMNS,), outputs=2, task="classification")


def folds_of(sizes: Sequence[int]) -> tuple[Split, ...]:
    """Return one split a number of training rows."""
    one = np.arange(1)
    return tuple(Split(0, fold, np.arange(size), one, one) for fold, size in enumerate(sizes))


def plan_of(
    techniques: str,
    *,
    model: keras.Model | None = None,
    splits: Sequence[Split] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    devices: int | None = None,
    **rest: Any,
) -> Plan:
    if splits is None:
        target = np.arange(ROWS) % 2
        splits = make_splits(target, task="classification", folds=4, repeats=1, seed=0)
    return make_plan(
        model or network(),
        candidates_of(parse_candidates(techniques), seed=seed),
        splits,
        Settings(epochs, batch_size, seed),
        task="classification",
        devices=devices,
        **rest,
    )


def described(plan: Plan) -> Any:
    """Return a plan as plain text and numbers, equal for equal plans."""
    return [
        (
            planned.variant,
            planned.program,
            planned.layout,
            [(str(r.recipe), r.split, r.seed, tuple(map(str, r.judgements))) for r in planned.runs],
        )
        for planned in plan.programs
    ]


class TestRuns:
    def test_judgements_share_runs(self) -> None:
        plan = plan_of(
            "l2=1e-3, early_stopping, l2=1e-3+early_stopping, early_stopping(patience=3)"
        )
        stopping = Part.parse("early_stopping(patience=10, min_delta=0)")
        earlier = Part.parse("early_stopping(patience=3, min_delta=0)")
        (planned,) = plan.programs
        judged = {str(run.recipe): run.judgements for run in planned.runs if run.split == 0}
        assert judged == {"baseline": (None, stopping, earlier), "l2=1e-3": (None, stopping)}
        assert plan.runs == 2 * 4
        assert plan.trials == 5 * 4
        # As many slots as one run asks for, not as many as there are judgements in all.
        assert planned.program.judges == (Asked.of(stopping), Asked.of(earlier))

    def test_a_recipe_that_several_candidates_try_is_trained_once(self) -> None:
        plan = plan_of("l2, l2=0.001, l2=0.001+early_stopping")
        recipes = [str(run.recipe) for p in plan.programs for run in p.runs if run.split == 0]
        assert len(recipes) == len(set(recipes)) == 1 + len(find_technique("l2").strengths[0].grid)

    def test_the_baseline_stands_first_whether_named_or_not(self) -> None:
        for words in ("l2, baseline", "l2"):
            names = [candidate.name for candidate in plan_of(words).candidates]
            assert names == ["baseline", "l2"]

    def test_runs_of_a_fold_share_their_seed_and_folds_do_not(self) -> None:
        splits = make_splits(np.arange(ROWS) % 2, task="classification", folds=4, repeats=2, seed=3)
        plan = plan_of("l2=1e-3, dropout=0.2, batch_norm", splits=splits, seed=3)
        seeds: dict[int, set[int]] = {}
        for planned in plan.programs:
            for run in planned.runs:
                seeds.setdefault(run.split, set()).add(run.seed)
        assert all(len(found) == 1 for found in seeds.values())
        assert len(set.union(*seeds.values())) == len(seeds) == 8
        other = plan_of("l2=1e-3", splits=splits, seed=4)
        assert {run.seed for run in other.programs[0].runs}.isdisjoint(set.union(*seeds.values()))

    def test_open_strengths_are_said_where_there_is_exactly_one(self) -> None:
        single = {c.name: c.single for c in plan_of("l2, l2+dropout, l2+dropout=0.1").candidates}
        assert single == {
            "baseline": None,
            "l2": ("l2", "strength"),
            "l2 + dropout": None,
            "l2 + dropout=0.1": ("l2", "strength"),
        }
        assert candidates_of([Recipe.parse("early_stopping")], seed=0)[0].single is None

    def test_a_combination_tries_at_most_sixteen_points(self) -> None:
        (_, candidate) = candidates_of([Recipe.parse("l1+weight_decay+dropout")], seed=0)
        assert len(candidate.grid) == len(set(candidate.grid)) == 16
        (_, again) = candidates_of([Recipe.parse("l1+weight_decay+dropout")], seed=0)
        assert candidate.grid == again.grid
        (_, other) = candidates_of([Recipe.parse("l1+weight_decay+dropout")], seed=1)
        assert candidate.grid != other.grid


class TestPrograms:
    def test_cheap_techniques_share_a_program(self) -> None:
        plan = plan_of("l2=1e-3, weight_decay=0.1, dropout=0.2, label_smoothing=0.1")
        (planned,) = plan.programs
        names = [asked.technique for asked in planned.program.techniques]
        assert names == ["l2", "weight_decay", "dropout", "label_smoothing"]
        assert planned.variant == Variant()

    def test_a_long_study_gives_every_set_its_own_program(self) -> None:
        """Unused hooks cost more than another compilation there."""
        plan = plan_of("l1, dropout=0.2, label_smoothing=0.1", epochs=5_000_000)
        sets = [{asked.technique for asked in p.program.techniques} for p in plan.programs]
        assert sorted(map(sorted, sets)) == [[], ["dropout"], ["l1"], ["label_smoothing"]]

    def test_two_forms_of_a_technique_never_share_a_program(self) -> None:
        plan = plan_of("l1=0.01, l1(strength=0.01, form=subgradient), l2=0.01")
        for planned in plan.programs:
            names = [asked.technique for asked in planned.program.techniques]
            assert len(names) == len(set(names))
        forms = [dict(a.options) for p in plan.programs for a in p.program.techniques if a.options]
        assert sorted(form["form"] for form in forms) == ["proximal", "subgradient"]

    def test_no_lane_is_beside_a_second_pass_that_it_has_no_use_for(self) -> None:
        techniques = "sam=0.1, l2=0.1, sam=0.05+l2=0.1, adversarial=0.1, adversarial=0.1+sam=0.1"
        programs = {
            frozenset(str(run.recipe) for run in planned.runs)
            for planned in plan_of(techniques).programs
        }
        assert programs == {
            frozenset({"baseline", "l2=0.1"}),
            frozenset({"sam=0.1", "l2=0.1 + sam=0.05"}),
            frozenset({"adversarial=0.1"}),
            frozenset({"adversarial=0.1 + sam=0.1"}),
        }

    def test_judgements_that_look_at_every_step_weigh_in_like_techniques(self) -> None:
        techniques = "l2=0.1, dropout=0.2+l2=0.1, ema=0.9, ema=0.99, swa"
        cheap, dear = (plan_of(techniques, epochs=epochs).programs for epochs in (10, 2_000_000))
        judged = [[asked.technique for asked in p.program.judges] for p in (*cheap, *dear)]
        assert judged[0] == ["ema", "ema", "swa", "swa"]
        assert len(cheap) == 1
        # A long study trains the runs that nobody averages beside no average.
        assert sorted(judged[1:]) == [[], [], ["ema", "ema", "swa", "swa"]]

    def test_only_what_chooses_an_epoch_may_end_early(self) -> None:
        parts = {name: Part.parse(name) for name in ("early_stopping", "ema=0.9", "swa=0.5")}
        stopping, ema, swa = parts.values()
        ends = {
            parts: Run(Recipe(), 0, 0, parts).may_end_early
            for parts in ((stopping,), (stopping, None), (ema,), (stopping, swa), (None,))
        }
        assert list(ends.values()) == [True, False, False, False, False]

    def test_every_run_finds_its_own_form(self) -> None:
        plan = plan_of("l1=0.01, l1(strength=0.01, form=subgradient), l2=0.01, dropout=0.1")
        for planned in plan.programs:
            for run in planned.runs:
                assert set(steps_of([run.recipe])) <= set(planned.program.techniques)

    @given(
        st.lists(st.sets(st.sampled_from(PARTS), max_size=4), min_size=1, max_size=20),
        st.floats(1, 50),
    )
    # The last set completes the first to a program that the two between have made already.
    @example(
        [
            *[{"dropout", "gaussian_noise"}] * 5,
            {"dropout", "l2"},
            {"gaussian_noise", "l2"},
            {"dropout", "gaussian_noise", "l2"},
        ],
        8.3,
    )
    def test_every_run_is_in_exactly_one_program(
        self, sets: list[set[str]], run_seconds: float
    ) -> None:
        recipes = [Recipe.parse("+".join(f"{name}=0.1" for name in parts)) for parts in sets]
        runs = [Run(recipe, 0, seed, (None,)) for seed, recipe in enumerate(recipes)]
        together = merged(runs, StepTime(1e-3), 1e3 * run_seconds)
        assert sorted(run.seed for some in together for run in some) == list(range(len(runs)))

    @pytest.mark.parametrize("epochs", [10, 30_000, 150_000, 500_000, 5_000_000])
    def test_the_devices_have_no_say_in_which_programs_there_are(self, epochs: int) -> None:
        techniques = "l1, dropout=0.2, label_smoothing=0.1, batch_norm, gaussian_noise=0.1+l2=0.1"
        first, *others = (
            [
                (planned.variant, planned.program, [(str(r.recipe), r.split) for r in planned.runs])
                for planned in plan_of(techniques, epochs=epochs, devices=devices).programs
            ]
            for devices in (1, 2, 7, 64)
        )
        assert all(other == first for other in others)

    def test_inserted_layers_are_a_program_of_their_own(self) -> None:
        plan = plan_of("batch_norm, batch_norm+dropout=0.2, dropout=0.2")
        variants = {p.variant: {str(r.recipe) for r in p.runs} for p in plan.programs}
        assert variants == {
            Variant(): {"baseline", "dropout=0.2"},
            Variant(inserting=("batch_norm",)): {"batch_norm", "batch_norm + dropout=0.2"},
        }

    def test_what_is_replaced_is_a_program_of_its_own(self) -> None:
        model = keras.Sequential(
            [
                keras.Input((COLUMNS,)),
                keras.layers.Dense(8, kernel_regularizer="l2"),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        plan = plan_of(
            "none, l2=0.1, dropout=0.1, l2=0.1+dropout=0.1, label_smoothing=0.1", model=model
        )
        variants = {p.variant.off: {str(r.recipe) for r in p.runs} for p in plan.programs}
        assert variants == {
            (): {"baseline", "label_smoothing=0.1"},
            ("kernel_l2",): {"l2=0.1"},
            ("dropout",): {"dropout=0.1"},
            ("dropout", "kernel_l2"): {"none", "dropout=0.1 + l2=0.1"},
        }

    def test_techniques_act_in_the_order_of_the_step(self) -> None:
        recipe = Recipe.parse("label_smoothing=0.1+gaussian_noise=0.1+dropout=0.1+l1=0.1+l2=0.1")
        steps = steps_of([recipe])
        orders = [(find_technique(a.technique).order, a.technique) for a in steps]
        assert orders == sorted(orders)
        assert steps_of([recipe, Recipe.parse("early_stopping")]) == steps


class TestEpochs:
    def test_folds_share_a_program_where_an_epoch_leaves_out_two_percent_at_most(self) -> None:
        plan = plan_of("l2=1e-3", splits=folds_of([98, 100, 99]))
        (planned,) = plan.programs
        assert planned.program.rows == 98

    def test_folds_of_another_size_get_their_own(self) -> None:
        plan = plan_of("l2=1e-3", splits=folds_of([97, 100, 98]))
        rows = {p.program.rows: sorted({run.split for run in p.runs}) for p in plan.programs}
        assert rows == {97: [0, 2], 100: [1]}

    def test_no_fold_ever_loses_over_two_percent(self) -> None:
        sizes = [50, 51, 52, 53, 60, 61, 200, 203, 204, 205]
        plan = plan_of("l2=1e-3", splits=folds_of(sizes))
        of_split = {run.split: p.program.rows for p in plan.programs for run in p.runs}
        for fold, size in enumerate(sizes):
            assert 0.98 * size <= of_split[fold] <= size

    def test_a_batch_is_no_larger_than_an_epoch(self) -> None:
        (planned,) = plan_of("l2=1e-3", splits=folds_of([20, 20])).programs
        program = planned.program
        assert (program.batch_size, program.full_steps, program.remainder) == (20, 1, 0)
        (planned,) = plan_of("l2=1e-3", splits=folds_of([70, 70])).programs
        program = planned.program
        assert (program.full_steps, program.remainder, program.steps) == (2, 6, 3)


class TestSameness:
    TECHNIQUES = (
        "l1, l2, weight_decay, dropout, batch_norm, early_stopping, label_smoothing, "
        "l2+dropout+early_stopping, l1(form=subgradient), gaussian_noise, elastic_net"
    )

    def test_the_same_study_has_the_same_plan(self) -> None:
        splits = folds_of([97, 100, 98])
        first, second = (plan_of(self.TECHNIQUES, splits=splits) for _ in range(2))
        assert described(first) == described(second)
        assert first.seconds == second.seconds
        assert [p.lanes_bytes for p in first.programs] == [p.lanes_bytes for p in second.programs]

    def test_the_plan_does_not_hang_on_how_a_process_hashes_words(self) -> None:
        parts = ("l2", "dropout", "gaussian_noise", "label_smoothing", "weight_decay", "l1")
        pairs = ",".join(f"{a}=0.1+{b}=0.1" for a in parts for b in parts if a < b)
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from test_plan import described, plan_of\n"
            "print(described(plan_of(sys.argv[2], epochs=300_000)))"
        )
        here = f"{described(plan_of(pairs, epochs=300_000))}\n"
        there = subprocess.run(
            [sys.executable, "-c", code, Path(__file__).parent, pairs],
            # Where lanes lie follows from the devices.
            env={
                **os.environ,
                "PYTHONHASHSEED": "1",
                "KERAS_BACKEND": "jax",
                "JAX_NUM_CPU_DEVICES": str(jax.device_count()),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert here.count("Program(") > 1
        assert here == there

    def test_width_serves_the_whole_study(self) -> None:
        plan = plan_of(self.TECHNIQUES)
        devices = jax.device_count()
        for planned in plan.programs:
            assert 1 <= planned.layout.width <= 16
            share = -(-len(planned.runs) // devices)
            assert planned.layout.lanes <= devices * share
        assert plan.width == max(p.layout.width for p in plan.programs)

    def test_runs_that_may_end_early_get_groups_that_can_be_left_out(self) -> None:
        splits = folds_of([100] * 64)
        (early,) = plan_of("early_stopping(patience=3)+l2=0.1", splits=splits).programs[:1]
        plan = plan_of("l2=0.1+early_stopping, dropout=0.1", splits=splits)
        for planned in (early, *plan.programs):
            may_end = any(None not in run.judgements for run in planned.runs)
            assert (planned.layout.groups > 1) == may_end

    def test_little_memory_means_fewer_lanes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wide = resolve_model(
            "mlp:512,512", input_shape=(COLUMNS,), outputs=2, task="classification"
        )
        splits = folds_of([100] * 64)
        plenty = plan_of("l2=0.1", model=wide, splits=splits, devices=2)
        monkeypatch.setattr("gengap.planning.available_bytes", lambda devices: 3.3e8)
        little = plan_of("l2=0.1", model=wide, splits=splits, devices=2)
        assert little.programs[0].layout.lanes < plenty.programs[0].layout.lanes
        assert little.bytes < plenty.bytes

    def test_very_little_memory_means_fewer_devices_with_fewer_copies_of_the_rows(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = 50_000_000

        def planned(available: float) -> Plan:
            monkeypatch.setattr("gengap.planning.available_bytes", lambda devices: available)
            return plan_of("l2=0.1, batch_norm", devices=8, data_bytes=rows)

        compiling = compiling_bytes(2)
        plenty, little, least = planned(1e12), planned(compiling + 4.2 * rows), planned(1e8)
        assert [plan.devices for plan in (plenty, little, least)] == [8, 4, 1]
        for plan in (plenty, little, least):
            assert {p.layout.devices for p in plan.programs} == {plan.devices}
        assert plenty.held_bytes - little.held_bytes == pytest.approx(4 * rows, rel=0.05)


class TestFrozenNetworks:
    """What is not trained takes memory all the same: in lanes, tables of starts, best epochs."""

    @staticmethod
    def frozen(units: int) -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((COLUMNS,)),
                keras.layers.Dense(units, trainable=False),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
        return model

    def test_every_lane_holds_them_and_every_best_epoch(self) -> None:
        (planned,) = plan_of("l2=0.1, early_stopping", model=self.frozen(1000)).programs
        lane = planned.footprint
        assert (lane.parameters, lane.others) == (1000 * 2 + 2, COLUMNS * 1000 + 1000)
        # Itself, its gradient, Adam's two, the best epoch's; what is frozen has no gradient.
        assert lane.state_bytes == 4 * (lane.parameters * 5 + lane.others * 2)

    @pytest.mark.parametrize(
        ("techniques", "carried", "kept"),
        [
            ("lookahead=0.5", 2002, 0),
            ("ema", 3 * 2002, 0),
            ("swa=0.5", 0, 2002 + 1),
            ("snapshot_ensemble(members=3)", 0, 3 * (2002 + COLUMNS * 1000 + 1000) + 3),
        ],
    )
    def test_so_is_what_techniques_and_judgements_hold(
        self, techniques: str, carried: int, kept: int
    ) -> None:
        model = self.frozen(1000)
        (planned,) = plan_of(techniques, model=model).programs
        (plain,) = plan_of("l2=0.1", model=model).programs
        lane = planned.footprint
        assert (lane.carried, lane.kept) == (carried, kept)
        assert lane.state_bytes - plain.footprint.state_bytes == 4 * (carried + kept)
        # What is only written at the end of an epoch is not in a step's way.
        assert lane.touched_bytes - plain.footprint.touched_bytes == 4 * carried

    def test_so_is_what_the_training_on_all_rows_holds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gengap.planning.process_bytes", lambda: 0)
        model = self.frozen(1000)
        plain, averaged = (
            plan_of(techniques, model=model).refit_bytes
            for techniques in ("l2=0.1", "l2=0.1, ema, snapshot_ensemble(members=3)")
        )
        # One lane of three networks, of which there are three copies while it trains.
        assert averaged - plain == 3 * 4 * (3 * (2002 + COLUMNS * 1000 + 1000) + 3)

    def test_a_large_one_is_planned_in_narrower_groups(self) -> None:
        splits = folds_of([100] * 64)
        small, large = (
            plan_of("l2=0.1", model=self.frozen(units), splits=splits) for units in (8, 100_000)
        )
        assert large.width == 2 < small.width

    def test_the_values_that_runs_begin_with_are_counted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What the process holds besides grows while plans are made.
        monkeypatch.setattr("gengap.planning.process_bytes", lambda: 0)
        model = self.frozen(100_000)
        few, many = (
            plan_of("l2=0.1", model=model, splits=folds_of([100] * folds), devices=1)
            for folds in (16, 64)
        )
        network = 4 * model.count_params()
        assert few.programs[0].layout == many.programs[0].layout
        more = many.held_bytes - few.held_bytes
        assert more == pytest.approx((64 - 16) * network, rel=0.05)
        (planned,) = many.programs
        tables = planned.lanes_bytes - lanes_bytes(
            planned.layout, replace(planned.footprint, starts=0)
        )
        # On the device, the one that it replaces, and on the host.
        assert tables == 3 * planned.layout.lanes * network


class TestRefit:
    def program(self, rows: int) -> Program:
        return Program((), (), rows, epochs=100, batch_size=32, task="classification")

    @pytest.mark.parametrize("rows", [50, 1_000, 100_000, 2_000_000, 30_000_000])
    def test_it_is_looked_at_about_once_a_second_and_sends_few_orders(self, rows: int) -> None:
        layout = lone_layout(network(), self.program(rows))
        one_step = step_time(network(), 32).seconds
        assert layout.lanes == layout.devices == 1
        epochs_at_once = layout.chunk
        assert epochs_at_once == 1 or epochs_at_once * 4 * rows <= ORDER_BYTES
        assert epochs_at_once == 1 or epochs_at_once * rows / 32 * one_step <= LOOK_SECONDS

    def test_it_is_counted_where_it_is_the_peak(self) -> None:
        model = TestFrozenNetworks.frozen(8)
        splits = tuple(replace(split, test=np.arange(10**7)) for split in folds_of([100] * 2))
        plan = plan_of("l2=0.1", model=model, splits=splits, devices=1)
        assert plan.refit_bytes > 8 * 10**7
        assert plan.bytes >= plan.refit_bytes
        little = replace(plan, held_bytes=0)
        assert little.bytes == max(plan.refit_bytes, plan.programs[0].lanes_bytes)


class TestDescription:
    def test_it_counts(self) -> None:
        plan = plan_of("l2=1e-3, early_stopping")
        assert plan.describe().startswith(
            "12 trials (2 candidates and the baseline, 4 folds) from 8 runs in 1 compiled "
        )
        record = json.loads(plan.to_json())
        assert record["trials"] == 12
        assert record["runs"] == 8
        assert record["candidates"] == ["baseline", "l2=1e-3", "early_stopping"]
        assert record["lane_width"] == plan.width

    def test_it_explains_where_the_lanes_are(self) -> None:
        plan = plan_of("l2=1e-3, batch_norm, early_stopping")
        text = plan.explain()
        assert text.startswith(plan.describe())
        assert text.count("program ") == len(plan.programs) == 2
        assert "with l2 in every step (the model as given)" in text
        assert "(the model with batch_norm)" in text
        for planned in plan.programs:
            assert f"{planned.layout.width} lane" in text

    def test_it_counts_what_takes_time_besides_training(self) -> None:
        plan = plan_of("l2=1e-3, early_stopping", cells=10**8, epochs=100_000)
        besides = plan.besides
        parts = (besides.preparing, besides.scoring, besides.refit, besides.report)
        programs = sum(planned.seconds for planned in plan.programs)
        assert plan.seconds == pytest.approx(programs + sum(parts))
        last = plan.explain().splitlines()[-1]
        assert last == besides.explain()
        assert f"{duration(besides.preparing)} for reading, auditing and preparing" in last
        record = json.loads(plan.to_json())
        assert record["estimated_seconds"] == pytest.approx(plan.seconds, abs=0.1)
        assert list(record["estimated_seconds_besides"].values()) == pytest.approx(parts, abs=0.1)

    def test_seconds_are_those_of_this_machine_but_where_a_budget_is_held_against_them(
        self,
    ) -> None:
        plan = plan_of("l2=1e-3, batch_norm", epochs=100_000)
        here = replace(plan, slowness=3.0)
        assert here.nominal_seconds == plan.nominal_seconds == plan.seconds
        assert here.seconds == 3 * plan.seconds
        assert f"about {duration(3 * plan.seconds)} and" in here.describe()
        text = here.explain()
        for planned in plan.programs:
            assert f"about {duration(3 * planned.seconds)} with compiling" in text
        assert plan.besides.explain(3.0) in text
        assert "3.00 times as long on this machine" in text
        assert "on this machine" not in plan.explain()
        record, nominal = json.loads(here.to_json()), json.loads(plan.to_json())
        assert record["slowness"] == 3
        assert record["estimated_seconds"] == pytest.approx(3 * plan.seconds, abs=0.1)
        for one, other in zip(record["layouts"], nominal["layouts"], strict=True):
            assert one["estimated_seconds"] == pytest.approx(
                3 * other["estimated_seconds"], abs=0.3
            )
        scaled = record["estimated_seconds_besides"].values()
        assert list(scaled) == pytest.approx(
            [3 * part for part in nominal["estimated_seconds_besides"].values()], abs=0.3
        )

    def test_a_budget_that_does_not_suffice_is_said_with_the_reason(self) -> None:
        plan = plan_of("l2=1e-3", epochs=100_000)
        slow = replace(plan, slowness=3.0)
        between = 2 * plan.nominal_seconds
        assert "budget" not in plan.describe(between) + slow.describe(4 * plan.nominal_seconds)
        why = "this machine takes 3.0 times what budgets reckon with"
        assert f"(more than the budget of {duration(between)}: {why})" in slow.describe(between)
        short = plan.nominal_seconds / 2
        assert plan.describe(short).endswith(f"(more than the budget of {duration(short)})")
        assert slow.explain(between).startswith(slow.describe(between))

    def test_large_data_takes_time_besides_training(self) -> None:
        little = plan_of("l2=1e-3").besides
        splits = folds_of([100] * 4)
        large = tuple(replace(split, test=np.arange(10**6)) for split in splits)
        assert plan_of("l2=1e-3", cells=10**8).besides.preparing > 10 > little.preparing == 0
        # All rows of a trial are scored, those of the test part twice; the refit learns from all.
        few, many = (plan_of("l2=1e-3", splits=some).besides for some in (splits, large))
        assert many.scoring > 1e4 * few.scoring
        assert many.refit > few.refit
        assert plan_of("l2=1e-3", splits=splits, refits=2).besides.refit == 2 * few.refit

    def test_more_of_anything_takes_longer(self) -> None:
        little = plan_of("l2=1e-3")
        assert plan_of("l2=1e-3", epochs=1000).seconds > little.seconds
        assert plan_of("l2, dropout, l1, weight_decay").seconds > little.seconds
        wide = resolve_model("mlp:512", input_shape=(COLUMNS,), outputs=2, task="classification")
        assert (
            plan_of("l2=1e-3", model=wide, epochs=1000).seconds
            > plan_of("l2=1e-3", epochs=1000).seconds
        )
        assert plan_of("l2=1e-3", model=wide).bytes > little.bytes


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_plan_carries_the_task(task: str) -> None:
    plan = make_plan(
        network(), candidates_of([], seed=0), folds_of([20]), Settings(1, 8, 0), task=task
    )
    assert plan.programs[0].program.task == task
