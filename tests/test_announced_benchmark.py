"""The benchmark of what studies announce, on a small study and on one that does not end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_it_keeps_what_was_announced_and_taken_and_ends_with_1_where_a_study_does_not_end(tmp_path):
    small = "sklearn:iris --techniques dropout=0.2 --folds 2 --epochs 2"
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "benchmarks" / "announced.py")),
            *(small, "nowhere.csv --target y", "--out", str(tmp_path)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    record = json.loads((tmp_path / "announced.json").read_text(encoding="utf-8"))
    ended, failed = record["studies"]
    assert (ended["data"], ended["rows"], ended["trials"]) == ("sklearn:iris", 150, 4)
    assert ended["options"] == "--techniques dropout=0.2 --folds 2 --epochs 2"
    for quantity in ("seconds", "bytes"):
        taken, announced = ended["taken"][quantity], ended["announced"][quantity]
        assert ended[quantity] == pytest.approx(taken / announced)
    assert ended["as_announced"] == (ended["seconds"] <= 1.25 and ended["bytes"] <= 1.25)
    assert not failed["as_announced"]
    page = (tmp_path / "announced.md").read_text(encoding="utf-8")
    assert f"- sklearn:iris: {ended['headline']}" in page
    assert f"- nowhere: did not end: {failed['error']}" in page
    assert "nowhere.csv" in failed["error"]
