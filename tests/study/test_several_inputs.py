"""A whole study of a network with several inputs: a table, sequences, and codes."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from gengap import compare
from gengap.audit.duplicates import find_copies
from gengap.data.arrays import from_arrays
from gengap.data.joint import JointPreprocessing, read_preprocessing
from gengap.data.preprocessing import Preprocessing
from gengap.design import design_study
from gengap.errors import UserError
from gengap.predict import predict

layers = keras.layers
RANDOM = np.random.default_rng(5)
ROWS, CODES = 90, 7
NUMBERS = RANDOM.normal(40, 5, (ROWS, 3)).round(3)
NUMBERS[4, 1] = np.nan
SERIES = RANDOM.normal(10, 2, (ROWS, 5, 2)).round(3)
KINDS = RANDOM.integers(0, CODES, (ROWS, 1))
Y = (NUMBERS[:, 0] - 40 + 2 * (SERIES[:, 0, 0] - 10) + KINDS[:, 0] - 3 > 0).astype(int)
X = {"numbers": NUMBERS, "series": SERIES, "kinds": KINDS}
FAST: dict[str, Any] = {"folds": 2, "epochs": 2}


def network(*, named: bool = True, mapping: bool = False, columns: int = 3) -> keras.Model:
    """Build a classifier of a table, of sequences and of codes."""
    keras.utils.set_random_seed(3)
    shapes = {"numbers": (columns,), "series": (5, 2), "kinds": (1,)}
    inputs = {
        name: keras.Input(shape, name=name if named else None) for name, shape in shapes.items()
    }
    parts = [
        layers.Dense(5, activation="relu")(inputs["numbers"]),
        layers.Dense(4, activation="relu")(layers.Flatten()(inputs["series"])),
        layers.Flatten()(layers.Embedding(CODES, 2)(inputs["kinds"])),
    ]
    hidden = layers.Dense(6, activation="relu")(layers.Concatenate()(parts))
    given = inputs if mapping else list(inputs.values())
    return keras.Model(given, layers.Dense(2, activation="softmax")(hidden))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("several") / "run"
    return compare(X, Y, network(), "l2=1e-3, gaussian_noise=0.1", out=out, **FAST)


def test_each_input_is_prepared_by_itself(study) -> None:
    prepared = study.best.preprocessing.transform(X)
    assert list(prepared) == list(X)
    np.testing.assert_allclose(prepared["numbers"].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(prepared["series"].std(axis=(0, 1)), 1, atol=1e-5)
    np.testing.assert_array_equal(prepared["kinds"], KINDS.astype(np.float32))
    assert any(
        "'kinds': the network takes whole numbers as codes" in n for n in study.results.notes
    )


def test_the_model_is_an_ordinary_one_with_the_same_inputs(study) -> None:
    model, prepared = study.best.model, study.best.preprocessing.transform(X)
    assert [given.name for given in model.inputs] == list(X)
    outputs = model.predict(prepared, verbose=0)
    np.testing.assert_allclose(study.best.predict(X), outputs, rtol=1e-5)
    # In the order of the network's inputs, too.
    np.testing.assert_array_equal(study.best.predict(list(X.values())), study.best.predict(X))


def test_the_run_folder_predicts_alone(study) -> None:
    loaded = keras.models.load_model(study.folder / "model.keras")
    assert [given.name for given in loaded.inputs] == list(X)
    found = predict(study.folder, X).table
    expected = study.best.predict(X)
    np.testing.assert_allclose(found["probability_1"], expected[:, 1], rtol=1e-5)
    with pytest.raises(UserError, match="several inputs") as caught:
        predict(study.folder, study.folder / "rows.csv")
    assert caught.value.code == "several-inputs"
    assert "Python" in caught.value.hint


def test_the_preprocessing_comes_back_from_its_file(study) -> None:
    text = (study.folder / "preprocess.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["schema"] == 2
    assert [one["name"] for one in document["inputs"]] == list(X)
    again = read_preprocessing(text)
    assert isinstance(again, JointPreprocessing)
    assert again.to_json() == text
    for name, values in study.best.preprocessing.transform(X).items():
        np.testing.assert_array_equal(again.transform(X)[name], values)


def test_one_input_keeps_the_first_version_of_its_file() -> None:
    study = compare(NUMBERS[:, [0, 2]], Y, "mlp:4", "l2=1e-3", **FAST)
    text = study.best.preprocessing.to_json()
    assert json.loads(text)["schema"] == 1
    assert isinstance(read_preprocessing(text), Preprocessing)


def test_a_study_goes_on_where_it_stopped(study) -> None:
    stored = {(trial.key, trial.seconds) for trial in study.all_trials}
    again = compare(X, Y, network(), "l2=1e-3, gaussian_noise=0.1", out=study.folder, **FAST)
    assert {(trial.key, trial.seconds) for trial in again.all_trials} == stored


def test_what_acts_on_some_inputs_only_says_so(study) -> None:
    notes = [note for note in study.results.notes if note.startswith("gaussian_noise")]
    assert notes == ["gaussian_noise acts on the inputs 'numbers' and 'series' alone"]


@pytest.mark.parametrize(("named", "mapping"), [(False, False), (True, True)])
def test_inputs_may_be_a_list_or_the_network_made_with_a_mapping(named, mapping) -> None:
    rows = X if mapping else list(X.values())
    found = compare(rows, Y, network(named=named, mapping=mapping), "l2=1e-3", **FAST).best
    names = sorted(X) if mapping else ["input_1", "input_2", "input_3"]
    assert [given.name for given in found.model.inputs] == names
    outputs = found.model.predict(found.preprocessing.transform(rows), verbose=0)
    np.testing.assert_allclose(found.predict(rows), outputs, rtol=1e-5)


def test_tables_keep_their_words_and_their_names() -> None:
    table = pd.DataFrame({"size": NUMBERS[:, 0], "colour": np.resize(["red", "blue"], ROWS)})
    rows = {**X, "numbers": table}
    test = ({name: values[:20] for name, values in rows.items()}, Y[:20])
    study = compare(rows, Y, network(), "l2=1e-3", test=test, **FAST)
    columns = [column["name"] for column in study.results.dataset["columns"]]
    assert columns == ["numbers.size", "numbers.colour", "kinds.x0"]
    assert [one["name"] for one in study.results.dataset["inputs"]] == list(X)
    assert study.results.holdout is not None
    assert any("copies" in finding.code for finding in study.results.audit)
    shuffled = {**rows, "numbers": table[["colour", "size"]]}
    np.testing.assert_array_equal(study.best.predict(shuffled), study.best.predict(rows))


def test_copies_are_rows_that_are_equal_in_every_input() -> None:
    whole = {name: np.concatenate([values, values[:1]]) for name, values in X.items()}
    other = {**whole, "series": np.concatenate([SERIES, SERIES[:1] + 1])}
    copies = [find_copies(from_arrays(rows, np.append(Y, Y[0]))) for rows in (whole, other)]
    assert [found.extra for found in copies] == [1, 0]
    assert copies[0].continuous == ("numbers.x0", "numbers.x1", "numbers.x2", "input 'series'")


def subclassed() -> keras.Model:
    class Own(keras.Model):
        def call(self, inputs):
            return inputs["numbers"]

    return Own()


@pytest.mark.parametrize(
    ("rows", "model", "code", "words"),
    [
        (X, "mlp:4", "several-inputs", "mlp:4"),
        (X, None, "several-inputs", "no network"),
        (X, lambda: keras.Sequential([keras.Input((3,)), layers.Dense(2)]), "several-inputs", "x"),
        (X, subclassed, "several-inputs", "Own"),
        ({**X, "others": NUMBERS}, network, "several-inputs", "'others'"),
        ({"numbers": NUMBERS, "series": SERIES}, network, "several-inputs", "'kinds'"),
        (list(X.values())[:2], network, "missing-inputs", "2 of them"),
        (NUMBERS, network, "several-inputs", "3 inputs"),
        ({**X, "series": SERIES[1:]}, network, "length-mismatch", "'series' 89"),
        ({**X, "numbers": NUMBERS[:, 0]}, network, "one-dimensional-inputs", "'numbers'"),
        (X, lambda: network(columns=4), "model-input-shape", "'numbers'"),
    ],
)
def test_what_does_not_fit_is_refused(rows, model, code, words) -> None:
    with pytest.raises(UserError) as caught:
        compare(rows, Y, model() if callable(model) else model, "l2=1e-3", **FAST)
    assert caught.value.code == code
    assert words in caught.value.message


def test_rows_to_predict_need_every_input(study) -> None:
    with pytest.raises(UserError, match="'series'") as caught:
        study.best.predict({"numbers": NUMBERS, "kinds": KINDS})
    assert caught.value.code == "missing-inputs"


def test_mixtures_of_codes_are_refused_and_noise_is_not() -> None:
    with pytest.raises(UserError) as caught:
        compare(X, Y, network(), "mixup=0.2", **FAST)
    assert caught.value.code == "inputs-not-numbers"
    assert "codes for its input 'kinds'," in caught.value.message
    codes = {"first": KINDS, "second": KINDS}
    inputs = [keras.Input((1,), name=name) for name in codes]
    parts = [layers.Flatten()(layers.Embedding(CODES, 2)(given)) for given in inputs]
    model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.Concatenate()(parts)))
    for technique in ("gaussian_noise=0.1", "cutout=0.2", "adversarial=0.1"):
        with pytest.raises(UserError) as caught:
            compare(codes, Y, model, technique, **FAST)
        assert caught.value.code == "inputs-not-numbers"


def planned(rows, model, **settings):
    dataset = from_arrays(rows, Y)
    given = {"model": model, "techniques": "l2=1e-3", "metric": None, "repeats": 1, "seed": 0}
    given |= {"batch_size": 32, "learning_rate": None, "class_weight": None, "budget": None}
    return design_study(dataset, **given, **FAST, **settings)


def twins(first: str, second: str) -> keras.Model:
    """Build a network that takes two tables, but does something else with each."""
    inputs = {name: keras.Input((3,), name=name) for name in (first, second)}
    parts = [layers.Dense(4, "relu")(inputs[first]), inputs[second]]
    return keras.Model(
        list(inputs.values()), layers.Dense(2, "softmax")(layers.Concatenate()(parts))
    )


def test_keys_tell_which_input_takes_what_and_not_their_order_in_a_mapping() -> None:
    rows = {"a": NUMBERS, "b": NUMBERS[::-1].copy()}
    design = planned(rows, twins("a", "b"))
    assert planned(rows, twins("b", "a")).key != design.key
    turned = planned(dict(reversed(rows.items())), twins("a", "b"))
    assert turned.key == design.key
    # And from there on they have the order of the network.
    assert list(turned.dataset.inputs) == list(turned.encoded) == ["a", "b"]


def test_the_report_says_what_the_inputs_are(study) -> None:
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    for words in ("“numbers”: 3 columns", "“series”: 5 steps with 2 channels", "“kinds”: 1 column"):
        assert words in text


def test_files_for_a_network_with_several_inputs_are_refused(study, tmp_path) -> None:
    table = tmp_path / "rows.csv"
    pd.DataFrame(NUMBERS).assign(y=Y).to_csv(table, index=False)
    with pytest.raises(UserError) as caught:
        compare(table, target="y", model=study.folder / "model.keras", **FAST)
    assert caught.value.code == "several-inputs"
    assert "in Python" in caught.value.hint
