"""Keys: equal for equal work in any process, different as soon as anything that matters is."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from gengap.identity import digest, initial_digest, network_digest, split_digest
from gengap.lanes.initial import Initial
from gengap.splits import Split

PARTS = st.lists(
    st.none() | st.text(max_size=4) | st.binary(max_size=4) | st.integers() | st.booleans(),
    max_size=4,
)


def network(
    *,
    units: int = 8,
    activation: str = "relu",
    penalty: float = 0.0,
    dropout: float = 0.2,
    name: str | None = None,
    optimizer: Any = None,
    loss: Any = "sparse_categorical_crossentropy",
) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(
                units,
                activation=activation,
                kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None,
                name=name,
            ),
            layers.Dropout(dropout),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer or keras.optimizers.Adam(0.001), loss)
    return model


def functional(names: tuple[str, str] | None = None, *, add: bool = True) -> keras.Model:
    first, second = names or (None, None)
    inputs = keras.Input((4,))
    left = layers.Dense(8, name=first)(inputs)
    right = layers.Dense(8, name=second)(left if add else inputs)
    outputs = layers.Dense(3, activation="softmax")(layers.Add()([left, right]))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


#: What makes another network of `network()`.
CHANGES: dict[str, Callable[[], keras.Model]] = {
    "units": lambda: network(units=9),
    "activation": lambda: network(activation="tanh"),
    "penalty": lambda: network(penalty=0.01),
    "another penalty": lambda: network(penalty=0.02),
    "dropout": lambda: network(dropout=0.3),
    "learning rate": lambda: network(optimizer=keras.optimizers.Adam(0.002)),
    "momentum": lambda: network(optimizer=keras.optimizers.SGD(0.001, momentum=0.9)),
    "no momentum": lambda: network(optimizer=keras.optimizers.SGD(0.001)),
    "decay": lambda: network(optimizer=keras.optimizers.Adam(0.001, weight_decay=0.1)),
    "clipping": lambda: network(optimizer=keras.optimizers.Adam(0.001, clipnorm=1.0)),
    "schedule": lambda: network(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.001, 10, 0.9))
    ),
    "another schedule": lambda: network(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.001, 20, 0.9))
    ),
    "loss": lambda: network(loss="categorical_crossentropy"),
    "logits": lambda: network(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
    "functional": functional,
    "other wires": lambda: functional(add=False),
}


class TestDigest:
    @given(PARTS, PARTS)
    def test_different_parts_have_different_digests(
        self, first: list[Any], second: list[Any]
    ) -> None:
        alike = [(type(p), p) for p in first] == [(type(p), p) for p in second]
        assert (digest(*first) == digest(*second)) == alike

    def test_it_is_sha256_in_hexadecimal(self) -> None:
        assert len(digest("a")) == 64
        assert set(digest("a")) <= set("0123456789abcdef")
        assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})

    def test_what_json_cannot_hold_is_refused(self) -> None:
        with pytest.raises(TypeError):
            digest(object())  # type: ignore[arg-type]


class TestNetwork:
    def test_names_that_keras_counts_up_make_no_difference(self) -> None:
        assert network_digest(network()) == network_digest(network())
        assert network_digest(functional()) == network_digest(functional())

    def test_names_that_the_user_gives_make_no_difference(self) -> None:
        assert network_digest(network()) == network_digest(network(name="mine"))
        assert network_digest(functional()) == network_digest(functional(("a", "b")))
        assert network_digest(functional(("b", "a"))) == network_digest(functional(("a", "b")))

    def test_weights_make_no_difference(self) -> None:
        """They are in the key by themselves: what matters is where a run starts."""
        model = network()
        before = network_digest(model)
        model.set_weights([w + 1 for w in model.get_weights()])
        assert network_digest(model) == before

    def test_whatever_matters_makes_a_difference(self) -> None:
        digests = {what: network_digest(make()) for what, make in CHANGES.items()}
        digests["as it was"] = network_digest(network())
        assert len(set(digests.values())) == len(digests)

    def test_a_layer_may_be_called_like_what_it_does(self) -> None:
        relu, tanh = (network(name=word, activation=word) for word in ("relu", "tanh"))
        assert network_digest(relu) != network_digest(tanh)
        assert network_digest(relu) == network_digest(network(activation="relu"))

    def test_a_changed_learning_rate_counts_after_compiling(self) -> None:
        model = network()
        before = network_digest(model)
        model.optimizer.learning_rate = 0.5
        assert network_digest(model) != before

    def test_exclusions_from_weight_decay_count(self) -> None:
        plain, choosy = (keras.optimizers.AdamW(0.001) for _ in range(2))
        choosy.exclude_from_weight_decay(var_names=["bias"])
        digests = {network_digest(network(optimizer=given)) for given in (plain, choosy)}
        assert len(digests) == 2

    def test_code_of_the_user_counts(self, tmp_path: Path) -> None:
        """A configuration holds the names of classes and functions, not what they do."""

        def from_file(body: str, penalty: str = "0.0") -> str:
            path = tmp_path / f"mine_{len(list(tmp_path.iterdir()))}.py"
            path.write_text(
                "import keras\n"
                "class Mine(keras.Model):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.out = keras.layers.Dense(3, kernel_regularizer=penalty)\n"
                "    def call(self, inputs):\n"
                f"        return {body}\n"
                f"def penalty(kernel):\n    return {penalty}\n"
                "def loss(y, p):\n    return keras.losses.sparse_categorical_crossentropy(y, p)\n",
                encoding="utf-8",
            )
            spec = importlib.util.spec_from_file_location("mine", path)
            module = importlib.util.module_from_spec(spec)
            sys.modules["mine"] = module
            spec.loader.exec_module(module)
            model = module.Mine()
            model(np.zeros((2, 4), "float32"))
            model.compile("adam", module.loss)
            return network_digest(model)

        first = from_file("self.out(inputs)")
        assert from_file("self.out(inputs)") == first
        assert from_file("self.out(inputs) * 2") != first
        assert from_file("self.out(inputs)", penalty="1.0") != first

    def test_another_process_finds_the_same(self) -> None:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import keras; from test_identity import network, functional\n"
            "from gengap.identity import network_digest\n"
            "keras.layers.Dense(1); functional()\n"  # the counters of names move on
            "print(network_digest(network()), network_digest(functional()))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": "1", "KERAS_BACKEND": "jax"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout.split() == [network_digest(network()), network_digest(functional())]


def test_a_split_is_its_rows_and_their_parts() -> None:
    def split(*parts: list[int], fold: int = 0) -> str:
        return split_digest(Split(0, fold, *(np.array(part) for part in parts)))

    assert split([0, 1], [2], [3]) == split([0, 1], [2], [3], fold=7)
    different = [([0, 1], [2], [3]), ([0], [1, 2], [3]), ([0, 1], [3], [2]), ([0, 1, 2], [], [3])]
    assert len({split(*parts) for parts in different}) == len(different)
    narrow = Split(0, 0, *(np.array(part, np.int32) for part in different[0]))
    assert split_digest(narrow) == split(*different[0])


def test_a_start_is_all_its_values() -> None:
    values = np.arange(6.0, dtype=np.float32)
    starts = [
        Initial((values,), ()),
        Initial((values[:3], values[3:]), ()),
        Initial((values + np.float32(1e-6),), ()),
        Initial((values,), (values,)),
    ]
    assert len({initial_digest(start) for start in starts}) == len(starts)
    assert initial_digest(Initial((values.copy(),), ())) == initial_digest(starts[0])
    assert initial_digest(Initial((values.reshape(2, 3).T.T,), ())) == initial_digest(starts[0])
