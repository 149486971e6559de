"""The benchmark of what augmentations cost, in a tiny size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_it_keeps_what_an_augmentation_adds_to_a_step(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "augmentations.py")]
    sizes = ("--modalities", "table", "--only", "cutout", "mixup", "--rounds", "2", "--steps", "2")
    done = subprocess.run(
        [*command, *sizes, "--out", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "augmentations.json").read_text(encoding="utf-8"))
    rows = record["rows"]
    assert [row["recipe"].partition("=")[0] for row in rows] == ["cutout", "mixup"]
    for row in rows:
        assert row["share"] == pytest.approx(row["added_us"] / row["plain_us"], rel=1e-6)
    page = (tmp_path / "augmentations.md").read_text(encoding="utf-8")
    assert all(row["recipe"] in page for row in rows)
