"""The hash of a dataset: equal for equal data in every process, different for anything else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd

from gengap.data.arrays import from_arrays
from gengap.data.load import load

FRAME = pd.DataFrame({"a": [1.0, 2.0, np.nan, 0.0], "b": ["x", "y", None, "x"]})
Y = ["u", "v", "u", "v"]


def of(frame=FRAME, y=Y, **options):
    return from_arrays(frame, y, **options).fingerprint


def test_equal_data_have_equal_hashes():
    assert of() == of(FRAME.copy())
    assert of() == of(name="another name")
    assert of(FRAME.assign(a=[1.0, 2.0, np.nan, -0.0])) == of()
    assert len(of()) == 64


def test_everything_that_determines_a_result_changes_the_hash():
    test = (FRAME, Y)
    hashes = [
        of(),
        of(FRAME.assign(a=[1.0, 2.0, np.nan, 0.5])),
        of(FRAME.assign(a=[1.0, 2.0, 3.0, 0.0])),
        of(FRAME.assign(b=["x", "y", "y", "x"])),
        of(FRAME.rename(columns={"a": "c"})),
        of(FRAME[["b", "a"]]),
        of(FRAME.iloc[::-1]),
        of(y=["v", "u", "u", "v"]),
        of(y=["u", "w", "u", "w"]),
        of(y=pd.Series(Y, name="label")),
        of(groups=[1, 1, 2, 2]),
        of(groups=[1, 2, 1, 2]),
        of(sample_weight=[1, 1, 1, 1]),
        of(sample_weight=[1, 1, 1, 2]),
        of(test=test),
        of(test=(FRAME, Y[::-1])),
        of(y=[0, 1, 0, 1]),
        of(y=[0, 1, 0, 1], task="regression"),
    ]
    assert len(set(hashes)) == len(hashes)


def test_the_shape_of_a_tensor_counts():
    x = np.arange(24.0)
    assert of(x.reshape(4, 3, 2)) != of(x.reshape(4, 2, 3))
    assert of(x.reshape(4, 3, 2)) != of(x.reshape(4, 3, 2).astype(np.float32))


def test_another_process_finds_the_same_hash():
    script = "from gengap.data.load import load; print(load('sklearn:wine').fingerprint)"
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert other.stdout.strip() == load("sklearn:wine").fingerprint
