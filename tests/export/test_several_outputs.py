"""The program of a study with several outputs runs without gengap, and trains what it says."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from export.test_program import Made, check_form
from gengap import compare
from gengap.data.arrays import from_arrays
from gengap.data.dataset import Dataset
from gengap.data.encoding import encode
from gengap.data.several_targets import outputs_in_order
from gengap.errors import UserError
from gengap.export import Training, recipe_source
from gengap.export.origin import Origin
from gengap.networks.models import resolve_model
from gengap.networks.shapes import output_names
from gengap.recipe import Recipe

RANDOM = np.random.default_rng(2)
ROWS = 80
NUMBERS = RANDOM.normal(40, 5, (ROWS, 3)).round(3)
CODES = RANDOM.integers(0, 5, (ROWS, 1))
PRICES = (1000 + 20 * NUMBERS[:, 0] + RANDOM.normal(0, 10, ROWS)).round(2)
KINDS = np.where(NUMBERS[:, 1] > 40, "oak", "elm")
GRADES = np.digitize(NUMBERS[:, 2], [37, 42])
Y = {"kind": KINDS, "price": PRICES, "the grade": GRADES}
ARCHIVE = {"y": KINDS, "targets_price": PRICES, "targets_3": GRADES}


def network(shape: Any, *, mapping: bool = False, named: bool = True) -> keras.Model:
    keras.utils.set_random_seed(1)
    if isinstance(shape, dict):
        given = {name: keras.Input(one, name=name) for name, one in shape.items()}
        code = layers.Flatten()(layers.Embedding(5, 2)(given["codes"]))
        inputs: Any = list(given.values())
        hidden: Any = layers.Concatenate()([given["numbers"], code])
    else:
        inputs = hidden = keras.Input(shape)
    hidden = layers.Dense(6, activation="relu")(hidden)
    names = ["kind", "price", "grade"] if named else [None] * 3
    outputs = [
        layers.Dense(1, activation="sigmoid", name=names[0])(hidden),
        layers.Dense(1, name=names[1])(hidden),
        layers.Dense(3, name=names[2])(hidden),
    ]
    by_name = dict(zip(Y, outputs, strict=True))
    model = keras.Model(inputs, by_name if mapping else outputs)
    grade = keras.losses.CategoricalCrossentropy(from_logits=True)
    losses = ["binary_crossentropy", "mse", grade]
    counts = [1.0, 0.25, 0.5]
    if mapping:
        losses, counts = dict(zip(Y, losses, strict=True)), dict(zip(Y, counts, strict=True))
    model.compile(keras.optimizers.Adam(0.01), losses, loss_weights=counts)
    return model


def made(
    folder: Path,
    dataset: Dataset,
    recipe: str = "baseline",
    *,
    origin: Origin | None = None,
    **options: bool,
) -> Made:
    inputs = dataset.by_input() or {"": dataset}
    encoded = {name: encode(one.columns, one.rows.alone) for name, one in inputs.items()}
    shapes = {name: one.values.shape[1:] for name, one in encoded.items()}
    shape: Any = shapes if dataset.inputs else shapes[""]
    model = resolve_model(
        network(shape, **options),
        input_shape=shape,
        outputs=len(dataset.classes) or 1,
        task=dataset.task,
        several=dataset.outputs,
    )
    dataset = outputs_in_order(dataset, output_names(model))
    training = Training("accuracy" if dataset.classes else "rmse", epochs=3, splits=1)
    source = recipe_source(dataset, model, Recipe.parse(recipe), training, origin)
    path = folder / "recipe.py"
    path.write_text(source, encoding="utf-8")
    return Made(source, dataset, path)


def run(program: Made) -> dict[str, Any]:
    """Run a program where gengap cannot be imported; nothing that it watches may be missing."""
    code = (
        "import sys, runpy; sys.modules['gengap'] = None; sys.argv[1:] = []; "
        f"runpy.run_path({str(program.path)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not available" not in done.stderr
    return json.loads(done.stdout)


def named(y: dict[str, Any] = Y) -> dict[str, Any]:
    """Return the targets as the outputs of a network made with a list are called."""
    return {name.removeprefix("the "): line for name, line in y.items()}


@pytest.mark.parametrize(
    ("target", "recipe"),
    [
        ("kind", "l2=1e-3 + label_smoothing=0.1 + mixup=0.2"),
        ("grade", "sam=0.05 + early_stopping(patience=3, min_delta=0)"),
        ("price", "dropout=0.2 + early_stopping(monitor=metric, patience=3, min_delta=0)"),
        ("grade", "snapshot_ensemble + adversarial=0.1"),
        ("kind", "swa=0.5 + cutmix=0.5"),
    ],
)
def test_a_program_runs_without_gengap(tmp_path, target, recipe) -> None:
    program = made(tmp_path, from_arrays(NUMBERS, named(), target=target), recipe)
    check_form(program)
    keys = {f"targets_{name}": line for name, line in named().items() if name != target}
    for key in keys:
        assert f"{key}=y[" in " ".join(program.source.split())
    np.savez(tmp_path / "data.npz", x=NUMBERS, y=named()[target], **keys)
    found = run(program)
    assert found["metric"] == ("rmse" if target == "price" else "accuracy")
    assert np.isfinite([found["train"], found["test"]]).all()


@pytest.mark.parametrize(
    ("target", "recipe"),
    [
        ("kind", "label_smoothing=0.1 + mixup=0.2 + early_stopping(patience=3, min_delta=0)"),
        ("price", "snapshot_ensemble"),
    ],
)
def test_so_does_one_of_a_network_made_with_a_mapping(tmp_path, target, recipe) -> None:
    program = made(tmp_path, from_arrays(NUMBERS, Y, target=target), recipe, mapping=True)
    check_form(program)
    arrays = dict(ARCHIVE)
    if target == "price":
        arrays = {"y": PRICES, "targets_kind": KINDS, "targets_3": GRADES}
    np.savez(tmp_path / "data.npz", x=NUMBERS, **arrays)
    assert np.isfinite(list(run(program).values())[1:]).all()


@pytest.mark.parametrize(
    "recipe", ["cutmix=0.5 + label_smoothing=0.1", "early_stopping(patience=3, min_delta=0)"]
)
def test_several_inputs_and_outputs_go_together(tmp_path, recipe) -> None:
    x = {"numbers": NUMBERS, "codes": CODES}
    part = {name: values[:30] for name, values in x.items()}
    dataset = from_arrays(x, named(), test=(part, KINDS[:30]), sample_weight=1.0 + GRADES)
    program = made(tmp_path, dataset, recipe)
    check_form(program)
    tested = {f"{name}_test": values for name, values in part.items()}
    np.savez(
        tmp_path / "data.npz", **x, **tested, y=KINDS, y_test=KINDS[:30],
        targets_price=PRICES, targets_grade=GRADES,
        sample_weight=1.0 + GRADES, sample_weight_test=np.ones(30),
    )  # fmt: skip
    assert np.isfinite(list(run(program).values())[1:]).all()


@pytest.mark.parametrize("tested", [False, True])
def test_a_table_with_names_has_the_targets_of_all_outputs_as_columns(tmp_path, tested) -> None:
    table = pd.DataFrame(NUMBERS, columns=list("abc"))
    prices = PRICES.copy()
    prices[4] = np.nan
    y = named({**Y, "price": prices})
    test = (table[:30], KINDS[:30]) if tested else None
    dataset = from_arrays(table, y, test=test)
    program = made(tmp_path, dataset)
    check_form(program)
    table.assign(**y).to_csv(tmp_path / "data.csv", index=False)
    # Of the other outputs a test part may hold anything.
    grades = np.where(np.arange(30) % 2, "", GRADES[:30].astype(str))
    test_table = table[:30].assign(kind=KINDS[:30], grade=grades)
    test_table.to_csv(tmp_path / "test.csv", index=False)
    functions = runpy.run_path(str(program.path))
    rows, target, further = functions["read"](tmp_path / "data.csv")
    assert list(rows) == ["a", "b", "c"]
    np.testing.assert_array_equal(target, dataset.rows.target)
    for name, line in dataset.rows.further.items():
        np.testing.assert_allclose(further[name], line)
    if tested:
        more, answers, _ = functions["read"](tmp_path / "test.csv", answers=["kind"])
        np.testing.assert_array_equal(answers, dataset.test.target)
        assert len(more) == len(dataset.test)
    assert np.isfinite(list(run(program).values())[1:]).all()


def test_a_program_takes_values_that_are_all_alike(tmp_path) -> None:
    program = made(tmp_path, from_arrays(NUMBERS, named() | {"price": np.full(ROWS, 0.1)},
                                         task={"price": "regression"}))  # fmt: skip
    learned = runpy.run_path(str(program.path))["standardized"](np.full(6, 0.1), np.arange(4))
    np.testing.assert_allclose(learned, 0, atol=1e-12)


def test_what_cannot_be_said_is_refused(tmp_path) -> None:
    dataset = from_arrays(NUMBERS, named())
    with pytest.raises(UserError) as caught:
        made(tmp_path, dataset, origin=Origin(dropped_copies=True))
    assert caught.value.code == "no-plain-source"
    table = pd.DataFrame(NUMBERS, columns=["a", "b", "price"])
    with pytest.raises(UserError, match="price") as caught:
        made(tmp_path, from_arrays(table, named()))
    assert caught.value.code == "no-plain-source"


def test_the_program_of_a_study_trains_the_network_that_predicts_as_reported(tmp_path) -> None:
    y = {"output_1": KINDS, "output_2": PRICES, "output_3": GRADES}
    study = compare(
        NUMBERS, y, network((3,), named=False), "l2=1e-3", folds=2, epochs=3, out=tmp_path / "run"
    )
    path = tmp_path / "run" / "recipe.py"
    np.savez(
        path.with_name("data.npz"), x=NUMBERS, y=KINDS, targets_output_2=PRICES,
        targets_output_3=GRADES,
    )  # fmt: skip
    functions = runpy.run_path(str(path))
    rows, target, further = functions["read"](path.with_name("data.npz"))
    np.testing.assert_allclose(further["output_2"], PRICES)
    np.testing.assert_array_equal(target, KINDS == "oak")
    built = functions["build_network"](3)
    trained = {layer.name.removesuffix("_before"): layer for layer in study.best.model.layers
               if layer.weights}  # fmt: skip
    for layer in built.layers:
        if layer.weights:
            layer.set_weights(trained[layer.name].get_weights())
    second = built.predict(functions["prepare"](rows, np.arange(ROWS)), verbose=0)[0][:, 0]
    np.testing.assert_allclose(second, study.best.predict(NUMBERS)[:, 1], atol=1e-5)
    assert built.loss[1] == "mse" or built.loss[1].name == "mean_squared_error"
    assert np.isfinite(run(Made("", None, path))["test"])  # type: ignore[arg-type]
