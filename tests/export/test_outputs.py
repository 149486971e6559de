"""The networks that are handed back have the outputs of the one that was given, by their names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from gengap.data.dataset import Output
from gengap.data.fitted_outputs import FittedOutput
from gengap.export.outputs import ensemble, in_own_units
from gengap.networks.compiling import compile_plainly
from gengap.networks.heads import heads_of
from gengap.networks.outputs import flat_outputs
from gengap.networks.rebuild import copy_network
from gengap.networks.shapes import output_names

RANDOM = np.random.default_rng(8)
ROWS = RANDOM.normal(size=(12, 4)).astype("float32")


def network(keys: tuple[str, str] | None, *, named: bool) -> keras.Model:
    """Build a network that tells a kind and a price, by these keys where it goes by keys."""
    inputs = keras.Input((4,), name="rows")
    hidden = layers.Dense(5)(inputs)
    kind = layers.Dense(3, activation="softmax", name="kind" if named else None)(hidden)
    price = layers.Dense(1, name="price" if named else None)(hidden)
    losses = ["sparse_categorical_crossentropy", "mse"]
    if keys is None:
        model = keras.Model(inputs, [kind, price])
        model.compile("sgd", losses, loss_weights=[1.0, 0.5])
    else:
        model = keras.Model(inputs, dict(zip(keys, [kind, price], strict=True)))
        by_key = dict(zip(keys, losses, strict=True))
        model.compile("sgd", by_key, loss_weights=dict(zip(keys, [1.0, 0.5], strict=True)))
    return model


def outputs_of(model: keras.Model) -> list[Output]:
    """Say what each output is, in their order."""
    kind = {1: "regression", 3: "classification"}
    return [
        Output(name, kind[one.shape[-1]], ("a", "b", "c") if one.shape[-1] == 3 else ())  # type: ignore[arg-type]
        for name, one in zip(output_names(model), model.outputs, strict=True)
    ]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (None, True),
        (None, False),
        (("kind", "price"), True),
        (("what/kind", "what/price"), False),
        (("kind", "rows"), False),
    ],
)
def test_it_is_saved_and_loaded_with_its_names_units_and_losses(tmp_path, keys, named, count):
    model = network(keys, named=named)
    outputs = outputs_of(model)
    members = []
    for _ in range(count):
        members.append(copy_network(model))
        members[-1].set_weights([RANDOM.normal(size=w.shape) for w in model.get_weights()])
    each = [[np.asarray(one) for one in flat_outputs(member(ROWS))] for member in members]
    plain = members[0] if count == 1 else ensemble(members, list(heads_of(model, outputs).values()))
    fitted = [
        FittedOutput(one, 1000.0, 50.0) if one.task == "regression" else FittedOutput(one)
        for one in outputs
    ]
    preprocessing: Any = SimpleNamespace(outputs=fitted)
    plain = in_own_units(plain, preprocessing)
    compile_plainly(model, plain)
    plain.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert output_names(loaded) == output_names(model)
    found = flat_outputs(loaded.predict(ROWS, verbose=0))
    for place, one in enumerate(fitted):
        mean = np.mean([member[place] for member in each], axis=0)
        np.testing.assert_allclose(found[place], mean * one.scale + one.shift, rtol=1e-4)
    targets = [
        np.zeros((12, 1)) if one.task == "regression" else np.zeros(12, int) for one in outputs
    ]
    y: Any = targets if keys is None else dict(zip(output_names(model), targets, strict=True))
    total = loaded.evaluate(ROWS, y, verbose=0, return_dict=True)["loss"]
    expected = 0.0
    for one, values in zip(outputs, found, strict=True):
        if one.task == "regression":
            expected += 0.5 * np.mean(values.astype(float) ** 2)
        else:
            expected -= np.log(values[:, 0]).mean()
    assert total == pytest.approx(expected, rel=1e-3)
