"""Studies of sequences: what stands behind the end of a row makes no difference."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from gengap.cli.edge import run
from gengap.compare import compare

RANDOM = np.random.default_rng(0)
ROWS, STEPS = 60, 9
Y = np.arange(ROWS) % 2
LENGTHS = RANDOM.integers(2, STEPS + 1, ROWS)
LENGTHS[0] = STEPS
X = RANDOM.normal(4, 2, (ROWS, STEPS, 2)) + np.arange(STEPS)[:, None] * Y[:, None, None]
LISTS = [row[:length] for row, length in zip(X, LENGTHS, strict=True)]
FAST = {"folds": 2, "epochs": 3, "batch_size": 16}


@pytest.mark.parametrize("words", ["gru:4", "conv1d:4"])
def test_more_steps_that_are_none_change_no_score(words: str) -> None:
    longer = np.full((ROWS, STEPS + 4, 2), np.nan)
    for place, row in zip(longer, LISTS, strict=True):
        place[: len(row)] = row
    techniques = "l2=1e-3" if words == "conv1d:4" else "l2=1e-3, dropout=0.2"
    short = compare(LISTS, Y, words, techniques, **FAST)
    long = compare(longer, Y, words, techniques, **FAST)
    for column in ("train_log_loss", "test_log_loss"):
        np.testing.assert_allclose(
            long.trials[column].to_numpy(), short.trials[column].to_numpy(), rtol=1e-4
        )
    np.testing.assert_allclose(long.best.predict(longer), short.best.predict(LISTS), atol=1e-4)
    assert short.results.dataset["modality"] == "sequence"
    assert short.results.dataset["steps"] == [int(LENGTHS.min()), STEPS]
    one_by_one = [short.best.predict([row, LISTS[0]])[0] for row in LISTS[1:4]]
    np.testing.assert_allclose(one_by_one, short.best.predict(LISTS)[1:4], atol=1e-5)


def test_an_archive_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("waves.npz", x=X[:40], y=Y[:40], lengths=LENGTHS[:40])
    np.savez("new.npz", x=X[40:, :8], lengths=np.minimum(LENGTHS[40:], 8))
    settings = ["--folds", "2", "--epochs", "2", "--out", "run", "--model", "lstm:3"]
    settings += ["--techniques", "l2=1e-4, gaussian_noise=0.1"]
    assert run(["compare", "waves.npz", *settings, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["protocol"]["network"] == "lstm 3, Adam(0.001)"
    assert "40 sequences of 9 steps" in Path("run/report.html").read_text(encoding="utf-8")
    assert run(["predict", "run", "new.npz", "-q"]) == 0
    told = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(told) == ROWS - 40
    done = subprocess.run(
        [sys.executable, "run/recipe.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["metric"] == "accuracy"


def test_a_network_of_ones_own_without_a_mask_is_told_apart() -> None:
    own = keras.Sequential([keras.Input((STEPS, 2)), layers.GRU(3), layers.Dense(2, "softmax")])
    study = compare(LISTS, Y, own, "batch_norm, l2=1e-4", **FAST)
    assert any("no Masking layer" in note for note in study.results.notes)
    prepared = study.best.preprocessing.transform(LISTS)
    assert (prepared[1, LENGTHS[1] :] == 0).all()
    masked = keras.Sequential([own.inputs[0], layers.Masking(-5.0), *own.layers])
    study = compare(LISTS, Y, masked, "l2=1e-4", **FAST)
    assert not any("Masking" in note for note in study.results.notes)
    prepared = study.best.preprocessing.transform(LISTS)
    assert (prepared[1, LENGTHS[1] :] == -5.0).all()
