"""Codes that a network looks up are held by its tables, or refused before anything is trained."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from keras import layers

import gengap
from gengap.errors import UserError
from gengap.networks.codes import check_codes, looks_up

CODES = np.random.default_rng(0).integers(0, 10, (60, 4))
KINDS = np.arange(60) % 2


def tokens(count: int = 10) -> keras.Model:
    inputs = keras.Input((4,))
    flat = layers.Flatten()(layers.Embedding(count, 3, name="words")(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(flat))


def beside_numbers() -> keras.Model:
    """Return a network that looks up the last two of four columns."""
    inputs = keras.Input((4,))
    flat = layers.Flatten()(layers.Embedding(10, 3, name="words")(inputs[:, 2:]))
    return keras.Model(inputs, layers.Dense(2)(layers.Concatenate()([inputs[:, :2], flat])))


def test_codes_within_the_table_pass() -> None:
    check_codes(tokens(), {"": CODES.astype(np.float32)})


@pytest.mark.parametrize(
    ("code", "hint"), [(11, r"Embedding\(12, \.\.\.\)"), (-1, "number the codes from 0")]
)
def test_others_are_refused_with_what_there_is(code: int, hint: str) -> None:
    codes = CODES.astype(np.float32)
    codes[17, 3] = code
    with pytest.raises(
        UserError, match=f"'words' looks up the codes 0 to 9; the data have {code}"
    ) as e:
        check_codes(tokens(), {"": codes})
    assert e.value.code == "code-out-of-range"
    assert e.value.hint is not None
    assert re.search(hint, e.value.hint)


def test_only_what_is_looked_up_counts() -> None:
    values = CODES.astype(np.float32)
    values[:, :2] = 1000.0
    values[3, 0] = np.nan
    check_codes(beside_numbers(), {"": values})
    values[5, 2] = 10
    with pytest.raises(UserError, match="the data have 10"):
        check_codes(beside_numbers(), {"": values})


def test_a_network_that_looks_nothing_up_is_not_asked() -> None:
    dense = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    assert not looks_up(dense)
    check_codes(dense, {"": np.full((2, 4), 1e9)})


def test_several_inputs_and_the_test_part_are_looked_at() -> None:
    numbers, kinds = keras.Input((2,), name="numbers"), keras.Input((1,), name="kinds")
    flat = layers.Flatten()(layers.Embedding(7, 3, name="kind")(kinds))
    both = layers.Concatenate()([numbers, flat])
    model = keras.Model([numbers, kinds], layers.Dense(2, activation="softmax")(both))
    x = {"numbers": CODES[:, :2] * 1.5, "kinds": CODES[:, :1] % 7}
    settings = {"techniques": "l2=0.1", "folds": 3, "epochs": 2}
    with pytest.raises(UserError, match="'kind' looks up the codes 0 to 6; the data have 9"):
        gengap.compare({**x, "kinds": CODES[:, :1]}, KINDS, model, **settings)
    beyond = {**x, "kinds": CODES[:, :1] % 7 + 1}
    with pytest.raises(UserError, match=r"the test part: .* the data have 7"):
        gengap.compare(x, KINDS, model, test=(beyond, KINDS), **settings)
    gengap.compare(x, KINDS, model, dry_run=True, test=(x, KINDS), **settings)
