"""Studies of images: from files on the command line, and of networks that users bring."""

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
from sklearn.datasets import load_digits

from data.test_folders import write_idx
from gengap.cli.edge import run
from gengap.compare import compare
from gengap.errors import UserError

DIGITS = load_digits()
PIXELS = (DIGITS.images[:240] * 255 / 16).astype(np.uint8)
LABELS = DIGITS.target[:240].astype(np.uint8)
FAST = {"techniques": "l2=1e-4", "folds": 2, "epochs": 2}


def test_idx_files_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("digits")
    folder.mkdir()
    for part, rows in (("train", slice(0, 160)), ("t10k", slice(160, 240))):
        write_idx(folder / f"{part}-images-idx3-ubyte", PIXELS[rows])
        write_idx(folder / f"{part}-labels-idx1-ubyte", LABELS[rows])
    assert run(["audit", "digits"]) == 0
    heading = "digits: 160 images of 8 x 8 pixels with 1 channel, 80 test rows; target 'label'"
    assert heading in " ".join(capsys.readouterr().out.split())
    settings = ["--folds", "2", "--epochs", "2", "--techniques", "l2=1e-4", "--out", "run"]
    assert run(["compare", "digits", *settings, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["dataset"]["modality"] == "image"
    assert results["dataset"]["shape"] == [8, 8, 1]
    assert results["dataset"]["test_rows"] == results["holdout"]["rows"] == 80
    assert results["protocol"]["network"] == "cnn 16-32, Adam(0.001)"
    assert "160 images of 8 x 8 pixels" in Path("run/report.html").read_text(encoding="utf-8")

    assert run(["predict", "run", "digits", "-q"]) == 0
    told = pd.read_csv(io.StringIO(capsys.readouterr().out))
    model = keras.models.load_model("run/model.keras")
    expected = model.predict(PIXELS[160:, ..., None].astype(np.float32) / 255, verbose=0)
    np.testing.assert_allclose(told.filter(like="probability"), expected, atol=1e-6)

    done = subprocess.run(
        [sys.executable, "run/recipe.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["metric"] == "accuracy"


def dense(shape: tuple[int, ...], *first: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    rest = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input(shape), *first, *rest])


def test_a_network_of_ones_own_gets_pixels_as_it_takes_them() -> None:
    """Bytes, bytes that the network divides, and fractions are the same study."""
    fractions = (PIXELS[..., None] / 255).astype(np.float32)
    studies = [
        compare(PIXELS, LABELS, dense((8, 8, 1)), **FAST),
        compare(PIXELS, LABELS, dense((8, 8)), **FAST),
        compare(PIXELS, LABELS, dense((8, 8, 1), layers.Rescaling(1 / 255)), **FAST),
        compare(fractions, LABELS, dense((8, 8, 1)), **FAST),
    ]
    scores = [study.trials["test_log_loss"].to_numpy() for study in studies]
    for others in scores[1:]:
        np.testing.assert_allclose(others, scores[0], rtol=1e-4)
    for study, given in zip(studies, [PIXELS, PIXELS, PIXELS, fractions], strict=True):
        predicted = study.best.predict(given)
        outputs = study.best.model.predict(study.best.preprocessing.transform(given), verbose=0)
        np.testing.assert_allclose(predicted, outputs, atol=1e-6)
    assert any("scales pixels itself" in note for note in studies[2].results.notes)


def test_images_without_a_channel_axis_are_changed_as_those_with_one() -> None:
    settings = {**FAST, "techniques": "random_flip=0.5 + random_crop=0.1 + cutout=0.2 + cutmix=1"}
    studies = [compare(PIXELS, LABELS, dense(shape), **settings) for shape in ((8, 8, 1), (8, 8))]
    scores = [study.trials["test_log_loss"].to_numpy() for study in studies]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-4)
    samples = [[one.samples for one in study.results.augmented] for study in studies]
    assert samples[0] == samples[1]
    assert all(samples[0])


@pytest.mark.parametrize("technique", ["random_flip=0.5", "cutout=0.1", "random_crop=0.1"])
def test_volumes_are_refused_where_only_images_are_served(technique: str) -> None:
    volumes = np.random.default_rng(0).normal(size=(40, 4, 5, 6, 1)).astype(np.float32)
    with pytest.raises(UserError) as caught:
        compare(
            volumes, np.arange(40) % 10, dense((4, 5, 6, 1)), **FAST | {"techniques": technique}
        )
    assert caught.value.code == "volumes"
