"""Convolutions and pooling in the lanes equal Keras' own, forwards and backwards."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.backend.jax import nn

from gengap.lanes.network import PIXELS_AT_ONCE, LaneNetwork, lane_network
from gengap.lanes.windows.substitution import fast_windows
from gengap.lanes.windows.window import Window
from lanes.cases import (
    CLASSES,
    ROWS,
    compiled,
    distance,
    fit,
    lane_of,
    orders,
    program_of,
    shared_of,
    started,
    table,
    train_lanes,
)
from lanes.test_parity import precision

layers = keras.layers

#: Rounding of 32-bit sums of some hundred products, relative to the largest result.
CLOSE = 1e-5

CONVOLUTIONS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "one channel": (lambda: layers.Conv2D(5, 3, padding="same"), (9, 8, 1)),
    "many channels": (lambda: layers.Conv2D(4, 3, activation="tanh"), (9, 8, 6)),
    "no bias": (lambda: layers.Conv2D(4, (2, 3), use_bias=False, padding="same"), (9, 8, 6)),
    "point": (lambda: layers.Conv2D(4, 1), (5, 4, 6)),
    "strides": (lambda: layers.Conv2D(4, 3, strides=2, padding="same"), (9, 8, 6)),
    "strides leave rows": (lambda: layers.Conv2D(4, 2, strides=(3, 2)), (9, 8, 6)),
    "few channels, strides": (lambda: layers.Conv2D(4, 2, strides=(3, 2)), (9, 8, 2)),
    "gaps between windows": (lambda: layers.Conv2D(4, 1, strides=2), (9, 8, 6)),
    "dilation": (lambda: layers.Conv2D(4, 3, dilation_rate=(2, 1), padding="same"), (9, 8, 6)),
    "groups": (lambda: layers.Conv2D(6, 3, groups=2, padding="same"), (9, 8, 4)),
    "a group a channel": (lambda: layers.Conv2D(6, 3, groups=3, strides=2), (9, 8, 3)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, padding="same"), (9, 8, 3)),
    "depthwise, multiples": (
        lambda: layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same"),
        (9, 8, 3),
    ),
    "depthwise, dilation": (lambda: layers.DepthwiseConv2D(2, dilation_rate=2), (9, 8, 3)),
    "separable": (
        lambda: layers.SeparableConv2D(4, 3, padding="same", activation="elu"),
        (9, 8, 5),
    ),
    "one axis": (lambda: layers.Conv1D(4, 3, padding="same", activation="tanh"), (9, 6)),
    "one axis, strides": (lambda: layers.Conv1D(4, 5, strides=2, padding="same"), (12, 2)),
    "causal": (lambda: layers.Conv1D(4, 3, dilation_rate=2, padding="causal"), (9, 6)),
    "one axis, groups": (lambda: layers.Conv1D(6, 3, groups=3), (9, 6)),
    "one axis, depthwise": (lambda: layers.DepthwiseConv1D(3, strides=2), (9, 3)),
    "one axis, separable": (lambda: layers.SeparableConv1D(4, 3, depth_multiplier=2), (9, 3)),
    "channels first": (lambda: layers.Conv1D(4, 3, data_format="channels_first"), (6, 9)),
}


def compare(layer: Any, shape: tuple[int, ...], inputs: jax.Array | None = None) -> None:
    """Assert that a layer's output and gradients are the same with and without the replacement."""
    generator = np.random.default_rng(0)
    if inputs is None:
        inputs = jnp.asarray(generator.normal(size=(3, *shape)), jnp.float32)
    layer.build(inputs.shape)
    weights = [
        jnp.asarray(generator.normal(size=variable.shape), jnp.float32)
        for variable in layer.trainable_variables
    ]

    def results() -> Any:
        def loss(weights: Any, inputs: Any) -> Any:
            outputs, _ = layer.stateless_call(weights, [], inputs)
            directions = jnp.cos(jnp.arange(outputs.size)).reshape(outputs.shape)
            return (outputs * directions).sum(), outputs

        # A new function: one that was traced before would not be traced again.
        gradients, outputs = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(weights, inputs)
        return jax.device_get([outputs, gradients])

    keras_own = results()
    with fast_windows():
        ours = results()
    for own, other in zip(jax.tree.leaves(keras_own), jax.tree.leaves(ours), strict=True):
        assert own.shape == other.shape
        assert np.abs(own - other).max() <= CLOSE * np.abs(own).max()


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions_are_those_of_keras(case: str) -> None:
    make, shape = CONVOLUTIONS[case]
    compare(make(), shape)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("size", "strides"),
    [((2, 2), None), ((2, 3), None), ((3, 3), (2, 2)), ((2, 2), (1, 1)), ((1, 2), (2, 3))],
)
def test_max_pooling_is_that_of_keras(padding: str, size: Any, strides: Any) -> None:
    compare(layers.MaxPooling2D(size, strides, padding=padding), (9, 8, 3))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_max_pooling_of_one_axis_is_that_of_keras(data_format: str) -> None:
    compare(layers.MaxPooling1D(3, 2, padding="same", data_format=data_format), (9, 8))


@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 2)])
def test_of_equal_elements_the_same_one_gets_the_gradient(size: int, strides: int | None) -> None:
    steps = jnp.asarray(np.random.default_rng(1).integers(0, 3, (2, 9, 8, 2)), jnp.float32)
    compare(layers.MaxPooling2D(size, strides, padding="same"), (9, 8, 2), steps)


def test_what_is_no_number_stays_none() -> None:
    for place in np.ndindex(2, 2):
        image = np.zeros((1, 2, 2, 1), np.float32)
        image[0, place[0], place[1], 0] = np.nan
        with fast_windows():
            assert np.isnan(keras.ops.max_pool(image, 2)).all()
            gradient = jax.jit(jax.value_and_grad(lambda x: keras.ops.max_pool(x, 2).sum()))
            assert np.isnan(gradient(jnp.asarray(image))[0])


lengths = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(
    size=lengths,
    strides=lengths,
    dilation=lengths,
    image=st.tuples(st.integers(4, 11), st.integers(4, 11)),
    padding=st.sampled_from(["valid", "same"]),
)
@settings(max_examples=60, deadline=None)
def test_pasting_is_the_transpose_of_cutting(
    size: Any, strides: Any, dilation: Any, image: Any, padding: str
) -> None:
    # Keras has no window with strides and gaps at once.
    dilation = dilation if strides == (1, 1) else (1, 1)
    window = Window.of(image, size=size, strides=strides, dilation=dilation, padding=padding)
    if min(window.result(image)) < 1:
        return
    generator = np.random.default_rng(0)
    values = jnp.asarray(generator.integers(-9, 9, (1, *image, 1)), jnp.float32)
    cuts = window.cuts(values)
    others = [jnp.asarray(generator.integers(-9, 9, cut.shape), jnp.float32) for cut in cuts]
    there = sum(float((cut * other).sum()) for cut, other in zip(cuts, others, strict=True))
    back = window.paste(others, image)
    assert back.shape == values.shape
    assert float((back * values).sum()) == there


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_precision_stays_that_of_the_layer(dtype: str) -> None:
    inputs = np.random.default_rng(0).normal(size=(2, 6, 6, 2))
    with precision("float64" if dtype == "float64" else "float32"):
        layer = keras.Sequential([layers.Conv2D(3, 3, dtype=dtype), layers.MaxPooling2D(2)])
        own = layer(inputs)
        with fast_windows():
            ours = layer(inputs)
        assert ours.dtype == own.dtype
        # Both round one sum of 18 products to the same type.
        rounding = float(jnp.finfo(own.dtype).eps)
        assert np.abs(np.float64(ours) - np.float64(own)).max() <= 8 * rounding


def test_lanes_side_by_side_are_lanes_alone() -> None:
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.normal(size=(3, 2, 6, 6, 6)), jnp.float32)
    kernels = jnp.asarray(generator.normal(size=(3, 3, 3, 6, 4)), jnp.float32)

    def gradient(images: Any, kernel: Any) -> Any:
        return jax.grad(lambda i, k: jnp.sin(keras.ops.conv(i, k)).sum(), (0, 1))(images, kernel)

    with fast_windows():
        own = jax.jit(jax.vmap(gradient))(images, kernels)
        shared = jax.jit(jax.vmap(gradient, in_axes=(None, 0)))(images[0], kernels)
        alone = [jax.jit(gradient)(images[n], kernels[n]) for n in range(3)]
        first = [jax.jit(gradient)(images[0], kernels[n]) for n in range(3)]
    for together, each in ((own, alone), (shared, first)):
        for i, values in enumerate(together):
            np.testing.assert_allclose(values, [g[i] for g in each], rtol=0, atol=1e-4)


def test_three_axes_and_whole_numbers_are_left_to_keras() -> None:
    compare(layers.Conv3D(2, 2), (4, 4, 4, 1))
    compare(layers.MaxPooling3D(2), (4, 4, 4, 1))


def test_what_keras_refuses_is_refused() -> None:
    image = np.zeros((1, 3, 3, 4), np.float32)
    with fast_windows():
        with pytest.raises(ValueError, match="empty output"):
            keras.ops.conv(image, np.zeros((4, 4, 4, 1), np.float32))
        with pytest.raises(ValueError, match="evenly divisible"):
            keras.ops.conv(image, np.zeros((2, 2, 3, 1), np.float32))


def test_keras_is_put_back() -> None:
    before = (nn.conv, nn.depthwise_conv, nn.max_pool)
    with fast_windows():
        assert nn.conv is not before[0]
    with pytest.raises(ValueError, match="evenly divisible"), fast_windows():
        keras.ops.conv(np.zeros((1, 3, 3, 4)), np.zeros((2, 2, 3, 1)))
    assert (nn.conv, nn.depthwise_conv, nn.max_pool) == before


def test_only_cpus_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    before = nn.conv
    with fast_windows():
        assert nn.conv is before


SHAPE = (8, 8, 2)
OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.01),
}


def images() -> tuple[np.ndarray, np.ndarray]:
    """Return images whose brightness depends on their class."""
    targets = table()[1]
    noise = np.random.default_rng(0).normal(size=(ROWS, *SHAPE))
    return noise + targets[:, None, None, None], targets


def convolutional(kind: str, optimizer: str) -> keras.Model:
    """Build a network with a nested part; the same 32-bit weights in both precisions."""

    def build() -> keras.Model:
        keras.utils.set_random_seed(1)
        nested = keras.Sequential(
            [layers.SeparableConv2D(4, 3, activation="relu"), layers.MaxPooling2D(2, 1)]
        )
        first = layers.Conv2D(6, 3, padding="same", activation="relu")
        hidden = [first, layers.MaxPooling2D(2), nested, layers.Flatten()]
        return keras.Sequential([keras.Input(SHAPE), *hidden, layers.Dense(CLASSES)])

    with precision("float32"):
        weights = build().get_weights()
    with precision(kind):
        model = compiled(build(), OPTIMIZERS[optimizer]())
        model.set_weights(weights)
    return model


def network_of(model: keras.Model) -> LaneNetwork:
    return lane_network(model, sample_shape=SHAPE, task="classification", classes=CLASSES)


@functools.cache
def fitted(kind: str, optimizer: str) -> list[np.ndarray]:
    with precision(kind):
        inputs, targets = images()
        batches = orders(program_of())
        return fit(convolutional(kind, optimizer), inputs.astype(kind), targets, batches)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_convolutional_lane_equals_fit(optimizer: str, kind: str) -> None:
    single, double = fitted("float32", optimizer), fitted("float64", optimizer)
    tolerance = 10 * distance(single, double)
    if kind == "float64":
        tolerance *= np.finfo(np.float64).eps / np.finfo(np.float32).eps
    with precision(kind):
        inputs, targets = images()
        program = program_of()
        network = network_of(convolutional(kind, optimizer))
        shared = shared_of(inputs.astype(kind), targets)
        state = train_lanes(network, program, [lane_of(program)] * 2, shared)
    reference = single if kind == "float32" else double
    assert distance([weight[1] for weight in state["weights"]], reference) <= tolerance


def test_training_and_evaluation_in_lanes_do_without_scattering() -> None:
    network = network_of(convolutional("float32", "adam"))
    state = started(network, program_of())
    inputs, targets = images()
    shared = shared_of(inputs.astype("float32"), targets)

    def outputs(weights: Any, inputs: Any) -> Any:
        return network.outputs(weights, state["others"], inputs)

    def loss(weights: Any, inputs: Any) -> Any:
        return jnp.square(outputs(weights, inputs)).sum()

    text = jax.jit(jax.grad(loss)).lower(state["weights"], shared["inputs"]).as_text()
    assert "convolution" in text
    assert "select_and_scatter" not in text


def test_many_images_are_evaluated_as_few_are() -> None:
    network = network_of(convolutional("float32", "adam"))
    state = started(network, program_of())
    inputs = images()[0].astype("float32")
    outputs = jax.jit(lambda x: network.outputs(state["weights"], state["others"], x))
    few = np.concatenate([outputs(inputs[i : i + 10]) for i in range(0, ROWS, 10)])
    block = PIXELS_AT_ONCE // (inputs.shape[1] * inputs.shape[2])
    for rows in (2 * block, 2 * block + 3):
        again = np.arange(rows) % ROWS
        np.testing.assert_allclose(outputs(inputs[again]), few[again], rtol=0, atol=1e-5)
