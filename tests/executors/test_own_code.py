"""What a user wrote goes over to a child process, or is refused by its name."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from executors import own_networks
from executors.beside import compare_beside
from gengap import UserError
from study.cases import measurements

SMALL: dict[str, Any] = {"folds": 2, "epochs": 2, "techniques": "l2=1e-3"}


def test_what_a_module_holds_goes_over() -> None:
    model = own_networks.network(own_networks.Doubled(), own_networks.Halved())
    model.compile(keras.optimizers.Adam(0.01), own_networks.absolute)
    inputs, target = measurements()
    study = compare_beside(inputs, target, model, **SMALL)
    kinds = [type(layer).__name__ for layer in study.best.model.layers]
    assert kinds == ["Doubled", "Halved", "Dense", "Dense", "Rescaling"]
    assert np.isfinite(study.best.predict(inputs)).all()


def test_a_layer_of_the_script_is_named(
    monkeypatch: pytest.MonkeyPatch, children: list[Any]
) -> None:
    monkeypatch.setattr(own_networks.Broken, "__module__", "__main__")
    with pytest.raises(UserError, match="the layer 'mine' needs Broken") as caught:
        compare_beside(
            *measurements(), own_networks.network(own_networks.Broken(name="mine")), **SMALL
        )
    assert caught.value.code == "not-importable"
    assert "move Broken into a module" in str(caught.value.hint)
    assert not children


def test_a_layer_within_a_function_is_named(children: list[Any]) -> None:
    class Within(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(UserError, match="needs Within, which is defined within") as caught:
        compare_beside(*measurements(), own_networks.network(Within()), **SMALL)
    assert caught.value.code == "not-importable"
    assert not children


def test_a_lambda_is_refused_by_the_layer_that_has_it(children: list[Any]) -> None:
    layer = keras.layers.Lambda(lambda inputs: inputs * 2.0, name="twice")
    with pytest.raises(UserError, match="the layer 'twice' is made with a lambda"):
        compare_beside(*measurements(), own_networks.network(layer), **SMALL)
    assert not children


def test_what_runs_on_this_backend_only_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_networks, "HERE", True)
    model = own_networks.network(own_networks.OnlyHere(name="gate"))
    with pytest.raises(UserError, match="cannot be built on JAX") as caught:
        compare_beside(*measurements(), model, **SMALL)
    assert caught.value.code == "not-on-jax"
    assert "the layer 'gate' (OnlyHere): use keras.ops" in str(caught.value.hint)
