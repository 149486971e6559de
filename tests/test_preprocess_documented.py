"""docs/preprocess.md says of every field what it holds, and its example prepares as gengap does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from gengap.data.arrays import from_arrays
from gengap.data.encoding import encode
from gengap.data.joint import fit
from gengap.data.load import load
from gengap.data.preprocessing import Preprocessing, fit_preprocessing
from gengap.networks.models import resolve_model
from gengap.predict import predict

TEXT = (Path(__file__).parents[1] / "docs" / "preprocess.md").read_text(encoding="utf-8")
FOLDER = Path("gengap-runs/wine-0123abcd")


def rows(count: int, *, seed: int) -> pd.DataFrame:
    """A table of every kind of column, as words, with missing ones among them."""
    random = np.random.default_rng(seed)
    day = pd.Timestamp("2024-01-01 06:00") + pd.to_timedelta(random.integers(0, 900, count), "D")
    table = pd.DataFrame(
        {
            "length": random.normal(5, 2, count).round(3).astype(str),
            "married": random.choice(["Y", "n", "N", "y"], count),
            "job": random.choice(["clerk", " Smith", "baker", "NAN"], count),
            "since": day.strftime("%Y-%m-%d %H:%M"),
            "code": random.choice(["01", "1"], count),
            "said": [
                " ".join(random.choice(["Good", "bad;", "wine,", "and", "food"], 6)) + f" {i}th"
                for i in range(count)
            ],
        }
    )
    for column, word in (("length", "?"), ("married", ""), ("since", "null"), ("said", "NA")):
        table.loc[random.choice(count, count // 8, replace=False), column] = word
    return table


def write_run(target: str) -> Preprocessing:
    """Write what the example reads, with a network that was not trained."""
    keras.utils.set_random_seed(0)
    table = rows(80, seed=0)
    table["code"] = table["code"].astype("category")
    random = np.random.default_rng(2)
    table["price"] = random.normal(4000, 300, 80)
    table["grade"] = random.choice(["good", "bad", "fair"], 80)
    dataset = load(table.drop(columns={"price", "grade"} - {target}), target=target)
    assert [column.kind for column in dataset.columns] == [
        "numeric", "boolean", "categorical", "date", "categorical", "text",
    ]  # fmt: skip
    encoded = encode(dataset.columns, dataset.rows.features)
    preprocessing = fit_preprocessing(dataset, encoded, np.arange(80))
    network = resolve_model(
        "mlp:8",
        input_shape=(preprocessing.width,),
        outputs=max(1, len(dataset.classes)),
        task=dataset.task,
    )
    if target == "price":
        unit = keras.layers.Rescaling(preprocessing.target_scale, preprocessing.target_shift)
        network = keras.Sequential([network.inputs[0], *network.layers, unit])
        network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    FOLDER.mkdir(parents=True)
    network.save(FOLDER / "model.keras")
    (FOLDER / "preprocess.json").write_text(preprocessing.to_json(), encoding="utf-8")
    return preprocessing


@pytest.mark.parametrize("target", ["price", "grade"])
def test_the_example_predicts_as_gengap_does(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preprocessing = write_run(target)
    unseen = rows(40, seed=1)
    unseen.loc[3, "job"] = "unheard"
    unseen.to_csv("rows.csv", index=False)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    found: dict[str, Any] = {}
    exec(example, found)
    prepared = preprocessing.transform("rows.csv")
    made = found["prepare"](found["table"], found["layout"])
    np.testing.assert_allclose(made, prepared, rtol=1e-6, atol=1e-6)
    told = predict(FOLDER, "rows.csv").table
    expected = told if target == "price" else told.drop(columns="prediction")
    np.testing.assert_allclose(found["outputs"], expected, rtol=1e-6, atol=1e-6)


def documented(title: str) -> set[str]:
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert match, f"docs/preprocess.md has no section {title!r}"
    return set(re.findall(r"^\| `(\w+)` \| .{10,} \|$", match[1], re.MULTILINE))


def test_every_field_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = json.loads(write_run("price").to_json())
    assert documented("The document") == set(document)
    for part in ("words", "target"):
        assert documented(part) == set(document[part])
    assert document["pixels"] is document["steps"] is None
    for part in ("columns", "encoded"):
        assert documented(part) == {name for entry in document[part] for name in entry}
    assert f"this layout: {document['schema']}." in TEXT


@pytest.mark.parametrize(("part", "axes"), [("pixels", (8, 8, 3)), ("steps", (9, 2))])
def test_every_field_of_images_and_sequences(part: str, axes: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=(10, *axes))
    dataset = from_arrays(values, np.arange(10) % 2)
    encoded = encode(dataset.columns, dataset.rows.features)
    fitted = fit_preprocessing(dataset, encoded, np.arange(10))
    document = json.loads(fitted.to_json())
    assert documented("The document") == set(document)
    assert documented(part) == set(document[part])


def test_the_words_of_booleans_are_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = json.loads(write_run("price").to_json())["words"]
    assert words["yes"] == ["1", "on", "t", "true", "y", "yes"]
    assert words["no"] == ["0", "f", "false", "n", "no", "off"]
    assert {"", "na", "?", "null"} <= set(words["missing"])


def test_every_field_of_several_outputs() -> None:
    y = {"kind": np.arange(10) % 2, "price": np.arange(10) / 3}
    dataset = from_arrays(np.arange(20.0).reshape(10, 2), y)
    encoded = encode(dataset.columns, dataset.rows.features)
    document = json.loads(fit_preprocessing(dataset, encoded, np.arange(10)).to_json())
    assert documented("The document") | documented("Several outputs") == set(document)
    assert set(document["outputs"][0]) == documented("target")
    assert document["schema"] == 1


def test_every_field_of_several_inputs() -> None:
    rows = {"table": np.arange(20.0).reshape(10, 2), "series": np.arange(40.0).reshape(10, 2, 2)}
    dataset = from_arrays(rows, np.arange(10) % 2)
    encoded = {n: encode(one.columns, one.rows.alone) for n, one in dataset.by_input().items()}
    document = json.loads(fit(dataset, encoded, np.arange(10)).to_json())
    assert documented("Several inputs") == set(document)
    for field in document["inputs"][0]:
        assert f"`{field}`" in TEXT
    assert f"`schema` is {document['schema']}," in TEXT
