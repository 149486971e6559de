"""A trained recipe becomes an ordinary Keras model that says the same, anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from gengap.data.dataset import Column
from gengap.data.preprocessing import Preprocessing
from gengap.errors import UserError
from gengap.export import plain_model, trained_model
from gengap.networks.existing import existing_regularization
from gengap.networks.heads import head_of
from gengap.networks.models import resolve_model
from gengap.networks.serving import check_parts
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe
from gengap.refit import Refit
from gengap.techniques.discovery import techniques
from lanes.cases import CLASSES, NETWORKS, compiled, residual, stacked
from networks.zoo import GRAPHS, ZOO, Case

#: Runs without gengap: loads models and predicts what is in the folder.
FRESH = """
import json, pathlib, sys
sys.modules["gengap"] = None
import keras, numpy as np
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    model = keras.saving.load_model(path)
    inputs = np.load(path.with_suffix(".npy"))
    print(json.dumps([path.stem, model.predict(inputs, verbose=0).tolist()]))
"""


def every_recipe(task: str, modality: str = "table") -> dict[str, Recipe]:
    """Every technique at its middle strength, in each of its forms; and many together."""
    recipes = {}
    for name, technique in techniques().items():
        if task in technique.tasks and modality in technique.modalities:
            recipes[name] = Recipe.parse(name)
            for option in technique.options:
                for choice in option.choices[1:]:
                    recipes[f"{name}-{choice}"] = Recipe.parse(f"{name}({option.name}={choice})")
    combined = "l2 + dropout + batch_norm + gaussian_noise + input_dropout + weight_decay"
    recipes["combined"] = Recipe.parse(combined)
    grids = {name: recipe.grid() for name, recipe in recipes.items()}
    return {name: grid[len(grid) // 2] for name, grid in grids.items()}


def preprocessing(task: str, width: int = 5) -> Preprocessing:
    return Preprocessing(
        columns=tuple(Column(f"x{i}", "numeric") for i in range(width)),
        fill=np.zeros(width),
        shift=np.zeros(width),
        scale=np.ones(width),
        keep=np.ones(width),
        target_name="y",
        task=task,
        classes=("a", "b", "c") if task == "classification" else (),
        target_scale=1.0 if task == "classification" else 40.0,
        target_shift=0.0 if task == "classification" else -300.0,
    )


def fit_by_chance(model: keras.Model, recipe: Recipe, task: str) -> tuple[Refit, keras.Model]:
    """Give a recipe's network weights of its own, as if they were trained."""
    variant = variant_of(recipe, model)
    program = build_variant(model, variant)
    random = np.random.default_rng(0)
    weights = tuple(
        random.normal(size=v.shape).astype(v.dtype) for v in program.trainable_variables
    )
    others = tuple(
        random.uniform(0.5, 2, v.shape).astype(v.dtype) if "moving" in v.path else v.numpy()
        for v in program.non_trainable_variables
    )
    refit = Refit(recipe, variant, 3, weights, others, preprocessing(task))
    return refit, program


def outputs_of(program: keras.Model, refit: Refit, inputs: np.ndarray) -> np.ndarray:
    outputs, _ = program.stateless_call(list(refit.weights), list(refit.others), inputs)
    made = refit.preprocessing
    return np.asarray(outputs) * made.target_scale + made.target_shift


def serves(model: keras.Model, recipe: Recipe) -> bool:
    """Tell whether a network has the parts that a recipe acts on."""
    try:
        check_parts(recipe, build_variant(model, variant_of(recipe, model)))
    except UserError:
        return False
    return True


def for_tables(task: str) -> keras.Model:
    outputs = 3 if task == "classification" else 1
    return resolve_model("mlp:6,4", input_shape=(5,), outputs=outputs, task=task)


def for_rows_of(modality: str) -> keras.Model:
    return compiled(NETWORKS[modality](), "adam")


def network_for(recipe: Recipe, task: str, modality: str) -> keras.Model:
    """Build a plain network or, where the recipe finds nothing to act on there, one with more."""
    outputs = CLASSES if task == "classification" else 1
    plain = for_tables(task) if modality == "table" else for_rows_of(modality)
    others = [stacked(modality, outputs), residual(modality, outputs)]
    for other in others:
        other.compile("adam", "sparse_categorical_crossentropy" if outputs > 1 else "mse")
    return next(network for network in (plain, *others) if serves(network, recipe))


@pytest.mark.parametrize(
    ("task", "modality"),
    [
        ("classification", "table"),
        ("regression", "table"),
        ("classification", "image"),
        ("classification", "sequence"),
    ],
)
def test_saved_models_say_the_same_where_gengap_is_not_installed(task, modality, tmp_path):
    expected = {}
    for name, recipe in every_recipe(task, modality).items():
        model = network_for(recipe, task, modality)
        shape = model.input_shape[1:]
        inputs = np.random.default_rng(1).normal(size=(9, *shape)).astype(np.float32)
        refit, program = fit_by_chance(model, recipe, task)
        trained = trained_model(model, refit)
        expected[name] = outputs_of(program, refit, inputs)
        trained.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", inputs)
    check_elsewhere(tmp_path, expected)


def check_elsewhere(folder: Path, expected: dict[str, np.ndarray]) -> None:
    """Saved models say the same in a process that has no gengap."""
    command = [sys.executable, "-I", "-W", "error", "-c", FRESH, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 0, done.stderr
    found = dict(json.loads(line) for line in done.stdout.splitlines())
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)


def softmax() -> tuple[keras.Model, str, str]:
    model = resolve_model("mlp:6,4", input_shape=(5,), outputs=3, task="classification")
    return model, "classification", "linear"


def logits() -> tuple[keras.Model, str, str]:
    inputs = keras.Input((5,))
    both = layers.Concatenate()([inputs, layers.Dense(4, "relu")(inputs)])
    model = keras.Model(inputs, layers.Dense(3)(both))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, "classification", "softmax"


def one_logit() -> tuple[keras.Model, str, str]:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu"), layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    return model, "classification", "sigmoid"


def values() -> tuple[keras.Model, str, str]:
    model = resolve_model("mlp:6,4", input_shape=(5,), outputs=1, task="regression")
    return model, "regression", "linear"


def test_an_ensemble_is_one_model_that_averages_what_can_be_averaged(tmp_path):
    inputs = np.random.default_rng(1).normal(size=(9, 5)).astype(np.float32)
    expected = {}
    for kind in (softmax, logits, one_logit, values):
        model, task, activation = kind()
        recipe = Recipe.parse("batch_norm + snapshot_ensemble(members=3)")
        first, program = fit_by_chance(model, recipe, task)
        others = [
            tuple(np.float32(factor) * value for value in first.weights) for factor in (0.5, 1.5)
        ]
        refit = replace(first, further=tuple((weights, first.others) for weights in others))
        trained = trained_model(model, refit)
        convert = keras.activations.get(activation)
        outputs = [
            np.asarray(convert(outputs_of(program, replace(first, weights=weights), inputs)))
            for weights, _ in refit.members
        ]
        expected[kind.__name__] = mean = np.mean(outputs, axis=0)
        found = np.asarray(convert(trained.predict(inputs, verbose=0)))
        np.testing.assert_allclose(found, mean, rtol=1e-4, atol=1e-5)
        head = head_of(trained, task=task, classes=3 if task == "classification" else 0)
        assert head.from_logits == (activation != "linear")
        expected[kind.__name__] = trained.predict(inputs, verbose=0)
        trained.save(tmp_path / f"{kind.__name__}.keras")
        np.save(tmp_path / f"{kind.__name__}.npy", inputs)
    check_elsewhere(tmp_path, expected)


def _environment() -> dict[str, str]:
    # Most of the time is compiling, and what is compiled is small.
    quickly = "--xla_backend_optimization_level=0"
    return {"KERAS_BACKEND": "jax", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "XLA_FLAGS": quickly}


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_networks_of_every_shape_keep_what_they_learned(case: Case):
    model = case.build()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    text = "dropout=0.4 + l2=1e-3 + input_dropout=0.1" + (" + batch_norm" if case.graph else "")
    refit, program = fit_by_chance(model, Recipe.parse(text), "classification")
    trained = trained_model(model, refit)
    np.testing.assert_allclose(
        trained(case.inputs()), outputs_of(program, refit, case.inputs()), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("case", [case for case in GRAPHS if case.shape == (5,)], ids=str)
def test_regression_ends_in_the_unit_of_the_target(case: Case):
    inner = case.build()
    inputs = keras.Input((5,))
    model = keras.Model(inputs, layers.Dense(1)(inner(inputs)))
    model.compile("adam", "mse")
    refit, program = fit_by_chance(model, Recipe.parse("l2=0.1"), "regression")
    trained = trained_model(model, refit)
    assert isinstance(trained.layers[-1], layers.Rescaling)
    np.testing.assert_allclose(
        trained(case.inputs()), outputs_of(program, refit, case.inputs()), rtol=1e-4, atol=1e-3
    )


def regularized() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, "relu", kernel_regularizer="l2"),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adamw", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("recipe", "left"),
    [
        ("baseline", {"L2(0.01) on kernel", "Dropout(0.5)", "AdamW(weight_decay=0.004)"}),
        ("none", set()),
        ("l2=0.1", {"L2(0.1) on kernel", "Dropout(0.5)", "AdamW(weight_decay=0.004)"}),
        ("dropout=0.2", {"L2(0.01) on kernel", "Dropout(0.2)", "AdamW(weight_decay=0.004)"}),
        (
            "l1(form=subgradient, strength=0.1)",
            {
                "L1L2(0.1, 0.01) on kernel",
                "L1(0.1) on kernel",
                "Dropout(0.5)",
                "AdamW(weight_decay=0.004)",
            },
        ),
        ("weight_decay=0.1", {"L2(0.01) on kernel", "Dropout(0.5)"}),
    ],
)
def test_a_technique_takes_the_place_of_what_the_network_has_of_its_kind(recipe, left):
    found = existing_regularization(plain_model(regularized(), Recipe.parse(recipe)))
    assert {part.description for part in found} == left


def test_what_only_the_user_has_does_not_go_into_the_saved_model(tmp_path):
    def own_loss(target, outputs):
        return keras.ops.mean(outputs)

    model = resolve_model("mlp:4", input_shape=(5,), outputs=3, task="classification")
    model.compile("adam", own_loss)
    refit, _ = fit_by_chance(model, Recipe(), "classification")
    trained = trained_model(model, refit)
    assert not trained.compiled
    trained.save(tmp_path / "model.keras")
    keras.saving.load_model(tmp_path / "model.keras")


@keras.saving.register_keras_serializable("tests")
class Twice(layers.Layer):
    """Two hidden layers that code of a user's own calls."""

    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.first, self.second = layers.Dense(units, "relu"), layers.Dense(units, "relu")

    def build(self, shape: tuple[int, ...]) -> None:
        self.first.build(shape)
        self.second.build((*shape[:-1], self.units))

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "units": self.units}

    def call(self, inputs: object) -> object:
        return self.second(self.first(inputs))


def with_a_layer_of_ones_own() -> keras.Model:
    hidden = [Twice(6), layers.Dense(CLASSES, "softmax")]
    return compiled(keras.Sequential([keras.Input((4,)), *hidden]), "adam")


@pytest.mark.parametrize("recipe", ["dropout=0.4", "l2=1e-3 + gaussian_dropout=0.3"])
def test_what_acts_in_training_only_is_left_out_inside_layers_of_ones_own(recipe: str) -> None:
    """Lanes reach hidden layers that no layer of Keras can be put behind."""
    model = with_a_layer_of_ones_own()
    with pytest.raises(UserError) as caught:
        plain_model(model, Recipe.parse(recipe))
    assert caught.value.code == "cannot-insert-layers"
    handed = plain_model(model, Recipe.parse(recipe), trained=True)
    rows = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    np.testing.assert_array_equal(handed.predict(rows, verbose=0), model.predict(rows, verbose=0))


def test_what_acts_at_inference_is_not_left_out_of_a_trained_network() -> None:
    model = with_a_layer_of_ones_own()
    with pytest.raises(UserError) as caught:
        plain_model(model, Recipe.parse("batch_norm + dropout=0.4"), trained=True)
    assert caught.value.code == "cannot-insert-layers"
