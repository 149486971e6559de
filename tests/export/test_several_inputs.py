"""The program of a study with several inputs runs without gengap and predicts as reported."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

import gengap
from export.test_program import Made, check_form
from gengap.audit.duplicates import group_copies
from gengap.data.arrays import from_arrays
from gengap.data.dataset import Dataset
from gengap.data.encoding import encode
from gengap.data.joint import fit
from gengap.errors import UserError
from gengap.export import Training, recipe_source
from gengap.networks.inputs import form_taken, rescales
from gengap.networks.models import resolve_model
from gengap.plain_steps import of_each, without_padding
from gengap.recipe import Recipe
from gengap.techniques.discovery import find_technique

RANDOM = np.random.default_rng(2)
ROWS = 60
NUMBERS = RANDOM.normal(40, 5, (ROWS, 3)).round(3)
SERIES = RANDOM.normal(10, 2, (ROWS, 5, 2)).round(3)
SERIES[3, 4:] = SERIES[7, 2:] = np.nan
IMAGES = RANDOM.integers(0, 256, (ROWS, 4, 4, 1), dtype=np.uint8)
KINDS = RANDOM.integers(0, 7, (ROWS, 1))
PEOPLE = pd.DataFrame(
    {
        "age": np.where(RANDOM.random(ROWS) < 0.1, np.nan, NUMBERS[:, 0]),
        "job": RANDOM.choice(["clerk", "smith", "baker"], ROWS),
        "married": RANDOM.choice(["yes", "no"], ROWS),
        "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS) * 3, unit="D"),
    }
)
Y = (NUMBERS[:, 0] > 40).astype(int)

ARRAYS = {"numbers": NUMBERS, "series": SERIES, "Bild 1": IMAGES, "y": KINDS}
TABLES = {"people": PEOPLE, "series": SERIES}


def network(shapes: dict[str, tuple[int, ...]], outputs: int) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = [keras.Input(shape, name=name) for name, shape in shapes.items()]
    parts = [
        layers.Embedding(7, 2)(given)
        if given.name == "y"
        else layers.GlobalAveragePooling1D()(layers.Masking(-9.0)(given))
        if given.name == "series"
        else given
        for given in inputs
    ]
    hidden = layers.Concatenate()([layers.Flatten()(part) for part in parts])
    hidden = layers.Dense(6, activation="relu")(hidden)
    return keras.Model(inputs, layers.Dense(outputs, "softmax" if outputs > 1 else None)(hidden))


def made(folder: Path, dataset: Dataset, recipe: str = "baseline") -> tuple[Made, keras.Model]:
    encoded = {n: encode(d.columns, d.rows.alone) for n, d in dataset.by_input().items()}
    shapes = {name: one.values.shape[1:] for name, one in encoded.items()}
    outputs = len(dataset.classes) or 1
    given = network(shapes, outputs)
    model = resolve_model(given, input_shape=shapes, outputs=outputs, task=dataset.task)
    training = Training("accuracy" if dataset.classes else "rmse", epochs=2, splits=1)
    source = recipe_source(dataset, model, Recipe.parse(recipe), training)
    path = folder / "recipe.py"
    path.write_text(source, encoding="utf-8")
    return Made(source, dataset, path), model


def write(folder: Path, rows: dict, y: np.ndarray, ending: str = "") -> dict[str, np.ndarray]:
    """Write what the program's head says: arrays by name, and a text file for each table."""
    arrays = {}
    for name, values in rows.items():
        if isinstance(values, pd.DataFrame):
            values.to_csv(folder / f"{name}{ending}.csv", index=False)
        else:
            arrays[("x_y" if name == "y" else name) + ending] = values
    return {**arrays, f"y{ending}": y}


def run(program: Made, *arguments: str) -> dict[str, float]:
    code = (
        "import sys, runpy; sys.modules['gengap'] = None; "
        f"sys.argv[1:] = {list(arguments)!r}; runpy.run_path({str(program.path)!r}, "
        "run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("rows", "y", "recipe"),
    [
        (ARRAYS, Y, "l2=1e-3 + gaussian_noise=0.1 + label_smoothing=0.1"),
        (TABLES, NUMBERS[:, 1], "dropout=0.2 + early_stopping(patience=3, min_delta=0)"),
    ],
)
def test_a_program_runs_without_gengap(tmp_path, rows, y, recipe) -> None:
    program, _ = made(tmp_path, from_arrays(rows, y), recipe)
    check_form(program)
    assert "write them with" in program.source
    np.savez(tmp_path / "data.npz", **write(tmp_path, rows, y))
    found = run(program)
    assert set(found) == {"metric", "train", "test"}
    assert np.isfinite([found["train"], found["test"]]).all()


@pytest.mark.parametrize("rows", [ARRAYS, TABLES])
@pytest.mark.parametrize("tested", [False, True])
def test_a_program_prepares_every_input_as_the_study_does(tmp_path, rows, tested) -> None:
    part = {
        name: values.iloc[40:] if isinstance(values, pd.DataFrame) else values[40:]
        for name, values in rows.items()
    }
    dataset = from_arrays(rows, Y, test=(part, Y[40:]) if tested else None)
    program, model = made(tmp_path, dataset)
    check_form(program)
    arrays = write(tmp_path, rows, Y) | (write(tmp_path, part, Y[40:], "_test") if tested else {})
    np.savez(tmp_path / "data.npz", **arrays)
    functions = runpy.run_path(str(program.path))
    read, target, *_ = functions["read"](tmp_path / "data.npz")
    np.testing.assert_array_equal(target, Y)
    training = np.arange(0, ROWS, 2)
    encoded = {
        name: encode(one.columns, one.rows.alone, as_given=rescales(model, name))
        for name, one in dataset.by_input().items()
    }
    forms = {name: form_taken(one.form, model, name) for name, one in encoded.items() if one.form}
    encoded |= {name: replace(encoded[name], form=form) for name, form in forms.items()}
    expected = fit(dataset, encoded, training).transform_features(dataset.rows.features)
    found = functions["prepare"](read, training)
    assert list(found) == list(expected) == list(rows)
    for name, values in expected.items():
        if encoded[name].form is None:  # numbers come first in a program, then words
            words = ~encoded[name].is_numeric
            order = np.argsort(words, kind="stable")
            np.testing.assert_allclose(found[name], values[:, order], atol=2e-5, err_msg=name)
        else:
            np.testing.assert_allclose(found[name], values, atol=2e-5, err_msg=name)
    if tested:
        more, answers = functions["read"](tmp_path / "data.npz", "_test")
        np.testing.assert_array_equal(answers, Y[40:])
        assert [len(values) for values in more.values()] == [ROWS - 40] * len(rows)
        assert np.isfinite(list(run(program).values())[1:]).all()


def test_copies_stay_together(tmp_path) -> None:
    rows = {name: np.concatenate([v, v[:10]]) for name, v in ARRAYS.items()}
    dataset = group_copies(from_arrays(rows, np.append(Y, Y[:10]), groups=np.arange(70) // 2))
    program, _ = made(tmp_path, dataset)
    check_form(program)
    arrays = write(tmp_path, rows, np.append(Y, Y[:10]))
    np.savez(tmp_path / "data.npz", groups=np.arange(70) // 2, **arrays)
    groups = runpy.run_path(str(program.path))["read"](tmp_path / "data.npz")[-1]
    assert len(np.unique(groups)) == len(np.unique(dataset.rows.groups))
    np.testing.assert_array_equal(groups[:10], groups[-10:])
    assert np.isfinite(run(program)["test"])


@pytest.mark.parametrize(
    ("names", "recipe"),
    [
        (["people", "series"], "cutout=0.2 + cutmix=0.5 + time_masking=0.3"),
        (["numbers", "grey"], "mixup=0.2 + random_shift=0.2 + random_erasing=0.5"),
        (["numbers", "y"], "cutmix=0.5 + swa=0.5 + batch_norm"),
    ],
)
def test_what_changes_batches_changes_every_input_that_it_serves(tmp_path, names, recipe) -> None:
    known = {**ARRAYS, **TABLES, "grey": IMAGES[..., 0]}
    rows = {name: known[name] for name in names}
    program, _ = made(tmp_path, from_arrays(rows, Y), recipe)
    check_form(program)
    np.savez(tmp_path / "data.npz", **write(tmp_path, rows, Y))
    found = run(program)
    assert np.isfinite([found["train"], found["test"]]).all()


def test_a_gradient_by_several_inputs_is_refused(tmp_path) -> None:
    rows = {"first": NUMBERS, "second": NUMBERS[:, :2]}
    with pytest.raises(UserError, match="inputs") as caught:
        made(tmp_path, from_arrays(rows, Y), "adversarial=0.1")
    assert caught.value.code == "no-plain-source"


def test_plain_changes_of_several_inputs_agree_with_what_is_learned_from() -> None:
    rows, steps = jnp.arange(32.0).reshape(8, 4) + 1, jnp.arange(48.0).reshape(8, 6, 1) + 1
    plain = find_technique("cutmix").plain_keras({"probability": 1.0}, {})
    scope: dict = {"keras": keras, "jax": jax}
    exec("".join((*plain.shared_definitions, plain.definitions)), scope)
    both = of_each(
        ("rows", scope["cut_and_mixed"](1.0, jnp.arange(4))),
        ("steps", scope["cut_and_mixed"](1.0, None)),
        mixing=True,
    )
    given = {"rows": rows, "steps": steps, "codes": rows}
    every = []
    for seed in range(8):
        found, targets = both(jax.random.key(seed), given, [(1.0, jnp.arange(8), None)])
        assert (found["codes"] == rows).all()
        assert [len(targets), sum(float(share) for share, *_ in targets)] == [2, pytest.approx(1)]
        every.append([float((found[name] != given[name]).mean()) for name in ("rows", "steps")])
        assert float(targets[1][0]) == pytest.approx(np.mean(every[-1]))
    assert np.min(np.max(every, axis=0)) > 0.1


def test_plain_changes_draw_for_each_input_and_pass_over_steps_that_are_none() -> None:
    series = jnp.ones((2, 3, 1)).at[:, 2].set(-9.0)
    given = {"first": series, "second": series}
    noisy = without_padding(add_normal, -9.0)
    found, _ = of_each(("first", noisy), ("second", noisy))(jax.random.key(0), given, [])
    assert (found["first"][:, :2] != found["second"][:, :2]).all()
    assert (found["first"][:, 2] == -9).all()


def add_normal(key, inputs, targets):
    return inputs + jax.random.normal(key, inputs.shape), targets


@pytest.mark.slow
def test_the_program_of_a_study_predicts_as_reported(tmp_path) -> None:
    random = np.random.default_rng(5)
    rows = {"numbers": random.normal(40, 5, (200, 6)), "series": random.normal(2, 3, (200, 4, 2))}
    value = (rows["numbers"][:, 0] - 40) / 5 + (rows["series"][:, 0, 0] - 2) / 3
    y = (value + random.normal(0, 1.0, 200) > 0).astype(int)
    model = network({"numbers": (6,), "series": (4, 2)}, 2)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    study = gengap.compare(
        rows, y, model, "l2=1e-3", metric="log_loss", folds=5, epochs=10, out=tmp_path / "run"
    )
    np.savez(tmp_path / "run" / "data.npz", y=y, **rows)
    path = tmp_path / "run" / "recipe.py"
    # The same network, with the trained weights, on rows as the program reads and prepares them.
    functions = runpy.run_path(str(path))
    read, _ = functions["read"](tmp_path / "run" / "data.npz")
    built = functions["build_network"]()
    built.set_weights(study.best.model.get_weights())
    inputs = functions["prepare"](read, np.arange(200))
    np.testing.assert_allclose(
        built.predict(inputs, verbose=0), study.best.predict(rows), atol=1e-5
    )
    # And trained by the program, where gengap cannot be imported.
    reported = next(r for r in study.results.recipes if r.recipe == study.results.best.recipe)
    scores = run(Made("", None, path))
    assert scores["metric"] == "log_loss"
    assert reported.test.low <= scores["test"] <= reported.test.high
