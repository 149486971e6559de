"""The penalty is the squared distance from orthonormal units, in layers of every kind."""

from __future__ import annotations

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers

from gengap.networks.sites import incoming_axes
from gengap.techniques.base import Kernels
from techniques.forms import CATALOGUE, plainly

LAYERS = {
    "narrow": (lambda: layers.Dense(3), (5,)),
    "wide": (lambda: layers.Dense(7), (5,)),
    "convolution": (lambda: layers.Conv2D(4, 3), (6, 6, 2)),
    "transposed": (lambda: layers.Conv2DTranspose(4, 3), (6, 6, 2)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (6, 6, 2)),
    "separable": (lambda: layers.SeparableConv1D(4, 3), (6, 2)),
    "LSTM": (lambda: layers.LSTM(3), (6, 2)),
}


def of_units(weights: np.ndarray) -> float:
    """Compute |W^T W - I| ** 2, or the smaller of it and |W W^T - I| ** 2."""
    sides = [weights.T @ weights, weights @ weights.T]
    return min(float(np.sum((gram - np.eye(len(gram))) ** 2)) for gram in sides)


def expected(kernel: np.ndarray, axes: tuple[int, ...]) -> float:
    others = [axis for axis in range(kernel.ndim) if axis not in axes]
    channels = [kernel]
    if len(others) == 2:
        channels = [np.take(kernel, [one], others[0]) for one in range(kernel.shape[others[0]])]
    return sum(
        of_units(np.moveaxis(one, others[-1], -1).reshape(-1, one.shape[others[-1]]))
        for one in channels
    )


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_the_distance_from_orthonormal_units(kind: str) -> None:
    build, shape = LAYERS[kind]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), build()])
    pairs = zip(model.trainable_variables, incoming_axes(model), strict=True)
    chosen = [(np.asarray(variable.value), axes) for variable, axes in pairs if axes]
    kernels = Kernels(
        [jnp.asarray(value) for value, _ in chosen],
        [axes for _, axes in chosen],
        [None] * len(chosen),
    )
    penalty = CATALOGUE["orthogonal"].hooks({}).penalty
    found = penalty({"strength": jnp.float32(0.5)}, kernels)
    reference = 0.5 * sum(expected(value.astype("float64"), axes) for value, axes in chosen)
    assert float(found) == pytest.approx(reference, rel=1e-5)
    plain = plainly("orthogonal=0.5", "network", model, model=model)
    assert float(sum(plain.losses)) == pytest.approx(reference, rel=1e-5)


def test_orthonormal_units_cost_nothing() -> None:
    turned = jnp.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(6, 4)))[0])
    penalty = CATALOGUE["orthogonal"].hooks({}).penalty
    for kernel in (turned, turned.T):
        found = penalty({"strength": jnp.float32(1)}, Kernels([kernel], [(0,)], [None]))
        assert float(found) == pytest.approx(0, abs=1e-10)


def test_the_penalty_of_keras_is_another() -> None:
    doubled = 2 * np.eye(3, dtype=np.float32)
    assert float(keras.regularizers.OrthogonalRegularizer(1.0)(doubled)) == 0
    penalty = CATALOGUE["orthogonal"].hooks({}).penalty
    kernels = Kernels([jnp.asarray(doubled)], [(0,)], [None])
    assert float(penalty({"strength": jnp.float32(1)}, kernels)) == 3 * (4 - 1) ** 2


def test_what_the_network_penalizes_itself_stays() -> None:
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1))]
    )
    before = float(sum(model.losses))
    kernel = np.asarray(model.layers[0].kernel.value, "float64")
    plain = plainly("orthogonal=0.5", "network", model, model=model)
    assert float(sum(plain.losses)) == pytest.approx(before + 0.5 * of_units(kernel), rel=1e-5)
