"""The examples in tiny sizes, on small data, and what the benchmark makes of them."""

from __future__ import annotations

import gzip
import io
import json
import os
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from suite import page
from suite.claims import EXPERIMENTS, found, parts

from data.test_folders import write_idx

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
#: What is read by several examples, and is none.
SHARED = {"images"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write small files of the kinds that the examples read."""
    folder = tmp_path_factory.mktemp("data")
    digits = load_digits()
    pixels = (digits.images * 255 / 16).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    idx = folder / "digits"
    idx.mkdir()
    for part, rows in (("train", slice(0, 500)), ("t10k", slice(500, 600))):
        write_idx(idx / f"{part}-images-idx3-ubyte", pixels[rows])
        write_idx(idx / f"{part}-labels-idx1-ubyte", labels[rows])
    archive = {"y_train": labels[:250], "y_test": labels[250:350]}
    grey = {"x_train": pixels[:250], "x_test": pixels[250:350]}
    np.savez(folder / "fashion.npz", **archive, **grey)
    colored = {name: np.repeat(images[..., None], 3, axis=-1) for name, images in grey.items()}
    np.savez(folder / "photos.npz", **archive, **colored)
    generator = np.random.default_rng(0)
    wine = pd.DataFrame(generator.normal(size=(600, 11)), columns=[f"c{i}" for i in range(11)])
    wine["quality"] = np.clip(np.round(5.6 + wine["c0"]), 3, 8).astype(int)
    wine.to_csv(folder / "wine.csv", sep=";", index=False)
    return {
        "digits": idx,
        "fashion": folder / "fashion.npz",
        "photos": folder / "photos.npz",
        "wine": folder / "wine.csv",
    }


@pytest.fixture(scope="module")
def ran(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory):
    """Run an example once, and return what its studies found and what it printed."""

    @cache
    def run(name: str):
        out = tmp_path_factory.mktemp(name)
        paths = [str(data[option]) for option in EXPERIMENTS[name].data]
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
            patch.setattr(sys, "argv", [f"{name}.py", *paths, "--quick", "--out", str(out)])
            patch.syspath_prepend(EXAMPLES)
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return found(EXPERIMENTS[name], out), said.getvalue()

    return run


def test_the_benchmark_runs_every_example():
    assert {path.stem for path in EXAMPLES.glob("*.py")} - SHARED == set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_example_runs_and_the_page_tells_what_it_found(name, ran, tmp_path):
    experiment, said = ran(name)
    assert experiment["studies"]
    for study in experiment["studies"].values():
        assert study["headline"] in said or study["refused"] or len(study["recipes"]) == 1
    about = {"processor": "p", "cores": 2, "date": "2026-01-01", "load_at_start": None}
    record = {"experiments": {name: {"machine": about} | experiment}}
    json.dumps(record, allow_nan=False)
    written = parts(record)
    assert list(written) == list(EXPERIMENTS)
    for study in experiment["studies"].values():
        for row in study["recipes"]:
            assert f"| {row['recipe']} |" in written[name]
        for one in study["warned"]:
            assert f"- `{one['code']}`: {one['message']}" in written[name]
    for pair in EXPERIMENTS[name].pairs:
        assert pair.what in written[name]
    assert all(
        f"--only {other} " in text and "Not measured yet" in text
        for other, text in written.items()
        if other != name
    )
    # The guide has a place for each.
    guide = tmp_path / "experiments.md"
    guide.write_text((ROOT / "docs" / "experiments.md").read_text(encoding="utf-8"))
    page.write_into(guide, written, ())
    assert written[name] in guide.read_text(encoding="utf-8")


def test_the_page_counts_the_folds_in_which_a_candidate_is_ahead(ran):
    experiment = deepcopy(ran("wine_quality")[0])
    study = experiment["studies"]["good"]
    baseline, candidate = study["recipes"]
    baseline["fold_scores"], candidate["fold_scores"] = [0.5, 0.6, 0.7], [0.6, 0.6, None]
    record = {"machine": {"processor": "p", "cores": 2, "date": "d", "load_at_start": None}}
    written = parts({"experiments": {"wine_quality": record | experiment}})["wine_quality"]
    (row,) = (line for line in written.splitlines() if "| 1 of 3 |" in line)
    assert row.startswith(f"| {candidate['recipe']} |")


def test_a_target_of_one_class_is_refused_and_scores_perfectly_where_that_is_let_pass(ran):
    experiment, said = ran("wine_quality")
    assert "refused: the target 'quality' has one class, 'not good'" in said
    studies = experiment["studies"]
    mistaken, true = studies["one-class"], studies["good"]
    assert [row["test"]["mean"] for row in mistaken["recipes"]] == [1.0, 1.0]
    assert mistaken["allowed"] == ["one-class-target"]
    assert len(mistaken["refused"]) == 1
    assert not true["refused"]
    assert all(row["test"]["mean"] < 1 for row in true["recipes"])


def test_the_images_held_out_are_no_part_of_the_folds(ran):
    studies = ran("batch_norm_on_digits")[0]["studies"]
    assert {study["dataset"]["test_rows"] for study in studies.values()} == {100}
    assert {study["protocol"]["rows"] for study in studies.values()} == {300}
    plain, normalized = studies["plain"], studies["normalized"]
    assert plain["protocol"]["data_hash"] == normalized["protocol"]["data_hash"]
    assert plain["recipes"][0]["test"] != normalized["recipes"][0]["test"]


def test_images_are_read_from_idx_files_packed_or_not_and_from_archives(data, tmp_path):
    read_images = runpy.run_path(str(EXAMPLES / "images.py"))["read_images"]
    packed = tmp_path / "packed"
    packed.mkdir()
    for path in data["digits"].iterdir():
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    (x, y), (x_test, y_test) = read_images(data["digits"])
    assert x.shape == (500, 8, 8)
    assert x_test.shape == (100, 8, 8)
    np.testing.assert_array_equal(y, load_digits().target[:500])
    np.testing.assert_array_equal(y_test, load_digits().target[500:600])
    for ours, other in zip((x, x_test), (part[0] for part in read_images(packed)), strict=True):
        np.testing.assert_array_equal(ours, other)
    (x, y), _ = read_images(data["photos"])
    assert x.shape == (250, 8, 8, 3)
    assert x.dtype == np.uint8
    assert len(y) == 250


def run_benchmark(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "experiments.py"), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_which_data_it_lacks():
    done = run_benchmark("--only", "augmentation", "--digits", "mnist")
    assert done.returncode == 2
    assert "augmentation needs --fashion, --photos" in done.stderr


@pytest.mark.slow
def test_the_command_keeps_figures_and_writes_the_guide(data, tmp_path):
    folders = ("--out", tmp_path, "--docs", tmp_path / "docs", "--runs", tmp_path / "runs")
    stale = tmp_path / "runs" / "wine_quality" / "other" / "results.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    done = run_benchmark("--quick", "--wine", data["wine"], *folders)
    assert done.returncode == 0, done.stderr
    assert "left out: combination, without --digits" in done.stderr
    record = json.loads((tmp_path / "experiments.json").read_text(encoding="utf-8"))
    assert list(record["experiments"]) == ["wine_quality"]
    assert set(record["experiments"]["wine_quality"]["studies"]) == {"one-class", "good"}
    guide = (tmp_path / "docs" / "experiments.md").read_text(encoding="utf-8")
    for text in (guide, (tmp_path / "experiments.md").read_text(encoding="utf-8")):
        assert "The audit refuses this study: The target 'quality' has one class" in text
        assert "Not measured yet: `python benchmarks/experiments.py --only combination" in text

    data["wine"].with_name("broken.csv").write_text("nothing\n1\n")
    done = run_benchmark("--quick", "--wine", data["wine"].with_name("broken.csv"), *folders)
    assert done.returncode == 1
    assert "failed: examples/wine_quality.py" in done.stderr
