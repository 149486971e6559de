"""docs/results.md says of every field what it holds, and of none that is not there."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from gengap import results
from gengap.assemble import _describe_dataset
from gengap.data.arrays import from_arrays
from gengap.data.dataset import Column
from gengap.statistics.records import Comparison, Interval
from gengap.study import curve_table, trial_table
from gengap.trials import Curves, Trial

TEXT = (Path(__file__).parents[1] / "docs" / "results.md").read_text(encoding="utf-8")
SECTIONS = {
    "The document": results.Results,
    "protocol": results.Protocol,
    "audit": results.Finding,
    "recipes": results.CandidateResult,
    "strengths": results.StrengthChoice,
    "best": results.Best,
    "holdout": results.Holdout,
    "doses": results.Dose,
    "curves": results.CurveBand,
    "augmented": results.Augmented,
    "Intervals": Interval,
    "Comparisons": Comparison,
}


def section(title: str) -> str:
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert match, f"docs/results.md has no section {title!r}"
    return match[1]


def documented(title: str) -> list[str]:
    """Return the names in the first column of a section's table."""
    cells = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|$", section(title), re.MULTILINE)
    assert all(len(text) > 10 for _, text in cells)
    return [name for names, _ in cells for name in re.findall(r"`([^`]+)`", names)]


@pytest.mark.parametrize("title", SECTIONS)
def test_every_field_in_its_order(title: str) -> None:
    fields = [field.name for field in dataclasses.fields(SECTIONS[title])]
    assert documented(title) == fields


def test_every_record_has_a_section() -> None:
    records = {getattr(results, name) for name in results.__all__}
    assert records <= set(SECTIONS.values())


def test_dataset() -> None:
    dataset = from_arrays(np.arange(20.0).reshape(10, 2), np.arange(10) % 2)
    assert documented("dataset") == list(_describe_dataset(dataset))
    for field in dataclasses.fields(Column):
        assert f"`{field.name}`" in section("dataset")


def test_dataset_of_several_outputs() -> None:
    y = {"kind": np.arange(10) % 2, "price": np.arange(10) / 3}
    found = _describe_dataset(from_arrays(np.arange(20.0).reshape(10, 2), y))
    assert set(found) == {*documented("dataset"), "outputs"}
    for name in ("outputs", *found["outputs"][0]):  # type: ignore[index]
        assert f"`{name}`" in section("dataset")


def test_words_of_verdicts_and_reasons() -> None:
    for verdict in (
        "helps", "probably_helps", "equivalent", "probably_equivalent", "probably_hurts", "hurts",
        "inconclusive", "baseline",
    ):  # fmt: skip
        assert f"`{verdict}`" in section("recipes")
    for reason in ("best", "none_beats_baseline", "verdict_hurts", "no_baseline", "all_diverged"):
        assert f"`{reason}`" in section("best")


def test_tables() -> None:
    curves = Curves((1.0,), (1.0,), (0.5,), (0.5,))
    parts = ("train", "validation", "test", "noisy")
    scores = {part: {"METRIC": 0.5} for part in parts}
    trial = Trial("k", "r", "baseline", 0, 0, 0, "finished", 1, 1, 0.1, scores, 0.0, 1.0, curves)
    assert documented("trials.csv") == list(trial_table([trial]))
    named = re.findall(r"`(\w+)`", section("curves.csv.gz"))
    assert named == list(curve_table([trial]))
    assert str(results.SCHEMA) in section("The document")


def test_links_lead_to_sections() -> None:
    anchors = {title.lower() for title in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
