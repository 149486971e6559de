"""Rows of several inputs go to another process as files, and come back the same."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from gengap.data.arrays import from_arrays
from gengap.executors.request import read_request, write_request
from gengap.executors.rows import read_dataset, write_dataset
from gengap.reading import inputs_by_name

Y = np.arange(12) % 2
NUMBERS = np.random.default_rng(0).normal(size=(12, 2))
TABLE = pd.DataFrame({"size": NUMBERS[:, 0], "colour": ["red", None, "blue", "red"] * 3})
IMAGES = np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4, 1)


def test_a_dataset_comes_back_the_same(tmp_path: Path) -> None:
    rows = {"table/1": TABLE, "images": IMAGES, "numbers": NUMBERS}
    part = {name: values[:5] for name, values in rows.items()}
    given = from_arrays(rows, Y, test=(part, Y[:5]), groups=Y, sample_weight=1.0 + Y)
    write_dataset(given, tmp_path)
    found = read_dataset(tmp_path)
    assert found.fingerprint == given.fingerprint
    assert (found.inputs, found.columns) == (given.inputs, given.columns)
    for name, one in given.by_input().items():
        again = found.by_input()[name]
        for mine, theirs in ((again.rows, one.rows), (again.test, one.test)):
            assert mine is not None
            assert theirs is not None
            np.testing.assert_array_equal(mine.target, theirs.target)
            if isinstance(theirs.alone, pd.DataFrame):
                pd.testing.assert_frame_equal(mine.alone, theirs.alone)
            else:
                np.testing.assert_array_equal(mine.alone, theirs.alone)
    assert found.rows.groups is not None
    np.testing.assert_array_equal(found.rows.weights, given.rows.weights)


@pytest.mark.parametrize("named", [True, False])
def test_a_call_with_a_list_of_inputs_comes_over(tmp_path: Path, named) -> None:
    inputs = [keras.Input((2,), name="b" if named else None), keras.Input((4, 4, 1))]
    parts = [layers.Flatten()(given) for given in inputs]
    model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.Concatenate()(parts)))
    x, test = inputs_by_name([NUMBERS, IMAGES], ([NUMBERS, IMAGES], Y), model)
    settings = dict.fromkeys(("target", "task", "groups", "weight", "sample_weight", "image_size"))
    settings |= {"model": model, "techniques": "l2", "test": test}
    write_request(tmp_path, x, Y, settings, listening=False)
    found = read_request(tmp_path).arguments
    assert list(found["x"].inputs) == ["b" if named else "input_1", "input_2"]
    assert len(found["model"].inputs) == 2
