"""Objects of Keras are written as expressions that make them again, laid out as by hand."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, losses, optimizers

from gengap.export.expressions import NotPlainError, expression, literal
from gengap.export.layout import WIDTH, statement

RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent))

PLAIN = {
    'keras.layers.Dense(8, activation="relu")': lambda: layers.Dense(8, "relu", name="first"),
    "keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.001))": lambda: layers.Dense(
        8, kernel_regularizer=keras.regularizers.L2(1e-3)
    ),
    "keras.layers.Dense(2, use_bias=False, kernel_constraint=keras.constraints.MaxNorm(3))": (
        lambda: layers.Dense(2, use_bias=False, kernel_constraint=keras.constraints.MaxNorm(3))
    ),
    "keras.layers.BatchNormalization(momentum=0.9)": lambda: layers.BatchNormalization(
        momentum=0.9
    ),
    "keras.layers.Dropout(0.3)": lambda: layers.Dropout(0.3),
    "keras.layers.Dropout(0.3, seed=5)": lambda: layers.Dropout(0.3, seed=5),
    "keras.layers.Conv2D(4, (3, 3), strides=(2, 2))": lambda: layers.Conv2D(4, 3, strides=2),
    "keras.layers.Rescaling(0.5)": lambda: layers.Rescaling(0.5),
    "keras.layers.Bidirectional(keras.layers.LSTM(3))": (
        lambda: layers.Bidirectional(layers.LSTM(3))
    ),
    'keras.layers.TimeDistributed(keras.layers.Dense(4, activation="tanh"))': (
        lambda: layers.TimeDistributed(layers.Dense(4, activation="tanh"))
    ),
    "keras.optimizers.Adam(learning_rate=0.001)": optimizers.Adam,
    "keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)": lambda: optimizers.SGD(
        0.1, momentum=0.9
    ),
    "keras.optimizers.AdamW(learning_rate=keras.optimizers.schedules.CosineDecay(0.1, 10))": (
        lambda: optimizers.AdamW(optimizers.schedules.CosineDecay(0.1, 10))
    ),
    "keras.losses.SparseCategoricalCrossentropy(from_logits=True)": (
        lambda: losses.SparseCategoricalCrossentropy(from_logits=True)
    ),
    "keras.losses.mean_squared_error": lambda: losses.mean_squared_error,
    '"mse"': lambda: "mse",
}


@pytest.mark.parametrize("text", PLAIN)
def test_only_what_is_not_a_default_is_written(text):
    assert expression(PLAIN[text]()) == text


@pytest.mark.parametrize("text", [t for t in PLAIN if "(" in t])
def test_the_expression_makes_the_same_again(text):
    made = eval(text, {"keras": keras})
    assert expression(made) == text


def test_what_is_not_of_keras_is_not_written():
    class Own(layers.Layer):
        pass

    for value in (Own(), lambda x: x, layers.Lambda(lambda x: x)):
        with pytest.raises(NotPlainError):
            expression(value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_literals_are_read_back(value):
    assert ast.literal_eval(literal(value)) == value


def test_numbers_that_were_held_in_32_bits_are_written_as_they_were_meant():
    assert literal(float(np.float32(0.1))) == "0.1"
    assert literal(np.float32(1e-4)) == "0.0001"
    assert literal(1 / 3) == repr(1 / 3)


LONG = "f(" + ", ".join(f"argument_number_{i}={i}" for i in range(12)) + ")"
STATEMENTS = [
    statement("x = ", "f(1, 2)"),
    statement("x = ", LONG),
    statement("return ", f"g([{LONG}, {LONG}])", 1),
    statement("", f"network.compile(optimizer={LONG}, loss='l')", 2).replace("'", '"'),
    statement("x = ", literal([f"word {i}" for i in range(40)])),
    statement("x = ", literal({f"word {i}": (i, [i]) for i in range(20)})),
    statement("x = ", literal(["a" * 200])),
    statement("x = ", f"h(callbacks=[{LONG}])"),
]


@pytest.mark.skipif(RUFF is None, reason="ruff is a development tool")
@pytest.mark.parametrize("text", STATEMENTS)
def test_the_layout_is_what_a_formatter_makes(text, tmp_path):
    nested = len(text) - len(text.lstrip(" "))
    frame = "".join(f"{' ' * 4 * i}def f{i}():\n" for i in range(nested // 4))
    (tmp_path / "text.py").write_text(frame + text + "\n")
    command = [RUFF, "format", "--isolated", f"--line-length={WIDTH}", "--check", "--diff", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    # Blank lines around functions are not the layout's business.
    changed = [line for line in done.stdout.splitlines() if line[:1] in "+-" and line[1:].strip()]
    assert not [line for line in changed if line[:3] not in ("+++", "---")]
