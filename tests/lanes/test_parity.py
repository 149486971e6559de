"""One lane equals `fit` from the same weights and batch order.

Tolerances are derived, not chosen: in 32 bits, ten times the distance between `fit` in 32 and in
64 bits on that very case; in 64 bits, the same, scaled by the ratio of the rounding errors. Batch
normalization is computed in 32 bits by Keras whatever the precision.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
import keras
import numpy as np
import pytest

from gengap.lanes.program import Program
from lanes.cases import (
    compiled,
    distance,
    fit,
    functional,
    lane_of,
    network_of,
    orders,
    program_of,
    sequential,
    shared_of,
    table,
    train_lanes,
)

OPTIMIZERS: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.02, decay_steps=10)
    ),
    "clipped": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.01, clipnorm=0.5),
    "averaged": lambda: keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9),
}
NETWORKS = {"sequential": sequential, "functional": functional}
ROUNDING = np.finfo(np.float64).eps / np.finfo(np.float32).eps


@contextmanager
def precision(kind: str) -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", kind == "float64")
    kept = keras.config.floatx()
    _set_precision(kind)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)
        _set_precision(kept)


def _set_precision(kind: str) -> None:
    keras.config.set_floatx(kind)
    # Keras fixes the policy of all layers to come at the first layer that is made.
    keras.config.set_dtype_policy(kind)


@functools.cache
def fitted(kind: str, network: str, optimizer: str, batch_norm: bool) -> list[np.ndarray]:
    with precision(kind):
        model = _model(kind, network, optimizer, batch_norm)
        inputs, targets = table()
        return fit(model, inputs.astype(kind), targets, orders(program_for(optimizer)))


def laned(kind: str, network: str, optimizer: str, batch_norm: bool) -> list[np.ndarray]:
    with precision(kind):
        model = _model(kind, network, optimizer, batch_norm)
        inputs, targets = table()
        program = program_for(optimizer)
        lanes = network_of(model)
        state = train_lanes(
            lanes, program, [lane_of(program)] * 3, shared_of(inputs.astype(kind), targets)
        )
        last = [[value[1] for value in state[name]] for name in ("weights", "slots")]
        return [np.asarray(w, "float64") for w in lanes.final_weights(*last)]


def program_for(optimizer: str) -> Program:
    # Keras cannot call `fit` again on an optimizer that averages weights: after the first call
    # weight and average share a buffer, which is then donated twice.
    return program_of(count=1 if optimizer == "averaged" else 4)


def _model(kind: str, network: str, optimizer: str, batch_norm: bool) -> keras.Model:
    # The same 32-bit weights in both precisions.
    with precision("float32"):
        weights = NETWORKS[network](batch_norm=batch_norm).get_weights()
    with precision(kind):
        model = compiled(NETWORKS[network](batch_norm=batch_norm), OPTIMIZERS[optimizer]())
        model.set_weights(weights)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(
    ("network", "optimizer", "batch_norm"),
    [(n, o, b) for n in NETWORKS for o in ("momentum", "adam") for b in (False, True)]
    + [("sequential", "schedule", b) for b in (False, True)]
    + [("sequential", o, False) for o in ("clipped", "averaged")],
)
def test_one_lane_equals_fit(network: str, optimizer: str, batch_norm: bool, kind: str) -> None:
    case = (network, optimizer, batch_norm)
    single, double = fitted("float32", *case), fitted("float64", *case)
    tolerance = 10 * distance(single, double)
    if kind == "float64" and not batch_norm:
        tolerance *= ROUNDING
    reference = single if kind == "float32" else double
    assert distance(laned(kind, *case), reference) <= tolerance
