"""The program reads and prepares data as the study does, is well formed, and runs."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from data.test_folders import write_classes, write_idx
from export.test_models import every_recipe
from gengap.audit.duplicates import drop_copies, group_copies
from gengap.data.arrays import from_arrays
from gengap.data.dataset import Dataset
from gengap.data.encoding import encode
from gengap.data.load import load
from gengap.data.preprocessing import fit_preprocessing
from gengap.errors import UserError
from gengap.export import Origin, Training, origin_of, plain_source, recipe_source
from gengap.export.metric_source import METRIC_SOURCES
from gengap.networks.models import resolve_model
from gengap.networks.rebuild import matching
from gengap.networks.serving import check_parts
from gengap.networks.sites import kernels
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe
from gengap.statistics.metrics import METRICS, evaluate
from networks import zoo

RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent))
ROWS = 60


def table() -> pd.DataFrame:
    """Numbers, words, yes or no and dates, with missing values, spelt in many ways."""
    random = np.random.default_rng(0)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, ROWS), unit="D")
    frame = pd.DataFrame(
        {
            "length": random.normal(5, 2, ROWS).round(3),
            "job": random.choice(["clerk", "smith", "baker"], ROWS),
            "married": random.choice(["yes", "No"], ROWS),
            "since": day.strftime("%Y-%m-%d"),
            "count": random.integers(0, 9, ROWS),
            "town": random.choice(["Ulm", "Köln"], ROWS),
            "owner": random.integers(0, 12, ROWS),
            "share": random.uniform(0.5, 1.5, ROWS).round(2),
            "price": (random.normal(100, 30, ROWS)).round(1),
            "grade": random.choice(["good", "bad", "fair"], ROWS),
        }
    ).astype(object)
    for column, word in (("length", "?"), ("job", "NA"), ("married", ""), ("since", "null")):
        frame.loc[random.choice(ROWS, 5, replace=False), column] = word
    frame.loc[3, "job"] = "rare"
    return frame


@dataclasses.dataclass(frozen=True)
class Made:
    """A program and what it was made from."""

    source: str
    dataset: Dataset
    path: Path


def make(
    folder: Path,
    dataset: Dataset,
    *,
    recipe: str = "baseline",
    model: object = "mlp:6,4",
    origin: Origin | None = None,
    metric: str | None = None,
    class_weight: str | None = None,
) -> Made:
    features = encode(dataset.columns, dataset.rows.features).values
    network = resolve_model(
        model,
        input_shape=features.shape[1:],
        outputs=len(dataset.classes) or 1,
        task=dataset.task,
        ragged=bool(features.ndim == 3 and np.isnan(features).any()),
    )
    deciding = metric or ("accuracy" if dataset.classes else "rmse")
    training = Training(deciding, epochs=2, splits=1, class_weight=class_weight)
    source = recipe_source(dataset, network, Recipe.parse(recipe), training, origin)
    path = folder / "recipe.py"
    path.write_text(source, encoding="utf-8")
    return Made(source, dataset, path)


def check_form(made: Made) -> None:
    """A formatter changes nothing, and nothing is unused or undefined."""
    if RUFF is None:
        return
    for command in (
        ["format", "--check", "--diff"],
        ["check", "--select=F,E9,I001", "--ignore=I001"],
    ):
        done = subprocess.run(
            [RUFF, command[0], "--isolated", "--line-length=100", *command[1:], str(made.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def check_data(made: Made) -> dict[str, object]:
    """What the program reads and prepares is what the study does."""
    program = runpy.run_path(str(made.path))
    dataset = made.dataset
    arguments = [program["DATA"]] if "DATA" in program else []
    rows, target, *others = program["read"](*arguments)
    np.testing.assert_allclose(target, dataset.rows.target)
    training = np.arange(0, len(target), 2)
    if isinstance(rows, np.ndarray):
        np.testing.assert_array_equal(
            rows.reshape(dataset.rows.features.shape), dataset.rows.features
        )
    else:
        encoded = encode(dataset.columns, dataset.rows.features)
        fitted = fit_preprocessing(dataset, encoded, training)
        expected = fitted.transform_features(dataset.rows.features)
        found = program["prepare"](rows, training)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        order = [
            next(j for j in range(found.shape[1]) if np.allclose(found[:, j], column, atol=1e-5))
            for column in expected.T
        ]
        assert len(set(order)) == len(order)
    if dataset.rows.weights is not None:
        np.testing.assert_allclose(others.pop(0), dataset.rows.weights)
    if others:
        assert dataset.rows.groups is not None
        (groups,) = others
        assert pd.factorize(groups)[0].tolist() == pd.factorize(dataset.rows.groups)[0].tolist()
    return program


def saved(folder: Path, frame: pd.DataFrame, name: str, **options: object) -> str:
    path = folder / name
    frame.to_csv(path, index=False, **options)
    return str(path)


def case_words(folder: Path) -> Made:
    path = saved(folder, table().drop(columns=["price", "owner", "share"]), "words.csv")
    return make(folder, load(path, target="grade"), recipe="l2=1e-3 + dropout=0.3")


def case_regression(folder: Path) -> Made:
    path = saved(folder, table().drop(columns=["grade", "owner", "share"]), "price.tsv", sep="\t")
    return make(
        folder,
        load(path, target="price"),
        recipe="l1=1e-3 + early_stopping(patience=2, min_delta=0)",
    )


def case_weights_and_groups(folder: Path) -> Made:
    path = saved(folder, table().drop(columns=["price"]), "all.csv.gz")
    dataset = load(path, target="grade", groups="owner", weight="share")
    origin = Origin(groups="owner", weight="share")
    recipe = "early_stopping(patience=2, min_delta=0, monitor=metric)"
    return make(folder, dataset, origin=origin, recipe=recipe, class_weight="balanced")


def case_groups_and_copies(folder: Path) -> Made:
    frame = table().drop(columns=["price", "share"])
    frame = pd.concat([frame, frame.iloc[:9].assign(owner=99)], ignore_index=True)
    path = saved(folder, frame, "copies.csv")
    dataset = group_copies(load(path, target="grade", groups="owner"))
    return make(folder, dataset, origin=Origin(groups="owner"))


def case_copies(folder: Path) -> Made:
    frame = table()[["length", "price", "count"]].replace("?", np.nan).astype(float)
    frame = pd.concat([frame, frame.iloc[:9]], ignore_index=True)
    frame["number"] = np.arange(len(frame)) + 7
    path = saved(folder, frame, "numbered.csv")
    return make(folder, group_copies(load(path, target="price")), metric="mae")


def case_dropped_copies(folder: Path) -> Made:
    frame = table()[["length", "price", "count", "job"]]
    frame = pd.concat([frame, frame.iloc[:9]], ignore_index=True)
    dataset = drop_copies(load(saved(folder, frame, "drop.csv"), target="price"))
    return make(folder, dataset, origin=Origin(dropped_copies=True), metric="r2")


def case_test_part(folder: Path) -> Made:
    frame = table().drop(columns=["price", "owner"])
    path = saved(folder, frame.iloc[:45], "rows.csv")
    test = frame.iloc[45:].drop(columns="share").assign(job="unheard")
    other = saved(folder, test, "test.csv")
    dataset = load(path, target="grade", weight="share", test=other)
    origin = Origin(weight="share", test=other)
    return make(folder, dataset, origin=origin, metric="log_loss", recipe="batch_norm")


def case_decimal_commas(folder: Path) -> Made:
    frame = table()[["length", "price", "count"]].replace("?", np.nan).astype(float)
    path = saved(folder, frame, "commas.csv", sep=";", decimal=",")
    return make(folder, load(path, target="price"))


def case_unnamed_column(folder: Path) -> Made:
    frame = table()[["length", "price", "grade"]].rename(columns={"length": ""})
    return make(folder, load(saved(folder, frame, "unnamed.csv"), target="grade"))


def spoken(rows: int) -> list[str | None]:
    random = np.random.default_rng(rows)
    words = ["good", "bad", "wine", "food", "never", "again"]
    texts = [f"{' '.join(random.choice(words, 5))} no. {row}" for row in range(rows)]
    return [None if row % 9 == 0 else text for row, text in enumerate(texts)]


def case_texts(folder: Path) -> Made:
    frame = table()[["length", "job", "grade"]].assign(said=spoken(ROWS), told=spoken(ROWS)[::-1])
    return make(folder, load(saved(folder, frame, "said.csv"), target="grade"))


def case_texts_alone(folder: Path) -> Made:
    frame = pd.DataFrame({"said": spoken(ROWS), "price": table()["price"]})
    other = pd.DataFrame({"said": spoken(20), "price": table()["price"][:20]})
    path, test = saved(folder, frame, "rows.csv"), saved(folder, other, "test.csv")
    dataset = load(path, target="price", test=test)
    return make(folder, dataset, origin=Origin(test=test), recipe="l2=1e-3")


def case_parquet(folder: Path) -> Made:
    frame = table().drop(columns=["owner", "share", "price"])
    frame["length"] = pd.to_numeric(frame["length"], errors="coerce")
    frame["since"] = pd.to_datetime(frame["since"], errors="coerce")
    frame["married"] = frame["married"].map({"yes": True, "No": False}).astype("boolean")
    frame["count"] = frame["count"].astype(int)
    frame.to_parquet(folder / "typed.parquet")
    return make(folder, load(folder / "typed.parquet", target="grade"), metric="brier")


def case_numbered_classes(folder: Path) -> Made:
    frame = table()[["length", "price", "count"]].replace("?", np.nan).astype(float)
    frame["class"] = np.arange(ROWS) % 2
    path = saved(folder, frame, "numbered.csv")
    return make(folder, load(path, target="class"), recipe="label_smoothing=0.1", metric="ece")


def case_wide(folder: Path) -> Made:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(ROWS, 40))).add_prefix("a rather long name ")
    frame.columns = [f"{name} {'x' * 30}" for name in frame]
    words = pd.DataFrame(random.choice(["p", "q"], (ROWS, 12))).add_prefix("word ")
    path = saved(folder, pd.concat([frame, words], axis=1).assign(y=np.arange(ROWS) % 3), "w.csv")
    return make(folder, load(path, target="y"), metric="roc_auc")


def case_bundled(folder: Path) -> Made:
    return make(folder, load("sklearn:wine"), recipe="weight_decay=0.1", metric="balanced_accuracy")


def case_bundled_regression(folder: Path) -> Made:
    return make(folder, load("sklearn:diabetes"), recipe="elastic_net(l1=1e-3, l2=1e-3)")


def case_archive(folder: Path) -> Made:
    random = np.random.default_rng(0)
    np.savez(
        folder / "images.npz",
        X_train=random.normal(size=(ROWS, 6, 6, 1)).astype(np.float32),
        Y_train=random.integers(0, 3, ROWS),
        x_test=random.normal(size=(10, 6, 6, 1)).astype(np.float32),
        y_test=random.integers(0, 3, 10),
        classes=np.array(["ant", "bee", "cat"]),
    )
    dataset = load(folder / "images.npz")
    return make(folder, dataset, model=zoo.convolution(), recipe="dropout=0.2")


def case_grey_bytes(folder: Path) -> Made:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (ROWS, 8, 8)).astype(np.uint8)
    np.savez(folder / "grey.npz", images=images, labels=random.integers(0, 3, ROWS))
    made = make(folder, load(folder / "grey.npz"), model="cnn:4")
    assert 'rows.astype("float32") / 255' in made.source
    return made


def case_copies_of_images(folder: Path) -> Made:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 8, 8)).astype(np.uint8)
    images, labels = np.tile(images, (2, 1, 1)), random.integers(0, 2, 80)
    np.savez(folder / "data.npz", x=images, y=labels)
    return make(folder, group_copies(from_arrays(images, labels)), model="cnn:4")


def case_images_without_channels(folder: Path) -> Made:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (ROWS, 8, 8)).astype(np.uint8)
    np.savez(folder / "data.npz", x=images, y=random.integers(0, 3, ROWS))
    network = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((8, 8)), *network])
    made = make(folder, from_arrays(images, np.load(folder / "data.npz")["y"]), model=model)
    assert 'rows.astype("float32")\n' in made.source  # its first layer divides them
    return made


def waves(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(5, 3, (rows, 8, 2)).astype(np.float32)


def case_sequences(folder: Path) -> Made:
    np.savez(
        folder / "waves.npz",
        X_train=waves(ROWS),
        y_train=np.arange(ROWS) % 2,
        len_train=np.arange(ROWS) % 8 + 1,
        X_test=waves(12),
        y_test=np.arange(12) % 2,
        len_test=np.arange(12) % 5 + 1,
        classes=np.array(["2", "10"]),
    )
    made = make(folder, load(folder / "waves.npz"), model="lstm:3", recipe="input_dropout=0.1")
    layers_written = re.findall(r"keras\.layers\.(\w+)", made.source)
    assert layers_written == ["Masking", "Dropout", "LSTM", "Dense"]
    return made


def case_sequences_of_one_length(folder: Path) -> Made:
    np.savez(folder / "data.npz", x=waves(ROWS), y=np.arange(ROWS) / 7)
    dataset = from_arrays(waves(ROWS), np.arange(ROWS) / 7)
    return make(folder, dataset, model="conv1d:3", recipe="batch_norm")


def case_copies_of_sequences(folder: Path) -> Made:
    rows = np.concatenate([waves(30), waves(30)])
    rows[::3, 5:] = np.nan
    np.savez(folder / "data.npz", x=rows, y=np.arange(60) % 2)
    dataset = group_copies(from_arrays(rows, np.arange(60) % 2))
    made = make(folder, dataset, model="conv1d:3", recipe="gaussian_noise=0.1")
    assert "with NaN in the steps" in made.source
    return made


def case_idx(folder: Path) -> Made:
    random = np.random.default_rng(0)
    for part, rows in (("train", ROWS), ("t10k", 20)):
        write_idx(
            folder / f"{part}-images-idx3-ubyte.gz",
            random.integers(0, 256, (rows, 8, 8)).astype(np.uint8),
            packed=True,
        )
        write_idx(
            folder / f"{part}-labels-idx1-ubyte",
            (np.arange(rows) % 3).astype(np.uint8),
        )
    return make(folder, load(folder), model="cnn:4", recipe="dropout=0.2")


def case_image_files(folder: Path) -> Made:
    write_classes(folder / "kinds" / "train", mode="RGB", size=(9, 7))
    write_classes(folder / "kinds" / "test", mode="RGB")
    dataset = load(folder / "kinds", image_size="6x6")
    return make(folder, dataset, model="cnn:4", recipe="l2=1e-3")


def case_table_in_memory(folder: Path) -> Made:
    frame = table().drop(columns=["owner", "share", "price"])
    dataset = from_arrays(frame.drop(columns="grade"), frame["grade"])
    made = make(folder, dataset)
    assert "table.to_csv" in made.source
    saved(folder, frame.rename(columns={"grade": dataset.target_name}), "data.csv")
    return made


def case_arrays_in_memory(folder: Path) -> Made:
    random = np.random.default_rng(0)
    arrays = {
        "x": random.normal(size=(ROWS, 4)),
        "y": np.eye(3)[random.integers(0, 3, ROWS)],
        "groups": random.integers(0, 20, ROWS),
        "sample_weight": random.uniform(size=ROWS),
    }
    options = {name: arrays[name] for name in ("groups", "sample_weight")}
    made = make(folder, from_arrays(arrays["x"], arrays["y"], **options))
    assert "np.savez" in made.source
    np.savez(folder / "data.npz", **arrays)
    return made


def blocks(width: int, outputs: int) -> keras.Model:
    """Build two layers of one width, and residual blocks of one branch and of two."""
    inputs = keras.Input((width,))
    hidden = layers.Dense(6, "relu")(layers.Dense(6, "relu")(inputs))
    hidden = layers.Add()([hidden, layers.Dense(6, "tanh")(hidden)])
    sides = [layers.Dense(6, "tanh")(hidden) for _ in range(2)]
    hidden = layers.Add()([hidden, *sides])
    activation = "softmax" if outputs > 1 else None
    return keras.Model(inputs, layers.Dense(outputs, activation=activation)(hidden))


def case_residual(folder: Path) -> Made:
    recipe = "shake_drop=0.2 + dropconnect=0.1 + orthogonal=1e-3 + group_lasso=1e-3 + layer_norm"
    return make(folder, load("sklearn:wine"), model=blocks(13, 3), recipe=recipe)


def case_one_unit(folder: Path) -> Made:
    frame = table()[["length", "price", "count"]].replace("?", np.nan).astype(float)
    frame["class"] = np.arange(ROWS) % 2
    path = saved(folder, frame, "two.csv")
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)])
    return make(folder, load(path, target="class"), model=model, recipe="label_smoothing=0.1")


def case_indicators(folder: Path) -> Made:
    return make(folder, load("sklearn:wine"), model=one_hot(), recipe="label_smoothing=0.1")


DATA_CASES = [value for name, value in dict(globals()).items() if name.startswith("case_")]


@pytest.mark.parametrize("case", DATA_CASES)
def test_the_program_reads_and_prepares_what_the_study_does(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = case(tmp_path)
    check_form(made)
    check_data(made)


def logits(units: int = 3) -> keras.Model:
    return keras.Sequential([keras.Input((13,)), layers.Dense(4, "relu"), layers.Dense(units)])


def one_hot() -> keras.Model:
    model = logits()
    optimizer = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 10))
    optimizer.exclude_from_weight_decay(var_list=[model.layers[0].kernel], var_names=["bias"])
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


def branches() -> keras.Model:
    inputs = keras.Input((13,))
    block = keras.Sequential([keras.Input((13,)), layers.Dense(13, "relu")])
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(2, 3, (20, 13)))
    hidden = layers.Add()([block(normalization(inputs)), layers.Dense(13, "tanh")(inputs)])
    return keras.Model(inputs, layers.Dense(3, "softmax")(hidden))


def normalized() -> keras.Model:
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(2, 3, (20, 13)))
    dense = [layers.Dense(4, "relu"), layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((13,)), normalization, *dense])


def nested() -> keras.Model:
    block = keras.Sequential([keras.Input((13,)), layers.Dense(6, "relu"), layers.Dense(5, "relu")])
    return keras.Sequential([keras.Input((13,)), block, layers.Dense(3, "softmax")])


def with_lambda() -> keras.Model:
    inner = [layers.Lambda(lambda x: 2 * x), layers.Dense(4, "relu"), layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((13,)), *inner])


def subclassed() -> keras.Model:
    return zoo.ResidualWithSoftmax()


NETWORKS = (logits, one_hot, branches, normalized, nested, with_lambda, subclassed)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize(
    "recipe", ["baseline", "l2=1e-3 + dropout=0.3 + early_stopping(patience=3, min_delta=0)"]
)
def test_the_program_builds_the_same_network(kind, recipe, tmp_path):
    model = resolve_model(kind(), input_shape=(13,), outputs=3, task="classification")
    made = make(tmp_path, load("sklearn:wine"), model=model, recipe=recipe)
    check_form(made)
    network = runpy.run_path(str(made.path))["build_network"](13)
    assert _weights(network) == _weights(model)
    if isinstance(model, keras.Sequential):  # its layers are written without names
        pairs = list(zip(network.trainable_variables, model.trainable_variables, strict=True))
    else:
        places = zip(network.variables, matching(model, network), strict=True)
        pairs = [(new, model.variables[place]) for new, place in places if place is not None]
    for new, old in pairs:
        new.assign(old.value)
    inputs = np.random.default_rng(0).normal(size=(5, 13)).astype(np.float32)
    np.testing.assert_allclose(network(inputs), model(inputs), atol=1e-5)
    assert type(network.optimizer) is type(model.optimizer)


@pytest.mark.parametrize("kind", [logits, branches])
@pytest.mark.parametrize(
    "recipe",
    ["l1(strength=STRENGTH, form=subgradient)", "l1=STRENGTH", "l2=STRENGTH", "dropout=STRENGTH"],
)
@pytest.mark.parametrize("strength", ["0.01", "0.00037"])
def test_strengths_stand_there_as_they_were_given(kind, recipe, strength, tmp_path):
    model = resolve_model(kind(), input_shape=(13,), outputs=3, task="classification")
    recipe = recipe.replace("STRENGTH", strength)
    made = make(tmp_path, load("sklearn:wine"), model=model, recipe=recipe)
    program = made.source.split('"""', 2)[2]
    assert strength in program
    # The statistics of a normalization are of 32 bits and have as many digits as these.
    assert not re.search(r"0{4}\d{6,}|9{4}\d{6,}", program)


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_acts_on_kernels_comes_along_in_every_network(kind, tmp_path):
    """In a network that is code, no configuration says it."""
    model = resolve_model(kind(), input_shape=(13,), outputs=3, task="classification")
    made = make(tmp_path, load("sklearn:wine"), model=model, recipe="l2=1e-3 + max_norm=2")
    check_form(made)
    network = runpy.run_path(str(made.path))["build_network"](13)
    for variable, kernel in zip(network.trainable_variables, kernels(network), strict=True):
        assert (variable.regularizer is not None) == kernel
        assert (variable.constraint is not None) == kernel


def _weights(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def test_exclusions_from_weight_decay_come_along(tmp_path):
    made = make(tmp_path, load("sklearn:wine"), model=one_hot())
    network = runpy.run_path(str(made.path))["build_network"](13)
    decayed = [network.optimizer._use_weight_decay(v) for v in network.trainable_variables]
    assert decayed == [False, False, True, False]
    assert isinstance(network.optimizer._learning_rate, keras.optimizers.schedules.CosineDecay)


@pytest.mark.parametrize("name", METRIC_SOURCES)
def test_the_metric_is_the_one_that_the_study_decides_by(name):
    source = METRIC_SOURCES[name]
    namespace: dict[str, object] = {"np": np}
    exec("\n".join([*source.imports, source.function]), namespace)
    random = np.random.default_rng(0)
    for classes in (2, 4):
        if "classification" in METRICS[name].tasks:
            target = random.integers(0, classes, 50)
            outputs = random.dirichlet(np.ones(classes), 50)
        else:
            target, outputs = random.normal(size=50), random.normal(size=50)
        expected = evaluate(METRICS[name].tasks[0], target, outputs)[name]
        assert namespace["score"](target, outputs) == pytest.approx(float(expected))


def test_every_metric_is_there():
    assert set(METRIC_SOURCES) == set(METRICS)


class Own(layers.Layer):
    """Defined where no program can import it from."""

    def call(self, x):
        return x


Own.__module__ = "__main__"


def frozen() -> keras.Model:
    model = logits()
    model.layers[0].trainable = False
    return model


def own_layer() -> keras.Model:
    return keras.Sequential([keras.Input((13,)), Own(), layers.Dense(3)])


def own_optimizer() -> keras.Model:
    class Mine(keras.optimizers.SGD):
        pass

    model = logits()
    model.compile(Mine(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize(
    ("kind", "words"),
    [(frozen, "frozen"), (own_layer, "not in a module"), (own_optimizer, "not an optimizer")],
)
def test_what_no_program_can_build_is_refused_with_the_reason(kind, words, tmp_path):
    with pytest.raises(UserError, match=words) as caught:
        make(tmp_path, load("sklearn:wine"), model=kind())
    assert caught.value.code == "no-plain-source"


def test_a_bundled_set_with_a_test_part_is_refused_with_the_reason(tmp_path):
    wine = load("sklearn:wine")
    rows = wine.rows.features.assign(cultivar=[wine.classes[code] for code in wine.rows.target])
    path = saved(tmp_path, rows.iloc[::4], "test.csv")
    with pytest.raises(UserError, match="test part from elsewhere") as caught:
        make(tmp_path, load("sklearn:wine", test=path))
    assert caught.value.code == "no-plain-source"


def test_a_study_without_a_program_says_why(tmp_path):
    dataset = load("sklearn:wine")
    design = SimpleNamespace(
        dataset=dataset,
        material=SimpleNamespace(
            model=resolve_model(frozen(), input_shape=(13,), outputs=3, task="classification")
        ),
        metric=METRICS["accuracy"],
        settings=SimpleNamespace(epochs=3, batch_size=32, seed=0),
        class_weight=None,
    )
    path = tmp_path / "recipe.py"
    path.write_text(plain_source(design, Recipe(), 3))
    with pytest.raises(SystemExit, match="frozen"):
        runpy.run_path(str(path))


def case_frame_and_arrays(folder: Path) -> Made:
    frame = table()[["length", "job", "price"]]
    random = np.random.default_rng(0)
    weights, groups = random.uniform(size=ROWS), random.integers(0, 20, ROWS)
    dataset = from_arrays(
        frame[["length", "job"]], frame["price"].astype(float), sample_weight=weights, groups=groups
    )
    made = make(folder, dataset)
    written = frame.assign(sample_weight=weights, groups=groups)
    saved(folder, written, "data.csv")
    return made


def test_weights_and_groups_of_a_table_in_memory_are_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = case_frame_and_arrays(tmp_path)
    check_form(made)
    check_data(made)
    assert "sample_weight" in made.source.split('"""')[1]


def test_texts_of_the_user_do_not_break_the_program(tmp_path):
    nasty = 'a "quoted" \\ name\'s {brace} <b> """'
    frame = pd.DataFrame({nasty: np.arange(40.0) ** 2, "b": ["'", '"'] * 20, "c": [0, 1] * 20})
    path = tmp_path / 'it\'s "here".csv'
    frame.rename(columns={"c": nasty + "!"}).to_csv(path, index=False)
    made = make(tmp_path, load(path, target=nasty + "!"))
    check_form(made)
    check_data(made)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_programs_of_all_techniques_are_well_formed(task, tmp_path):
    dataset = load("sklearn:wine" if task == "classification" else "sklearn:diabetes")
    width = encode(dataset.columns, dataset.rows.features).values.shape[1]
    outputs = len(dataset.classes) or 1
    for recipe in every_recipe(task).values():
        model = resolve_model("mlp:6,4", input_shape=(width,), outputs=outputs, task=task)
        try:
            check_parts(recipe, build_variant(model, variant_of(recipe, model)))
        except UserError:
            model = blocks(width, outputs)
        check_form(make(tmp_path, dataset, recipe=str(recipe), model=model))


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        case_weights_and_groups,
        case_regression,
        case_test_part,
        case_archive,
        case_copies_of_images,
        case_images_without_channels,
        case_idx,
        case_image_files,
        case_sequences,
        case_sequences_of_one_length,
        case_texts,
        case_texts_alone,
        case_copies_of_sequences,
        case_residual,
        case_numbered_classes,
        case_one_unit,
        case_indicators,
    ],
)
def test_programs_on_data_of_every_kind_run(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = case(tmp_path)
    program = runpy.run_path(str(made.path))
    program["main"](*([program["DATA"]] if "DATA" in program else []))


@pytest.mark.parametrize(("lengths", "padded"), [([3, 5, 5, 2], True), ([5, 5, 5, 5], False)])
def test_changes_of_batches_are_told_which_steps_are_none(lengths, padded, tmp_path):
    rows = [wave[:length] for wave, length in zip(waves(40), lengths * 10, strict=True)]
    dataset = from_arrays(rows if padded else np.stack(rows), np.arange(40) % 2)
    made = make(tmp_path, dataset, model="lstm:3", recipe="dropconnect=0.1 + mixup=0.2 + sam=0.1")
    check_form(made)
    assert ("    network.padding = PADDING\n    network.compile" in made.source) == padded


@pytest.mark.parametrize(("shape", "flat"), [((6, 5), True), ((6, 5, 1), False)])
def test_changes_of_batches_are_told_of_images_without_a_channel_axis(shape, flat, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5)).astype(np.uint8)
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    dataset = from_arrays(images, np.arange(40) % 2)
    made = make(tmp_path, dataset, model=model, recipe="random_flip=0.5")
    check_form(made)
    assert ("    network.flat = True\n    network.compile" in made.source) == flat


@pytest.mark.slow
@pytest.mark.parametrize("kind", [one_hot, subclassed])
@pytest.mark.parametrize(
    "recipe",
    [
        "sam=0.05 + adversarial=0.1 + l2=1e-3",
        "lr_restarts(cycles=2, growth=2) + snapshot_ensemble(members=3)",
        "swa=0.5 + mixup=0.2",
        "ema=0.9 + gradient_noise=0.01",
        "max_norm=2 + lookahead(step_size=0.5, period=5) + gradient_clipping=1 + weight_decay=0.1",
    ],
)
def test_programs_that_change_the_training_run(kind, recipe, tmp_path, capsys):
    model = resolve_model(kind(), input_shape=(13,), outputs=3, task="classification")
    made = make(tmp_path, load("sklearn:wine"), model=model, recipe=recipe)
    check_form(made)
    runpy.run_path(str(made.path))["main"]()
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 <= scores["test"] <= 1


def test_what_goes_through_the_rows_again_gets_them_in_a_random_order(tmp_path):
    model = resolve_model(one_hot(), input_shape=(13,), outputs=3, task="classification")
    made = make(tmp_path, load("sklearn:wine"), model=model, recipe="swa=0.5")
    check_form(made)
    shuffled = "shuffled = inputs[np.random.permutation(training)]"
    assert made.source.index(shuffled) < made.source.index("shuffled, BATCH_SIZE")


def relative_test_part(folder: Path) -> Made:
    """Data in one folder, named as seen from there, and the program in another."""
    frame = table()[["count", "town", "grade"]]
    frame.iloc[:45].to_csv("rows.csv", index=False)
    frame.iloc[45:].to_csv("test.csv", index=False)
    run = folder / "runs" / "one"
    run.mkdir(parents=True)
    origin = origin_of(None, None, "test.csv", None, run)
    return make(run, load("rows.csv", target="grade", test="test.csv"), origin=origin)


def test_the_program_finds_its_data_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = relative_test_part(tmp_path)
    check_form(made)
    assert str(tmp_path) not in made.source
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder in (tmp_path, made.path.parent, elsewhere):
        monkeypatch.chdir(folder)
        program = runpy.run_path(str(made.path))
        for name in ("DATA", "TEST"):
            found = program["found"](program[name])
            assert found.resolve() == tmp_path / program[name]
    (elsewhere / "rows.csv").write_text("another")
    assert program["found"]("rows.csv") == Path("rows.csv")


def test_data_in_memory_are_found_beside_the_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = table()[["count", "town", "grade"]]
    origin = origin_of(None, None, None, None, tmp_path / "run")
    (tmp_path / "run").mkdir()
    dataset = from_arrays(frame.drop(columns="grade"), frame["grade"])
    made = make(tmp_path / "run", dataset, origin=origin)
    check_form(made)
    (tmp_path / "run" / "data.csv").write_text("here")
    found = runpy.run_path(str(made.path))["found"]("data.csv")
    assert found.read_text() == "here"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["other.csv"], ["other.csv", "more.csv"]])
def test_the_program_runs_from_its_own_folder(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = relative_test_part(tmp_path)
    for name, source in (("other.csv", "rows.csv"), ("more.csv", "test.csv")):
        shutil.copy(source, made.path.parent / name)
        if name in arguments:
            Path(source).unlink()
    done = subprocess.run(
        [sys.executable, made.path.name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=made.path.parent,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["metric"] == "accuracy"
