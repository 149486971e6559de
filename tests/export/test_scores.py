"""What a study leaves behind does in a process without gengap what the study says of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import gengap
from export.test_models import every_recipe, serves
from gengap.data.load import load
from gengap.export import Training, recipe_source
from gengap.networks.models import resolve_model
from gengap.predict import predict
from gengap.recipe import Recipe
from gengap.techniques.discovery import find_technique

MODEL = "mlp:16"
EPOCHS, FOLDS, SPLITS = 20, 5, 3

#: Runs the programs of a folder, and asks its models, where gengap cannot be imported.
FRESH = """
import contextlib, io, json, pathlib, runpy, sys
sys.modules["gengap"] = None
folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.glob("*.py")):
    sys.argv = [str(path)]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        runpy.run_path(str(path), run_name="__main__")
    print(json.dumps([path.stem, json.loads(output.getvalue().splitlines()[-1])]))
import keras, numpy as np
for path in sorted(folder.glob("*.keras")):
    outputs = keras.saving.load_model(path).predict(np.load(folder / "inputs.npy"), verbose=0)
    print(json.dumps([path.stem, outputs.tolist()]))
"""


def run_fresh(folder: Path) -> dict[str, Any]:
    """Run all programs and models of a folder in one process; return what each says."""
    environment = {
        "KERAS_BACKEND": "jax",
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder / "cache"),
        # Most of the time is compiling, and what is compiled is small.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        # The splits of a program compile to the same.
        "JAX_COMPILATION_CACHE_DIR": str(folder / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-I", "-c", FRESH, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def noisy_table(task: str, rows: int = 240, *, seed: int = 5) -> pd.DataFrame:
    """Return a table on which a network overfits, and no score is near its best value."""
    slopes = np.random.default_rng(5).normal(size=10)
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(rows, 10)).round(4)
    value = inputs @ slopes + random.normal(0, 2.5, rows)
    table = pd.DataFrame(inputs).add_prefix("x")
    return table.assign(y=np.where(value > 0, "yes", "no") if task == "classification" else value)


def one_of_each_family(recipes: dict[str, Recipe]) -> dict[str, Recipe]:
    families = {find_technique(r.names[0]).family: name for name, r in recipes.items()}
    return {name: recipes[name] for name in families.values()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "metric"), [("classification", "log_loss"), ("regression", "rmse")]
)
def test_programs_score_inside_the_reported_intervals(task, metric, tmp_path):
    path = tmp_path / "noisy.csv"
    noisy_table(task).to_csv(path, index=False)
    outputs = 2 if task == "classification" else 1
    model = resolve_model(MODEL, input_shape=(10,), outputs=outputs, task=task)
    served = {name: r for name, r in every_recipe(task).items() if serves(model, r)}
    if task == "regression":
        # The programs differ from those of classes in the loss alone: one of each family, and all.
        served = {**one_of_each_family(served), "combined": served["combined"]}
    recipes = {"baseline": Recipe(), **served}
    study = gengap.compare(
        path,
        model=MODEL,
        techniques=[recipe for name, recipe in recipes.items() if name != "baseline"],
        target="y",
        metric=metric,
        folds=FOLDS,
        repeats=2,
        epochs=EPOCHS,
        learning_rate=0.01,
        out=tmp_path / "run",
    )
    rows = dict(zip(recipes, study.results.recipes, strict=True))
    assert [row.recipe for row in rows.values()] == [str(recipe) for recipe in recipes.values()]
    # A technique is chosen, so that the files of the run folder are more than the baseline's.
    assert study.results.best.recipe != "baseline"
    rows["refitted"] = next(r for r in rows.values() if r.recipe == study.results.best.recipe)

    dataset = load(path, target="y")
    network = resolve_model(
        MODEL,
        input_shape=(len(dataset.columns),),
        outputs=len(dataset.classes) or 1,
        task=task,
        learning_rate=0.01,
    )
    training = Training(metric, EPOCHS, splits=SPLITS)
    folder = tmp_path / "files"
    folder.mkdir()
    for name, recipe in recipes.items():
        (folder / f"{name}.py").write_text(recipe_source(dataset, network, recipe, training))
    shutil.copy(study.folder / "recipe.py", folder / "refitted.py")
    shutil.copy(study.folder / "model.keras", folder / "model.keras")
    unseen = noisy_table(task, seed=6).drop(columns="y")
    np.save(folder / "inputs.npy", study.best.preprocessing.transform(unseen))
    found = run_fresh(folder)

    outputs = np.array(found.pop("model"))
    expected = predict(study.folder, unseen).table
    if task == "classification":
        expected = expected.drop(columns="prediction")
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)

    assert found.keys() == rows.keys()
    for name, scores in found.items():
        assert scores["metric"] == metric
        assert rows[name].test.low <= scores["test"] <= rows[name].test.high, (name, scores)
    # What keeps the lanes from fitting their training rows keeps the programs from it, too.
    fitted = [(scores["train"], rows[name].train.mean) for name, scores in found.items()]
    assert spearmanr(*zip(*fitted, strict=True)).statistic > 0.8, fitted
