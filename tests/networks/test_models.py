"""What users call a model becomes a compiled network, or one clear error."""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.networks.models import describe, resolve_model
from networks.zoo import ZOO, Residual, ResidualWithSoftmax, with_lambda

TABLE = {"input_shape": (5,), "outputs": 3, "task": "classification"}


def network(units=3, activation="softmax", inputs=5):
    return keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(4, "relu"), layers.Dense(units, activation)]
    )


def test_the_default_is_a_multilayer_perceptron():
    assert describe(resolve_model(None, **TABLE)) == "mlp 64-32, Adam(0.001)"
    model = resolve_model("mlp: 16, 8", **TABLE, learning_rate=0.01)
    assert describe(model) == "mlp 16-8, Adam(0.01)"
    assert model.output_shape == (None, 3)


def test_regression_has_one_linear_unit_and_squared_error():
    model = resolve_model("mlp:4", input_shape=(5,), outputs=1, task="regression")
    assert model.output_shape == (None, 1)
    assert model.loss == "mse"
    assert model.layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize("words", ["mlp:", "mlp"])
def test_an_mlp_without_layers_given_has_the_default_ones(words):
    assert describe(resolve_model(words, **TABLE)).startswith("mlp 64-32")


@pytest.mark.parametrize(
    ("activation", "units", "loss", "from_logits"),
    [
        ("softmax", 3, keras.losses.SparseCategoricalCrossentropy, False),
        (None, 3, keras.losses.SparseCategoricalCrossentropy, True),
        ("sigmoid", 1, keras.losses.BinaryCrossentropy, False),
        (None, 1, keras.losses.BinaryCrossentropy, True),
    ],
)
def test_an_uncompiled_network_gets_the_loss_that_fits(activation, units, loss, from_logits):
    outputs = 2 if units == 1 else 3
    model = resolve_model(
        network(units, activation), input_shape=(5,), outputs=outputs, task="classification"
    )
    assert isinstance(model.loss, loss)
    assert model.loss.from_logits is from_logits


@pytest.mark.parametrize(("kind", "from_logits"), [(Residual, True), (ResidualWithSoftmax, False)])
def test_an_unbuilt_subclassed_network_is_built_and_its_outputs_looked_at(kind, from_logits):
    model = resolve_model(kind(), **TABLE)
    assert model.built
    assert model.loss.from_logits is from_logits


def test_a_compiled_network_keeps_what_it_has():
    model = network()
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "categorical_crossentropy")
    resolved = resolve_model(model, **TABLE)
    assert resolved.loss == "categorical_crossentropy"
    assert resolved.optimizer.momentum == 0.9
    assert describe(resolved) == "mlp 4, SGD(0.5)"
    assert describe(resolve_model(model, **TABLE, learning_rate=0.1)) == "mlp 4, SGD(0.1)"


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_an_instance_stays_as_it_was(case):
    model = case.build()
    before = [np.array(value) for value in model.get_weights()]
    shape = {"input_shape": case.shape, "outputs": 3, "task": "classification"}
    resolved = resolve_model(model, **shape, learning_rate=0.25)
    assert resolved.compiled
    assert not model.compiled
    assert not {id(v) for v in resolved.variables} & {id(v) for v in model.variables}
    np.testing.assert_array_equal(resolved(case.inputs()), model(case.inputs()))
    resolved.set_weights([np.zeros_like(value) for value in before])
    for value, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_a_compiled_instance_keeps_its_optimizer_as_it_was():
    model = network()
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "categorical_crossentropy")
    model.fit(np.zeros((8, 5)), np.eye(3)[[0] * 8], verbose=0)
    optimizer, state = model.optimizer, [v.numpy() for v in model.optimizer.variables]
    resolved = resolve_model(model, **TABLE, learning_rate=0.1)
    assert model.optimizer is optimizer
    assert float(optimizer.learning_rate) == 0.5
    assert int(optimizer.iterations) == 1
    for variable, value in zip(optimizer.variables, state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert int(resolved.optimizer.iterations) == 0


def test_an_unbuilt_instance_stays_unbuilt():
    for model in (keras.Sequential([layers.Dense(3, "softmax")]), Residual()):
        resolved = resolve_model(model, **TABLE)
        assert resolved.built
        assert not model.built
        assert not model.compiled
        assert not model.variables


def test_a_graph_whose_class_has_arguments_of_its_own_is_copied():
    class Tower(keras.Model):
        def __init__(self, units, **kwargs):
            inputs = keras.Input((5,))
            super().__init__(inputs, layers.Dense(3)(layers.Dense(units)(inputs)), **kwargs)
            self.units = units

        def get_config(self):
            return {"units": self.units}

    model = Tower(7)
    resolved = resolve_model(model, **TABLE)
    assert isinstance(resolved, Tower)
    assert resolved is not model
    rows = np.ones((2, 5), np.float32)
    np.testing.assert_array_equal(resolved(rows), model(rows))


def test_what_the_configuration_does_not_tell_is_no_silent_loss():
    class Scaled(Residual):
        factor = 1.0

        def call(self, x, training=False):
            return self.factor * super().call(x)

    model = Scaled()
    model.factor = 5.0
    model(np.zeros((2, 5), np.float32))
    with pytest.raises(UserError, match="computes something else") as caught:
        resolve_model(model, **TABLE)
    assert caught.value.code == "network-not-in-its-configuration"
    assert "get_config" in caught.value.hint


def test_a_schedule_is_not_overridden():
    model = network()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(keras.optimizers.SGD(schedule), "sparse_categorical_crossentropy")
    assert describe(resolve_model(model, **TABLE)) == "mlp 4, SGD(CosineDecay)"
    with pytest.raises(UserError) as caught:
        resolve_model(model, **TABLE, learning_rate=0.1)
    assert caught.value.code == "learning-rate-schedule"


def test_a_function_is_called_with_what_it_takes(tmp_path, monkeypatch):
    source = """
import keras

def every(input_shape, inputs, outputs, task):
    assert (input_shape, inputs, outputs, task) == ((5,), 5, 3, "classification")
    return keras.Sequential([keras.layers.Dense(outputs, activation="softmax")])

def some(outputs, width=4):
    return keras.Sequential([keras.layers.Dense(width), keras.layers.Dense(outputs)])

def wrong():
    return 3

def greedy(colour):
    return None
"""
    (tmp_path / "my_networks_of_test.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    assert resolve_model("my_networks_of_test:every", **TABLE).count_params() == 18
    assert resolve_model("my_networks_of_test:some", **TABLE).count_params() == 24 + 15
    for words, code in (
        ("my_networks_of_test:wrong", "not-a-model"),
        ("my_networks_of_test:greedy", "model-function-arguments"),
        ("my_networks_of_test:none", "no-such-function"),
        ("my_networks_of_nowhere:none", "model-not-importable"),
    ):
        with pytest.raises(UserError) as caught:
            resolve_model(words, **TABLE)
        assert caught.value.code == code
        assert caught.value.hint


def test_a_saved_network_is_loaded_with_its_weights(tmp_path):
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "mine.keras")
    loaded = resolve_model(str(tmp_path / "mine.keras"), **TABLE)
    inputs = np.ones((2, 5), np.float32)
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    assert isinstance(loaded.optimizer, keras.optimizers.SGD)


def test_a_saved_network_never_brings_code_along(tmp_path):
    model = with_lambda()
    model.save(tmp_path / "code.keras")
    with pytest.raises(UserError, match="Lambda layer with Python code") as caught:
        resolve_model(tmp_path / "code.keras", **TABLE)
    assert caught.value.code == "model-brings-code"


def test_a_saved_network_with_unknown_layers_is_refused(tmp_path):
    network().save(tmp_path / "mine.keras")
    with zipfile.ZipFile(tmp_path / "mine.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1].update(
        class_name="Unheard", module="nowhere", registered_name="nowhere>Unheard"
    )
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(UserError) as caught:
        resolve_model(tmp_path / "other.keras", **TABLE)
    assert caught.value.code == "model-not-loadable"
    assert "module:function" in caught.value.hint


def two_inputs():
    a, b = keras.Input((5,)), keras.Input((5,))
    return keras.Model([a, b], layers.Dense(3)(layers.Add()([a, b])))


def two_outputs():
    a = keras.Input((5,))
    return keras.Model(a, [layers.Dense(3)(a), layers.Dense(3)(a)])


def compiled_with(loss, **kwargs):
    model = network(**kwargs)
    model.compile("adam", loss)
    return model


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        (lambda: 3, "not-a-model", "int"),
        (lambda: "resnet", "unknown-model", "mlp:64,32"),
        (lambda: "mlp:64;32", "bad-layers", "mlp:64,32"),
        (lambda: "mlp:0", "bad-layers", "mlp:64,32"),
        (lambda: "mlp:64,", "bad-layers", "mlp:64,32"),
        (lambda: "nowhere.keras", "no-such-model", "nowhere.keras"),
        (two_inputs, "several-inputs", "2 inputs"),
        (two_outputs, "several-outputs", "2 outputs"),
        (lambda: network(inputs=4), "model-input-shape", "(4)"),
        (lambda: network(units=2), "model-output-shape", "3 units"),
        (lambda: compiled_with(None), "no-loss", "loss"),
        (
            lambda: compiled_with("categorical_crossentropy", activation=None),
            "loss-expects-probabilities",
            "from_logits=True",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_one_clear_message(model, code, words):
    with pytest.raises(UserError) as caught:
        resolve_model(model(), **TABLE)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert caught.value.hint


def test_the_error_about_inputs_names_the_columns_that_were_widened():
    with pytest.raises(UserError, match="'purpose', 'job'"):
        resolve_model(network(inputs=2), **TABLE, widened=("purpose", "job"))


def test_something_that_is_not_an_archive_is_not_unpickled(tmp_path):
    path = tmp_path / "pickle.keras"
    path.write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(UserError) as caught:
        resolve_model(path, **TABLE)
    assert caught.value.code == "not-a-keras-file"


def test_a_network_that_fails_on_the_data_says_how():
    class Broken(keras.Model):
        def call(self, x):
            return keras.ops.matmul(x, keras.ops.ones((7, 3)))

    with pytest.raises(UserError) as caught:
        resolve_model(Broken(), **TABLE)
    assert caught.value.code == "model-does-not-run"


def test_a_class_that_trains_in_its_own_way_is_refused():
    class Own(keras.Sequential):
        def train_step(self, *args, **kwargs):
            return super().train_step(*args, **kwargs)

    model = Own([keras.Input((5,)), layers.Dense(3, "softmax")])
    with pytest.raises(UserError, match="by its train_step") as caught:
        resolve_model(model, **TABLE)
    assert caught.value.code == "own-training"
