"""What `predict` says is what the saved network says of the prepared rows."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from gengap.cli.edge import run
from gengap.data.encoding import encode
from gengap.data.load import load
from gengap.data.preprocessing import fit_preprocessing
from gengap.errors import UserError
from gengap.networks.models import resolve_model
from gengap.predict import predict


def _table(rows: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "length": generator.normal(50, 9, rows),
            "color": generator.choice(["red", "green", "blue"], rows),
            "old": generator.choice(["yes", "no"], rows),
        }
    )
    table["kind"] = np.where(table["length"] > 50, "big, really", "small")
    table["price"] = 1000 + 3 * table["length"]
    return table


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("GENGAP_"):
            monkeypatch.delenv(name)


def _run_folder(folder: Path, target: str, drop: str) -> tuple[keras.Model, pd.DataFrame]:
    """Write what predict reads, with a network that was not trained."""
    keras.utils.set_random_seed(0)
    table = _table()
    dataset = load(table.drop(columns=drop), target=target)
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(len(table)))
    network = resolve_model(
        "mlp:4",
        input_shape=(preprocessing.width,),
        outputs=max(1, len(dataset.classes)),
        task=dataset.task,
    )
    if dataset.task == "regression":
        unit = keras.layers.Rescaling(preprocessing.target_scale, preprocessing.target_shift)
        network = keras.Sequential([network.inputs[0], *network.layers, unit])
        network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    folder.mkdir(exist_ok=True)
    network.save(folder / "model.keras")
    (folder / "preprocess.json").write_text(preprocessing.to_json(), encoding="utf-8")
    return network, table


def _prepared(table: pd.DataFrame) -> np.ndarray:
    """Prepare rows by hand: one numeric column, one of words, one boolean."""
    length = (table["length"] - table["length"].mean()) / table["length"].std(ddof=0)
    old = (table["old"] == "yes").astype(float)
    old = (old - old.mean()) / old.std(ddof=0)
    words = [table["color"] == word for word in ("blue", "green", "red")]
    return np.column_stack([length, *words, old]).astype(np.float32)


def test_classes_and_probabilities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, table = _run_folder(tmp_path / "run", "kind", "price")
    table.drop(columns="price").to_csv(tmp_path / "rows.csv", index=False)
    assert run(["predict", str(tmp_path / "run"), str(tmp_path / "rows.csv")]) == 0
    captured = capsys.readouterr()
    assert captured.err == "note: column ignored: kind\n"
    header, *rows = csv.reader(io.StringIO(captured.out))
    assert header == ["prediction", "probability_big, really", "probability_small"]
    assert len(rows) == len(table)
    probabilities = np.array([row[1:] for row in rows], dtype=float)
    expected = network.predict(_prepared(table), verbose=0)
    if expected.shape[1] == 1:
        expected = np.column_stack([1 - expected, expected])
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    best = np.array(["big, really", "small"])[probabilities.argmax(axis=1)]
    assert [row[0] for row in rows] == list(best)


def test_values_in_the_targets_own_unit(tmp_path: Path) -> None:
    network, table = _run_folder(tmp_path, "price", "kind")
    predictions = predict(tmp_path, table)
    assert list(predictions.table) == ["prediction"]
    expected = network.predict(_prepared(table), verbose=0).reshape(-1)
    assert abs(expected.mean() - table["price"].mean()) < 10 * table["price"].std()
    np.testing.assert_allclose(predictions.table["prediction"], expected, rtol=1e-5)
    assert predictions.notes == ("columns ignored: kind, price",)


def test_to_a_file_and_quietly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, table = _run_folder(tmp_path, "price", "kind")
    table.to_csv(tmp_path / "rows.csv", index=False)
    out = tmp_path / "predictions.csv"
    arguments = ["predict", str(tmp_path), str(tmp_path / "rows.csv"), "-q", "--out", str(out)]
    assert run(arguments) == 0
    assert capsys.readouterr() == ("", "")
    assert len(pd.read_csv(out)) == len(table)
    arguments[-1] = str(tmp_path / "rows.csv" / "nowhere.csv")
    assert run(arguments) == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_run_folder_that_is_set_for_compare_is_no_file_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, table = _run_folder(tmp_path / "run", "price", "kind")
    table.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "gengap.toml").write_text("out = 'run'\n")
    monkeypatch.setenv("GENGAP_OUT", "run")
    monkeypatch.chdir(tmp_path)
    assert run(["predict", "run", "rows.csv", "-q"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(table) + 1


class TestRefusals:
    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="there is no run folder"):
            predict(tmp_path / "nowhere", _table())

    def test_an_unfinished_run(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"preprocess\.json is not in it"):
            predict(tmp_path, _table())

    def test_an_unreadable_preparation(self, tmp_path: Path) -> None:
        _run_folder(tmp_path, "price", "kind")
        path = tmp_path / "preprocess.json"
        path.write_bytes(b'{"columns": "\xff"}')
        with pytest.raises(UserError, match=r"preprocess\.json is no text in UTF-8") as caught:
            predict(tmp_path, _table())
        assert caught.value.code == "not-preprocessing"
        path.write_text("{", encoding="utf-8")
        with pytest.raises(UserError) as caught:
            predict(tmp_path, _table())
        assert caught.value.code == "not-preprocessing"

    def test_a_damaged_model(self, tmp_path: Path) -> None:
        _run_folder(tmp_path, "price", "kind")
        path = tmp_path / "model.keras"
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(UserError, match=r"model\.keras") as caught:
            predict(tmp_path, _table())
        assert caught.value.code == "not-a-keras-file"

    def test_no_model(self, tmp_path: Path) -> None:
        _run_folder(tmp_path, "price", "kind")
        (tmp_path / "model.keras").unlink()
        with pytest.raises(UserError, match=r"there is no file .*model\.keras"):
            predict(tmp_path, _table())

    def test_a_missing_column(self, tmp_path: Path) -> None:
        _run_folder(tmp_path, "price", "kind")
        with pytest.raises(UserError) as caught:
            predict(tmp_path, _table().rename(columns={"color": "colour"}))
        assert caught.value.code == "missing-columns"

    def test_an_ill_typed_column(self, tmp_path: Path) -> None:
        _run_folder(tmp_path, "price", "kind")
        with pytest.raises(UserError) as caught:
            predict(tmp_path, _table().assign(length="long"))
        assert caught.value.code == "ill-typed-column"
