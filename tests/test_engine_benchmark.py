"""The engine's benchmark: its arithmetic, and the whole of it in tiny sizes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from keras_network import build
from suite import environments, page
from suite.data import read_images, write_rows
from suite.environments import Environments
from suite.goals import Goal, Judged, judge
from suite.growth import SERIES, points
from suite.limit import forward_products, step_products, weights_of
from suite.race import COLD
from suite.spent import KINDS, PHASES, left_by_goals
from suite.stopping import filled_and_emptied
from suite.works import PEERS, WORKS, tiny

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"


def _operations(products):
    return sum(product.operations for product in products)


def test_the_products_of_dense_layers_leave_out_the_gradient_of_the_inputs():
    work = WORKS["mnist128"]
    forward = 2 * 128 * (784 * 128 + 128 * 10)
    assert _operations(forward_products(work, 128)) == forward
    assert _operations(step_products(work)) == 2 * forward + 2 * 128 * 128 * 10


def test_a_convolution_is_a_product_of_its_patches():
    first, second, last = forward_products(WORKS["cnn"], 32)
    assert first.shape == (32 * 26 * 26, 9, 16)
    assert second.shape == (32 * 11 * 11, 9 * 16, 32)
    assert last.shape == (32, 5 * 5 * 32, 10)


def test_an_lstm_multiplies_inputs_and_states_at_every_step():
    inputs, states, _ = forward_products(WORKS["lstm"], 32)
    assert (inputs.shape, inputs.count) == ((32, 8, 128), 30)
    assert (states.shape, states.count) == ((32, 32, 128), 29)


@pytest.mark.parametrize("name", WORKS)
def test_the_weights_are_those_of_the_network(name):
    work = WORKS[name]
    spec = {"shape": work.shape, "network": work.network, "classes": work.classes}
    model = build(spec)
    assert weights_of(work) == sum(int(np.prod(v.shape)) for v in model.trainable_weights)


@pytest.mark.parametrize("name", WORKS)
def test_every_work_names_its_peers_or_says_why_not(name):
    work = WORKS[name]
    assert set(work.peers) <= set(PEERS)
    assert not set(work.peers) & {peer for peer, _ in work.without}
    assert len(set(work.techniques)) == len(work.techniques)


def test_the_studies_have_the_trials_that_the_goals_are_about():
    assert {name: WORKS[name].trials for name in ("table", "mnist32", "cnn", "lstm")} == {
        "table": 500,
        "mnist32": 16,
        "cnn": 8,
        "lstm": 32,
    }
    assert WORKS["table"].rows_trained == 1023


def test_the_series_grow_from_one_end_to_the_other():
    sizes = {
        series: [point.size for point in points(series, WORKS["table"], quick=False)]
        for series in SERIES
    }
    assert (sizes["runs"][0], sizes["runs"][-1]) == (2, 1024)
    assert (sizes["techniques"][0], sizes["techniques"][-1]) == (1, 12)
    assert (sizes["rows"][0], sizes["rows"][-1]) == (1_000, 1_000_000)
    for point in points("runs", WORKS["table"], quick=False):
        assert point.work.trials == point.size
        assert len(set(point.work.techniques)) == len(point.work.techniques)


def test_lanes_that_are_filled_and_emptied_cost_their_longest_run():
    assert filled_and_emptied([10, 1, 1, 1, 3], lanes=2) == 2 * (10 + 1 + 3)
    assert filled_and_emptied([10, 1, 1, 1, 3], lanes=1) == 16


@pytest.mark.parametrize(
    ("ratio", "at_most", "why", "status"),
    [
        (2.0, False, "", "met"),
        (1.9, False, "", "not met"),
        (2.0, True, "", "met"),
        (2.1, True, "", "not met"),
        (3.0, False, "did not learn what the others did", "not met"),
        (None, False, "not installed", "not measured"),
    ],
)
def test_a_goal_is_met_from_its_bound_on(ratio, at_most, why, status):
    goal = Goal("table", "work", "peer", 2.0, at_most)
    assert Judged(goal, ratio, why).status == status


def test_goals_take_their_ratios_from_the_record():
    title = PEERS["keras-jax"].title
    rows = [
        {"name": COLD, "ratio": 1.0, "learned": True},
        {"name": title, "ratio": 61.0, "learned": True},
    ]
    race = {"title": "t", "rows": rows, "absent": {PEERS["pytorch"].title: "cannot be installed"}}
    race["absent"] |= {PEERS[name].title: "why" for name in ("keras-tensorflow", "sklearn")}
    growing = [
        {"size": 64, "time_ratio": 5.0, "memory_ratio": 1.0},
        {"size": 128, "time_ratio": 2.2, "memory_ratio": 1.2},
    ]
    record = {
        "works": {"table": race},
        "limits": {"works": {"mnist128": {"share": 0.7}}},
        "stopping": None,
        "growth": {"runs": {"points": growing}},
    }
    found = {(one.goal.part, one.goal.against): one for one in judge(record)}
    assert found["table", title].status == "met"
    assert found["table", PEERS["pytorch"].title].why == "cannot be installed"
    assert found["limits", "the physical limit"].status == "met"
    assert found["stopping", "the same trials without continuous batching"].ratio is None
    assert found["growth", "the time of half as many"].ratio == 2.2  # from 64 lanes on
    assert found["growth", "what the plan said"].ratio == 1.2
    rows[1]["learned"] = False
    assert judge(record)[1].status == "not met"


def test_what_a_missed_goal_would_leave():
    title = PEERS["keras-jax"].title
    race = {
        "rows": [{"name": title, "seconds": 3.0}, {"name": COLD, "seconds": 1.0}],
        "study": {"rows_trained": 1023, "runs": 10},
    }
    record = {"works": {"table": race}, "limits": {"rates": {"products": 1e9}}}
    missed = Judged(Goal("table", "work", title, 60), 3.0)
    met = Judged(Goal("table", "work", title, 2), 3.0)
    unmeasured = Judged(Goal("mnist32", "work", title, 2), None)
    ((judged, call, bound),) = left_by_goals(record, [missed, met, unmeasured])
    assert judged is missed
    assert call == 3.0 * WORKS["table"].trials / 60
    # Ten runs of a hundred epochs of 32 steps.
    assert bound == pytest.approx(_operations(step_products(WORKS["table"])) * 32000 / 1e9)


def test_what_cannot_be_installed_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    # An index that is nowhere: nothing leaves this machine.
    (tmp_path / "requirements-odd.txt").write_text("--no-index\nno-such-library-at-all==1.0\n")
    assert "not installed" in Environments(tmp_path, install=False).python("odd")
    reason = Environments(tmp_path, install=True).python("odd")
    assert reason.startswith("cannot be installed: ")
    assert "no-such-library-at-all" in reason


def test_images_are_read_from_npz_and_from_idx(tmp_path):
    images = np.arange(3 * 28 * 28, dtype=np.uint32).reshape(3, 28, 28).astype(np.uint8)
    labels = np.array([3, 1, 2], np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels)
    head = bytes([0, 0, 8, 3]) + np.array([3, 28, 28], ">i4").tobytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(head + images.tobytes())
    head = bytes([0, 0, 8, 1]) + np.array([3], ">i4").tobytes()
    with gzip.open(tmp_path / "train-labels-idx1-ubyte.gz", "wb") as file:
        file.write(head + labels.tobytes())
    for source in (tmp_path / "mnist.npz", tmp_path):
        found, classes = read_images(source)
        np.testing.assert_array_equal(found, images)
        np.testing.assert_array_equal(classes, labels)


@pytest.mark.parametrize("name", WORKS)
def test_loops_get_the_rows_of_the_study_prepared(name, tmp_path):
    work = replace(tiny(WORKS[name]), rows=60)
    write_rows(work, tmp_path / "rows.npz", None)
    with np.load(tmp_path / "rows.npz") as data:
        assert len(data["x"]) == len(data["y"]) == work.rows
        assert data["x_train"].shape == (work.rows_trained, *work.shape)
        assert len(data["x_train"]) + len(data["x_held"]) == work.rows
        assert data["x_train"].dtype == np.float32


def test_only_what_stands_between_the_marks_is_written(tmp_path):
    target = tmp_path / "engine.md"
    target.write_text("before\n<!-- measured: works -->\nstale\n<!-- end of measured -->\nafter\n")
    page.write_into(target, {"works": "new"}, ["engine-works.svg"])
    text = target.read_text()
    assert text.startswith("before\n<!-- measured: works -->\n\n![")
    assert "(figures/engine-works.svg)\n\nnew\n\n<!-- end of measured -->\nafter\n" in text
    assert "stale" not in text
    with pytest.raises(SystemExit, match="measured: goals"):
        page.write_into(target, {"goals": "new"}, [])


@pytest.mark.slow
def test_the_whole_benchmark_runs_in_tiny_sizes(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, str(BENCHMARKS / "engine.py"), "--quick"),
            *("--cores", str(min(2, len(os.sched_getaffinity(0))))),
            *("--peers", "sklearn", "pytorch", "--environments", str(tmp_path / "none")),
            *("--out", str(tmp_path), "--docs", str(tmp_path / "docs")),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "engine.json").read_text())
    race = record["works"]["table"]
    assert len(race["rows"]) == 3
    assert race["absent"][PEERS["pytorch"].title] == "not installed: requirements-torch.txt"
    assert race["absent"][PEERS["keras-jax"].title] == "not asked for"
    assert record["limits"]["works"]["mnist128"]["bound_of_training"] > 0
    spent = record["spent"]["works"]["table"]
    assert sum(spent["phases"].values()) == pytest.approx(spent["call"])
    assert {"tracing", "epochs", "reading out", "refit"} <= set(spent["phases"]) <= set(PHASES)
    assert all(seconds > 0 for seconds in spent["phases"].values())
    assert sum(spent["operations"].values()) == pytest.approx(1)
    assert {"products", "the optimizer"} <= set(spent["operations"]) <= set(KINDS)
    assert record["stopping"]["runs"] == 4
    assert [point["runs"] for point in record["growth"]["runs"]["points"]] == [2, 4]
    assert all(point["bytes"] > 2**20 for point in record["growth"]["runs"]["points"])
    text = (tmp_path / "docs" / "engine.md").read_text()
    for figure in ("works", "limits", "growth"):
        assert f"(figures/engine-{figure}.svg)" in text
        ElementTree.parse(tmp_path / "docs" / "figures" / f"engine-{figure}.svg")
    assert "not installed: requirements-torch.txt" in (tmp_path / "engine.md").read_text()
