"""Gradients are shortened together, by the paper's formula; within the limit they stay."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.errors import UserError
from gengap.export import plain_model
from gengap.networks.existing import existing_regularization
from gengap.recipe import Recipe
from gengap.techniques.base import Moment
from gengap.techniques.gradient_clipping import TECHNIQUE
from lanes.cases import compiled, sequential
from techniques.forms import plainly

MOMENT = Moment(np.int32(0), 4, 3)


def clipped(gradients: list[np.ndarray], norm: float) -> list[np.ndarray]:
    hook = TECHNIQUE.hooks({}).gradients
    return [np.asarray(g) for g in hook({"norm": np.float32(norm)}, None, gradients, MOMENT)]


@given(scale=st.floats(1e-3, 1e3), norm=st.floats(1e-2, 1e2), seed=st.integers(0, 9))
def test_the_whole_gradient_is_as_long_as_the_limit_at_most(
    scale: float, norm: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    gradients = [
        (scale * generator.normal(size=shape)).astype(np.float32) for shape in ((3, 4), (4,))
    ]
    flat = np.concatenate([gradient.ravel() for gradient in gradients]).astype(np.float64)
    expected = flat * min(1.0, norm / np.linalg.norm(flat))
    found = clipped(gradients, norm)
    np.testing.assert_allclose(np.concatenate([g.ravel() for g in found]), expected, rtol=1e-5)
    if np.linalg.norm(flat) < 0.999 * norm:
        assert all((a == b).all() for a, b in zip(found, gradients, strict=True))


def test_no_limit_changes_no_bit() -> None:
    gradients = [np.float32([1e30, -3.0]), np.float32([[2.0]])]
    assert all((a == b).all() for a, b in zip(clipped(gradients, 0.0), gradients, strict=True))


def test_keras_own_clipping_gets_the_norm() -> None:
    optimizer = plainly("gradient_clipping=0.5", "optimizer", keras.optimizers.SGD(clipvalue=3.0))
    assert (optimizer.global_clipnorm, optimizer.clipvalue) == (0.5, None)


def test_it_takes_the_place_of_the_optimizers_own_clipping() -> None:
    model = compiled(sequential(), keras.optimizers.Adam(0.01, clipnorm=2.0))
    assert [str(part) for part in existing_regularization(model)] == [
        "Adam(clipnorm=2) in optimizer"
    ]
    plain = plain_model(model, Recipe.parse("gradient_clipping=0.5"))
    assert existing_regularization(plain) == ()
    assert model.optimizer.clipnorm == 2.0


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(gradient_accumulation_steps=2),
        keras.optimizers.SGD(loss_scale_factor=8.0),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
    ],
    ids=["gathered", "scaled", "wrapped"],
)
def test_gradients_that_are_not_the_loss_own_are_refused(optimizer: keras.Optimizer) -> None:
    with pytest.raises(UserError, match="gradient_clipping acts on every step") as caught:
        TECHNIQUE.check(compiled(sequential(), optimizer), {})
    assert caught.value.code == "optimizer-not-served"
