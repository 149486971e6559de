"""Standard layers are added to networks of every shape, as often as there are hidden layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.networks.existing import existing_regularization, penalties
from gengap.networks.insertion import insert
from gengap.networks.rebuild import copy_network, matching
from gengap.networks.sites import hidden_sites, kernels
from gengap.techniques.base import Insertion
from networks.zoo import GRAPHS, ZOO, residual, sequential

DROPOUT = Insertion("after_activation", "Dropout", {"rate": 0.5})
BATCH_NORM = Insertion("before_activation", "BatchNormalization", {"momentum": 0.9}, True)
NOISE = Insertion("inputs", "GaussianNoise", {"stddev": 0.1})
#: Batch normalization that has seen nothing divides by sqrt(1 + 1e-3), a layer at a time.
UNTRAINED = 5e-3


@pytest.mark.parametrize("case", GRAPHS, ids=str)
@pytest.mark.parametrize(
    "insertions", [[DROPOUT], [NOISE], [BATCH_NORM], [NOISE, BATCH_NORM, DROPOUT]], ids=str
)
def test_insertion_keeps_what_the_network_computes(case, insertions):
    keras.utils.set_random_seed(0)
    model = case.build()
    inputs = case.inputs()
    before = np.asarray(model(inputs))
    new = insert(model, insertions)
    assert isinstance(new, keras.Sequential) is isinstance(model, keras.Sequential)
    tolerance = UNTRAINED if BATCH_NORM in insertions else 0.0
    if case.name not in ("residual", "attention") or BATCH_NORM not in insertions:
        np.testing.assert_allclose(new(inputs), before, atol=tolerance)
    assert not np.allclose(new(inputs, training=True), before, atol=1e-3)
    np.testing.assert_array_equal(model(inputs), before)
    assert not {id(v) for v in new.variables} & {id(v) for v in model.variables}
    assert len(hidden_sites(new, case.shape)) == case.hidden


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_a_copy_computes_the_same_with_its_own_variables(case):
    model = case.build()
    copy = copy_network(model)
    np.testing.assert_array_equal(copy(case.inputs()), model(case.inputs()))
    assert not {id(v) for v in copy.variables} & {id(v) for v in model.variables}
    places = matching(model, copy)
    weights = [v for v in model.variables if "seed_generator" not in v.path]
    assert [model.variables[p] for p in places if p is not None][: len(weights)] == weights


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_a_penalty_reaches_every_kernel_and_nothing_else(case):
    new = insert(case.build(), [], {"l1": 0.0, "l2": 0.01})
    found = [penalties(v.regularizer) for v in new.trainable_variables]
    assert found == [(0.0, 0.01) if kernel else (0.0, 0.0) for kernel in kernels(new)]
    squares = sum(
        float(keras.ops.sum(v * v))
        for v, kernel in zip(new.trainable_variables, kernels(new), strict=True)
        if kernel
    )
    assert float(sum(new.losses)) == pytest.approx(0.01 * squares, rel=1e-5)


@pytest.mark.parametrize("strength", [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.3])
@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_a_penalty_is_added_once(kind, strength):
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu"), layers.Dense(3)])
    new = insert(model, (), {kind: strength})
    for layer in new.layers:
        assert getattr(layer.kernel.regularizer, kind) == pytest.approx(strength, rel=1e-6)


def test_a_penalty_survives_saving(tmp_path):
    new = insert(sequential(), [DROPOUT], {"l1": 0.1})
    new.save(tmp_path / "new.keras")
    loaded = keras.saving.load_model(tmp_path / "new.keras")
    assert [str(part) for part in existing_regularization(loaded)] == [
        str(part) for part in existing_regularization(new)
    ]


def test_batch_normalization_stands_between_the_linear_part_and_the_nonlinearity():
    new = insert(sequential(), [BATCH_NORM, DROPOUT])
    names = [type(layer).__name__ for layer in new.layers]
    assert names == ["Dense", "BatchNormalization", "Activation", "Dropout"] * 2 + ["Dense"]
    assert [layer.name.removeprefix(new.layers[0].name) for layer in new.layers[:4]] == [
        "",
        "_batch_normalization",
        "_activation",
        "_dropout",
    ]
    assert not new.layers[0].use_bias
    assert new.layers[0].activation is keras.activations.linear
    assert new.layers[6].activation is keras.activations.tanh
    assert new.layers[-1].use_bias
    assert new.layers[1].momentum == 0.9


def test_batch_normalization_replaces_the_one_that_is_there():
    model = residual()
    new = insert(model, [BATCH_NORM])
    found = [layer for layer in new.layers if isinstance(layer, layers.BatchNormalization)]
    assert [layer.momentum for layer in found] == [0.9, 0.9]


def test_an_activation_that_is_a_layer_is_kept():
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation=layers.LeakyReLU(negative_slope=0.4)),
            layers.Dense(1),
        ]
    )
    new = insert(model, [BATCH_NORM])
    assert isinstance(new.layers[2], layers.LeakyReLU)
    assert new.layers[2].negative_slope == pytest.approx(0.4)


def test_an_activation_with_weights_keeps_them():
    slope = layers.PReLU(alpha_initializer=keras.initializers.Constant(0.7))
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, activation=slope), layers.Dense(1)]
    )
    model(np.zeros((1, 5), np.float32))
    slope.alpha.assign(keras.ops.full((4,), 0.3))
    np.testing.assert_allclose(insert(model, [BATCH_NORM]).layers[2].alpha.value, 0.3)


def test_what_is_shared_stays_shared():
    case = next(case for case in ZOO if case.name == "shared")
    new = insert(case.build(), [BATCH_NORM])
    assert sum(isinstance(layer, layers.BatchNormalization) for layer in new.layers) == 1
    assert sum(isinstance(layer, layers.Dense) for layer in new.layers) == 2


def test_matching_finds_the_old_variables_among_the_new():
    model = sequential()
    new = insert(model, [BATCH_NORM])
    for variable, place in zip(new.variables, matching(model, new), strict=True):
        if place is None:
            assert "batch_normalization" in variable.path
        else:
            np.testing.assert_array_equal(variable.value, model.variables[place].value)
    assert sum(place is not None for place in matching(model, new)) == 4


def test_a_layer_that_is_hidden_and_output_at_once_cannot_be_changed():
    inputs = keras.Input((5,))
    dense = layers.Dense(5, activation="relu")
    with pytest.raises(UserError) as caught:
        insert(keras.Model(inputs, dense(dense(inputs))), [DROPOUT, BATCH_NORM])
    assert caught.value.code == "cannot-insert-layers"
    assert "2 of 1 hidden layers" in caught.value.message
    assert "l2" in caught.value.hint


def test_a_network_without_hidden_layers_is_refused():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    with pytest.raises(UserError, match="0 of 0 hidden layers"):
        insert(model, [DROPOUT])


@pytest.mark.parametrize("case", [case for case in ZOO if not case.graph], ids=str)
def test_a_subclassed_network_is_refused_by_the_name_of_the_layer(case):
    with pytest.raises(UserError, match="BatchNormalization to the subclassed network") as caught:
        insert(case.build(), [BATCH_NORM])
    assert "early_stopping" in caught.value.hint


def test_the_compilation_comes_along():
    model = sequential()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.5, clipnorm=1.0)
    optimizer.exclude_from_weight_decay(
        var_list=[model.layers[1].kernel], var_names=["bias", "beta"]
    )

    def own_loss(y_true, y_pred):
        return keras.ops.mean(y_pred)

    model.compile(optimizer, own_loss, metrics=["mae", keras.metrics.MeanSquaredError()])
    new = insert(model, [BATCH_NORM])
    assert new.optimizer is not optimizer
    assert not new.optimizer.built
    assert new.optimizer._learning_rate is schedule
    assert new.optimizer.clipnorm == 1.0
    assert new.loss is own_loss
    decayed = {v.path.split("/", 1)[-1] for v in new.trainable_variables}
    kept = {
        v.path.split("/", 1)[-1]
        for v in new.trainable_variables
        if new.optimizer._use_weight_decay(v)
    }
    excluded = {path for path in decayed - kept if path.endswith("kernel")}
    assert excluded == {f"{model.layers[1].name}/kernel"}
    assert not any(path.endswith(("bias", "beta")) for path in kept)
    inputs = np.zeros((4, 5), np.float32)
    new.fit(inputs, np.zeros((4, 3)), verbose=0)
    model.fit(inputs, np.zeros((4, 3)), verbose=0)
