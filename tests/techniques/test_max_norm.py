"""Units are kept within the norm in whatever layer they are; Keras' constraint says the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from gengap.errors import UserError
from gengap.export import plain_model
from gengap.networks.existing import existing_regularization
from gengap.networks.sites import incoming_axes, kernels
from gengap.recipe import Recipe
from gengap.techniques.base import Moment, Update
from gengap.techniques.max_norm import TECHNIQUE
from networks.zoo import ZOO, Case


def constrained(weights: list[np.ndarray], axes: list[tuple[int, ...]], norm: float) -> list:
    update = Update(
        before=weights,
        kernels=tuple(bool(own) for own in axes),
        incoming=tuple(axes),
        moment=Moment(np.int32(0), 4, 3),
        learning_rate=np.float32(1),
        step_sizes=lambda: (),
    )
    _, found = TECHNIQUE.hooks({}).update({"norm": np.float32(norm)}, None, weights, update)
    return [np.asarray(weight) for weight in found]


def test_only_units_beyond_the_norm_are_shortened_and_biases_never() -> None:
    kernel = np.float32([[3.0, 0.1], [4.0, 0.2]])
    bias = np.float32([30.0, 40.0])
    found, same = constrained([kernel, bias], [(0,), ()], 2.0)
    np.testing.assert_allclose(found[:, 0], kernel[:, 0] * 2 / 5, rtol=1e-6)
    assert (found[:, 1] == kernel[:, 1]).all()
    assert (same == bias).all()
    for whole, given in zip(
        constrained([kernel, bias], [(0,), ()], 0.0), [kernel, bias], strict=True
    ):
        assert (whole == given).all()


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_the_plain_network_has_the_constraint_on_every_kernel(case: Case) -> None:
    model = case.build()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain = plain_model(model, Recipe.parse("max_norm=0.5"))
    for variable, axes, kernel in zip(
        plain.trainable_variables, incoming_axes(plain), kernels(plain), strict=True
    ):
        if not kernel:
            assert variable.constraint is None
            continue
        value = np.random.default_rng(0).normal(size=variable.shape).astype(np.float32)
        (found,) = constrained([value], [axes], 0.5)
        np.testing.assert_allclose(variable.constraint(value), found, rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (layers.Dense(2), (3,), {"kernel": (0,)}),
        (layers.Conv2D(2, 3), (5, 5, 3), {"kernel": (0, 1, 2)}),
        (layers.Conv2DTranspose(2, 3), (5, 5, 3), {"kernel": (0, 1, 3)}),
        (layers.DepthwiseConv2D(3), (5, 5, 3), {"kernel": (0, 1)}),
        (
            layers.SeparableConv1D(2, 3),
            (5, 3),
            {"depthwise_kernel": (0,), "pointwise_kernel": (0, 1)},
        ),
        (layers.LSTM(2), (5, 3), {"kernel": (0,), "recurrent_kernel": (0,)}),
        (layers.Embedding(4, 2), (5,), {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else "",
)
def test_a_unit_takes_in_what_leads_to_it(layer, shape, axes) -> None:
    model = keras.Sequential([keras.Input(shape), layer])
    found = {
        variable.name: own
        for variable, own in zip(model.trainable_variables, incoming_axes(model), strict=True)
        if own
    }
    assert found == axes


def constrained_model(constraint: keras.constraints.Constraint) -> keras.Model:
    dense = layers.Dense(4, "relu", kernel_constraint=constraint)
    model = keras.Sequential([keras.Input((3,)), dense, layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_it_takes_the_place_of_a_norm_that_the_network_has() -> None:
    model = constrained_model(keras.constraints.MinMaxNorm(0.5, 3.0))
    plain = plain_model(model, Recipe.parse("max_norm=2"))
    found = {part.description for part in existing_regularization(plain)}
    assert found == {"MaxNorm on kernel"}
    assert [v.constraint.max_value for v in plain.trainable_variables if v.constraint] == [2.0] * 2


def test_another_constraint_is_not_given_up_in_silence() -> None:
    with pytest.raises(UserError, match="NonNeg") as caught:
        TECHNIQUE.check(constrained_model(keras.constraints.NonNeg()), {})
    assert caught.value.code == "constraint-not-replaced"
    TECHNIQUE.check(constrained_model(keras.constraints.MaxNorm()), {})
