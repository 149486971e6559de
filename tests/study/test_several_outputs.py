"""A whole study of a network with several outputs: classes and a price, of which one decides."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from gengap import compare
from gengap.audit.duplicates import drop_copies, find_copies
from gengap.data.arrays import from_arrays
from gengap.data.joint import read_preprocessing
from gengap.design import design_study
from gengap.errors import UserError
from gengap.finish import finish
from gengap.predict import MODEL_FILE, PREPROCESS_FILE, predict
from gengap.progress import SilentProgress
from gengap.reading import outputs_by_name
from gengap.store import Store

layers = keras.layers
RANDOM = np.random.default_rng(6)
ROWS = 90
X = RANDOM.normal(size=(ROWS, 4)).round(3)
KINDS = np.array(["ash", "elm", "oak"])[(X @ RANDOM.normal(size=(4, 3))).argmax(axis=1)]
PRICES = (1000 + 50 * X[:, 0] + RANDOM.normal(0, 5, ROWS)).round(2)
Y = {"kind": KINDS, "price": PRICES}
FAST: dict[str, Any] = {"folds": 2, "epochs": 3}
LOSSES = {"kind": "sparse_categorical_crossentropy", "price": "mse"}


def network(
    *,
    compiled: bool = True,
    mapping: bool = False,
    named: bool = True,
    losses: Any = LOSSES,
    kinds: int = 3,
) -> keras.Model:
    """Build a network that tells a kind and a price."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    hidden = layers.Dense(6, activation="relu")(inputs)
    activation = "softmax" if kinds > 1 else None
    outputs = {
        "kind": layers.Dense(kinds, activation=activation, name="kind" if named else None)(hidden),
        "price": layers.Dense(1, name="price" if named else None)(hidden),
    }
    model = keras.Model(inputs, outputs if mapping else list(outputs.values()))
    if compiled:
        metrics = {} if mapping or not named else {"kind": ["accuracy"], "price": ["mae"]}
        optimizer = keras.optimizers.Adam(0.02)
        model.compile(optimizer, losses, loss_weights=[1.0, 0.5], metrics=metrics or None)
    return model


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("several") / "run"
    recipes = "mixup=0.2 + label_smoothing=0.1, early_stopping, swa"
    return compare(X, Y, network(), recipes, out=out, **FAST)


def test_the_first_of_them_decides(study) -> None:
    data = study.results.dataset
    assert (data["target"], data["task"], data["classes"]) == (
        "kind",
        "classification",
        ["ash", "elm", "oak"],
    )
    assert [one["name"] for one in data["outputs"]] == ["kind", "price"]
    assert study.results.protocol.metric == "accuracy"
    assert any("'kind' decides" in finding.message for finding in study.results.audit)


def test_the_model_is_an_ordinary_one_with_all_outputs_in_their_own_units(study) -> None:
    model, prepared = study.best.model, study.best.preprocessing.transform(X)
    assert model.output_names == ["kind", "price"]
    kinds, prices = model.predict(prepared, verbose=0)
    np.testing.assert_allclose(study.best.predict(X), kinds, rtol=1e-5)
    assert abs(prices.mean() - PRICES.mean()) < 3 * PRICES.std()
    # It is compiled as the network that was given is.
    codes = np.searchsorted(study.best.preprocessing.classes, KINDS)
    found = model.evaluate(prepared, {"kind": codes, "price": PRICES}, return_dict=True, verbose=0)
    assert found["loss"] == pytest.approx(found["kind_loss"] + 0.5 * found["price_loss"], rel=1e-3)


def test_the_run_folder_predicts_alone(study) -> None:
    loaded = keras.models.load_model(study.folder / "model.keras")
    assert loaded.output_names == ["kind", "price"]
    found = predict(study.folder, X).table
    np.testing.assert_allclose(found["probability_elm"], study.best.predict(X)[:, 1], rtol=1e-5)


def test_its_file_says_what_each_output_stands_for(study) -> None:
    text = (study.folder / "preprocess.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["schema"] == 1  # a field was added, and none changed its meaning
    assert document["target"]["name"] == "kind"
    kind, price = document["outputs"]
    assert (kind["classes"], kind["shift"], kind["scale"]) == (["ash", "elm", "oak"], 0, 1)
    assert price["shift"] == pytest.approx(PRICES.mean())
    assert price["scale"] == pytest.approx(PRICES.std())
    again = read_preprocessing(text)
    assert again.to_json() == text
    assert again.outputs == study.best.preprocessing.outputs


def test_a_study_goes_on_where_it_stopped(study) -> None:
    stored = {(trial.key, trial.seconds) for trial in study.all_trials}
    recipes = "mixup=0.2 + label_smoothing=0.1, early_stopping, swa"
    again = compare(X, dict(reversed(Y.items())), network(), recipes, target="kind",
                    out=study.folder, **FAST)  # fmt: skip
    assert {(trial.key, trial.seconds) for trial in again.all_trials} == stored


@pytest.mark.parametrize(("mapping", "named"), [(False, False), (True, True)])
def test_a_number_may_decide_and_the_ensemble_has_all_outputs(mapping, named) -> None:
    y = Y if mapping else list(Y.values())
    target = "price" if mapping else "output_2"
    model = network(mapping=mapping, named=named, losses=list(LOSSES.values()))
    found = compare(X, y, model, "snapshot_ensemble", target=target, **FAST)
    assert found.results.protocol.metric == "rmse"
    best = found.best
    outputs = keras.tree.flatten(best.model.predict(best.preprocessing.transform(X), verbose=0))
    assert [one.shape for one in outputs] == [(ROWS, 3), (ROWS, 1)]
    np.testing.assert_array_equal(best.predict(X), outputs[1][:, 0])


@pytest.mark.parametrize("target", ["output_1", "output_2"])
def test_the_run_folder_of_outputs_without_names_predicts(tmp_path, target) -> None:
    model = network(named=False, losses=list(LOSSES.values()))
    found = compare(X, list(Y.values()), model, "l2=1e-3", target=target, out=tmp_path / "run",
                    **FAST)  # fmt: skip
    table = predict(found.folder, X).table
    own = found.best.predict(X)
    column = "prediction" if target == "output_2" else "probability_oak"
    np.testing.assert_allclose(table[column], own if own.ndim == 1 else own[:, 2], rtol=1e-5)


def test_what_is_handed_back_can_be_studied_again(study) -> None:
    again = compare(X, Y, study.best.model, "l2=1e-3", **FAST)
    assert again.best.model.output_names == ["kind", "price"]


def test_the_mean_of_networks_is_that_of_each_output() -> None:
    from gengap.export.outputs import ensemble
    from gengap.networks.heads import head_of

    inputs = [keras.Input((4,), name="numbers"), keras.Input((2,), name="others")]
    hidden = layers.Concatenate()(inputs)
    members = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        outputs = [layers.Dense(3, name="kind")(hidden), layers.Dense(1, name="price")(hidden)]
        member = keras.Model(inputs, outputs)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        member.compile("adam", [loss, "mse"])
        members.append(member)
    heads = [
        head_of(members[0], task="classification", classes=3, output="kind"),
        head_of(members[0], task="regression", classes=0, output="price"),
    ]
    rows = [X.astype("float32"), X[:, :2].astype("float32")]
    each = [[np.asarray(one) for one in member(rows)] for member in members]
    whole = ensemble(members, heads)
    assert whole.output_names == ["kind", "price"]
    assert [given.name for given in whole.inputs] == ["numbers", "others"]
    kinds, prices = (np.asarray(one) for one in whole(rows))
    softmax = [np.exp(kind) / np.exp(kind).sum(axis=1, keepdims=True) for kind, _ in each]
    np.testing.assert_allclose(np.exp(kinds), np.mean(softmax, axis=0), rtol=1e-4)
    np.testing.assert_allclose(prices, np.mean([price for _, price in each], axis=0), rtol=1e-4)


def test_several_inputs_and_several_outputs_go_together() -> None:
    keras.utils.set_random_seed(4)
    inputs = {"numbers": keras.Input((3,), name="numbers"), "code": keras.Input((1,), name="code")}
    code = layers.Flatten()(layers.Embedding(5, 2)(inputs["code"]))
    hidden = layers.Dense(6, "relu")(layers.Concatenate()([inputs["numbers"], code]))
    outputs = [
        layers.Dense(3, "softmax", name="kind")(hidden),
        layers.Dense(1, name="price")(hidden),
    ]
    model = keras.Model(list(inputs.values()), outputs)
    x = {"numbers": X[:, :3], "code": RANDOM.integers(0, 5, (ROWS, 1))}
    found = compare(x, Y, model, "gaussian_noise=0.1, snapshot_ensemble", **FAST).best
    kinds, prices = found.model.predict(found.preprocessing.transform(x), verbose=0)
    np.testing.assert_allclose(found.predict(x), kinds, rtol=1e-5)
    assert prices.shape == (ROWS, 1)
    text = found.preprocessing.to_json()
    assert read_preprocessing(text).to_json() == text
    assert [one["name"] for one in json.loads(text)["inputs"]] == ["numbers", "code"]


def planned(y=Y, model=None, x=X, **settings):
    dataset = from_arrays(x, y, target=settings.pop("target", None))
    given = {"model": model, "techniques": "l2=1e-3", "metric": None, "repeats": 1, "seed": 0}
    given |= {"batch_size": 32, "learning_rate": None, "class_weight": None, "budget": None}
    return design_study(dataset, **{**given, **FAST, **settings})


@pytest.mark.parametrize("target", ["output_1", "output_2"])
def test_so_does_that_of_an_ensemble(tmp_path, target) -> None:
    model = network(named=False, losses=list(LOSSES.values()))
    y = {"output_1": KINDS, "output_2": PRICES}
    recipe = "lr_restarts(cycles=3, growth=1) + snapshot_ensemble(members=3)"
    design = planned(y, model, target=target, techniques=recipe, epochs=6)
    with Store.open(tmp_path / "store") as store:
        found = finish(recipe, 6, design, store, SilentProgress())
    assert found.model.name == "ensemble"
    found.model.save(tmp_path / MODEL_FILE)
    (tmp_path / PREPROCESS_FILE).write_text(found.preprocessing.to_json(), encoding="utf-8")
    table, own = predict(tmp_path, X).table, found.predict(X)
    column = "prediction" if target == "output_2" else "probability_oak"
    np.testing.assert_allclose(table[column], own if own.ndim == 1 else own[:, 2], rtol=1e-5)


def test_an_uncompiled_network_gets_the_losses_that_fit() -> None:
    model = planned(model=network(compiled=False)).material.model
    assert [getattr(loss, "name", loss) for loss in model.loss] == [
        "sparse_categorical_crossentropy",
        "mse",
    ]


def test_the_key_is_of_all_targets_and_of_which_decides() -> None:
    key = planned(model=network()).key
    assert planned(dict(reversed(Y.items())), network(), target="kind").key == key
    assert planned(model=network(), target="price").key != key
    assert planned({**Y, "price": PRICES + 1}, network()).key != key
    named = planned(list_named := {"output_1": KINDS, "output_2": PRICES}, network(named=False,
                    losses=list(LOSSES.values())))  # fmt: skip
    # However many layers a process has made before.
    again = planned(list_named, network(named=False, losses=list(LOSSES.values())))
    assert named.key == again.key


def test_rows_that_lack_the_value_of_an_output_are_left_out_and_counted() -> None:
    prices, kinds = PRICES.copy(), KINDS.astype(object)
    prices[[3, 5, 8]] = np.nan
    kinds[5] = kinds[7] = None
    found = from_arrays(X, {"kind": kinds, "price": prices}, sample_weight=np.arange(1, ROWS + 1))
    assert len(found.rows) == ROWS - 4
    np.testing.assert_array_equal(found.rows.further["price"], np.delete(PRICES, [3, 5, 7, 8]))
    assert found.rows.weights is not None
    np.testing.assert_array_equal(found.rows.weights[:5], [1, 2, 3, 5, 7])
    said = [note for note in found.notes if "left out" in note]
    assert said[0].startswith("2 of 90 rows are left out: they have no value in the target 'kind'")
    assert said[1] == "2 of 90 rows are left out: they have no value in the output 'price'"


def test_tasks_may_be_given_by_the_names_of_outputs() -> None:
    stars = np.resize([1, 2, 3, 4, 5], ROWS)
    found = from_arrays(X, {"kind": KINDS, "stars": stars})
    assert [one.task for one in found.outputs] == ["classification", "classification"]
    assert any("task={'stars': ...}" in note for note in found.notes)
    found = from_arrays(X, {"kind": KINDS, "stars": stars}, task={"stars": "regression"})
    assert [one.task for one in found.outputs] == ["classification", "regression"]
    with pytest.raises(UserError) as caught:
        from_arrays(X, {"kind": KINDS, "stars": stars}, task={"star": "regression"})
    assert caught.value.code == "unknown-output"
    # So may that of the only one.
    assert from_arrays(X, {"stars": stars}, task={"stars": "regression"}).task == "regression"


def test_copies_are_equal_in_the_targets_of_all_outputs() -> None:
    rows = np.concatenate([X, X[:2]])
    y = {"kind": np.append(KINDS, KINDS[:2]), "price": np.append(PRICES, [PRICES[0], 0.5])}
    dataset = from_arrays(rows, y)
    assert find_copies(dataset).extra == 1
    assert len(drop_copies(dataset).rows.further["price"]) == ROWS + 1


def test_a_test_part_needs_the_targets_of_the_output_that_decides() -> None:
    scores = []
    for answers in (KINDS[:20], {"kind": KINDS[:20]}, [KINDS[:20], PRICES[:20]]):
        found = compare(X, Y, network(), "l2=1e-3", test=(X[:20], answers), **FAST)
        assert found.results.holdout is not None
        scores.append(found.results.holdout)
    assert scores[0] == scores[1] == scores[2]
    frame = pd.DataFrame(X, columns=list("abcd"))
    dataset = from_arrays(frame, Y, test=(frame[:20], {"price": PRICES[:20]}), target="price")
    assert dataset.test is not None
    assert dataset.test.target.dtype == np.float64


@pytest.mark.parametrize(
    ("y", "answers", "target", "code", "words"),
    [
        (PRICES, {"kind": KINDS, "price": PRICES}, None, "several-targets", "'kind', 'price'"),
        ({"price": PRICES}, {"kind": KINDS}, None, "unknown-output", "'price'"),
        (Y, {"price": PRICES}, "kind", "unknown-output", "the output 'kind'"),
        (Y, [KINDS, PRICES, PRICES], "kind", "several-targets", "3 targets"),
    ],
)
def test_a_test_part_without_the_targets_that_decide_is_refused(
    y, answers, target, code, words
) -> None:
    with pytest.raises(UserError) as caught:
        from_arrays(X, y, test=(X, answers), target=target)
    assert caught.value.code == code
    assert caught.value.message.startswith("the test part: ")
    assert words in caught.value.message


def test_one_output_takes_a_test_part_by_its_name() -> None:
    for y in (PRICES, {"price": PRICES}):
        found = from_arrays(X, y, test=(X[:9], {"price": PRICES[:9]})).test
        assert found is not None
        np.testing.assert_array_equal(found.target, PRICES[:9])


def test_one_hot_rows_of_a_test_part_are_the_targets_of_the_output_that_decides() -> None:
    codes = np.searchsorted(["ash", "elm", "oak"], KINDS)
    rows = list(np.eye(3)[codes][:20])
    y, target, test = outputs_by_name([np.eye(3)[codes], PRICES], None, (X[:20], rows), network())
    assert test[1] is rows
    found = from_arrays(X, y, target=target, test=test).test
    assert found is not None
    np.testing.assert_array_equal(found.target, codes[:20])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full(ROWS, 3.5), "is 3.5 in all 90 rows"),
        (["a"] * ROWS, "has one class, 'a', in all 90 rows"),
    ],
)
def test_an_output_that_is_the_same_in_every_row_is_refused(values, words) -> None:
    task = {"price": "regression"} if isinstance(values, np.ndarray) else None
    with pytest.raises(UserError, match="price") as caught:
        compare(X, {"kind": KINDS, "price": values}, network(), "l2=1e-3", task=task, **FAST)
    assert caught.value.code == "one-class-target"
    assert f"he output 'price' {words}" in caught.value.message


def subclassed() -> keras.Model:
    class Own(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.kind, self.price = layers.Dense(3, "softmax"), layers.Dense(1)

        def call(self, inputs):
            return self.kind(inputs), self.price(inputs)

    return Own()


def without_kind() -> keras.Model:
    return network(losses=[None, "mse"])


def unlike_losses() -> keras.Model:
    model = network(compiled=False)
    model.compile("adam", list(LOSSES.values()), loss_weights=dict.fromkeys(LOSSES, 1.0))
    return model


def called_twice() -> keras.Model:
    inputs, head = keras.Input((4,)), layers.Dense(3, "softmax", name="head")
    hidden = [layers.Dense(2)(inputs), layers.Dense(2)(inputs)]
    return keras.Model(inputs, [head(one) for one in hidden])


@pytest.mark.parametrize(
    ("y", "model", "settings", "code", "words"),
    [
        (Y, network, {"target": "prize"}, "unknown-output", "'prize'"),
        ({"kind": KINDS, "prize": PRICES}, network, {}, "missing-outputs", "'prize'"),
        ({"kind": KINDS}, network, {}, "missing-outputs", "'price'"),
        ([KINDS], network, {}, "missing-outputs", "1 entries"),
        (KINDS, network, {}, "missing-outputs", "'kind'"),
        ({**Y, "price": PRICES[1:]}, network, {}, "length-mismatch", "'price' has 89"),
        ({**Y, "price": np.full(ROWS, np.nan)}, network, {}, "no-common-rows", "'price'"),
        ({**Y, "price": X[:, :2]}, network, {}, "several-targets", "'price'"),
        (Y, "mlp:4", {}, "several-outputs", "one output"),
        (Y, None, {}, "several-outputs", "one output"),
        (Y, subclassed, {}, "several-outputs", "Own"),
        (Y, lambda: network(kinds=4), {}, "model-output-shape", "'kind'"),
        (Y, without_kind, {}, "no-loss", "'kind'"),
        (Y, unlike_losses, {}, "loss-weights", "a list of losses"),
        ([KINDS, PRICES], called_twice, {}, "several-outputs", "'head'"),
        (Y, network, {"class_weight": "balanced"}, "class-weight-of-several-outputs", "fit"),
        (Y, network, {"techniques": "random_flip"}, "technique-not-for-data", "random_flip"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(y, model, settings, code, words) -> None:
    settings = {"techniques": "l2=1e-3", **settings}
    with pytest.raises(UserError) as caught:
        compare(X, y, model() if callable(model) else model, **settings, **FAST)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_smoothing_needs_a_loss_of_classes_that_it_serves_at_every_output() -> None:
    with pytest.raises(UserError) as caught:
        planned(model=network(losses=["categorical_hinge", "mse"]), techniques="label_smoothing")
    assert caught.value.code == "loss-not-served"
    assert "of the output 'kind'" in caught.value.message
    planned(model=network(), techniques="label_smoothing", target="price")
    # A default that is left out is never left out without a word where some output has classes.
    model = network(losses=["categorical_hinge", "mse"])
    notes = planned(model=model, techniques=None, target="price").notes
    assert any(note.startswith("label_smoothing is left out") for note in notes)
    values = {"kind": PRICES + 1, "price": PRICES}
    with pytest.raises(UserError) as caught:
        planned(values, network(kinds=1, losses=["mse", "mse"]), techniques="label_smoothing")
    assert caught.value.code == "technique-not-for-task"


@pytest.mark.parametrize("way", ["file", "function"])
def test_the_network_may_come_from_a_file_or_a_function(tmp_path, monkeypatch, way) -> None:
    words = str(tmp_path / "mine.keras")
    network(compiled=False).save(words)
    if way == "function":
        (tmp_path / "own_outputs.py").write_text(
            f"import keras\n\ndef build():\n    return keras.models.load_model({words!r})\n",
            encoding="utf-8",
        )
        monkeypatch.chdir(tmp_path)
        words = "own_outputs:build"
    design = planned(dict(reversed(Y.items())), words, target="kind")
    assert [one.name for one in design.dataset.outputs] == ["kind", "price"]
    assert design.key == planned(model=network(compiled=False)).key
    with pytest.raises(UserError) as caught:
        planned({"kind": KINDS, "prize": PRICES}, words)
    assert caught.value.code == "several-outputs"
    assert "'price'" in caught.value.message


def test_files_for_a_network_with_several_outputs_are_refused(study, tmp_path) -> None:
    table = tmp_path / "rows.csv"
    pd.DataFrame(X).assign(y=KINDS).to_csv(table, index=False)
    with pytest.raises(UserError) as caught:
        compare(table, target="y", model=study.folder / "model.keras", **FAST)
    assert caught.value.code == "several-outputs"
    assert "in Python" in caught.value.hint
