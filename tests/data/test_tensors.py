"""What arrays of three and more axes are taken as."""

from __future__ import annotations

import numpy as np
import pytest

from gengap.data.tensors import read_tensor, taken_as
from gengap.errors import UserError

RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (30, 8, 9)).astype(np.uint8)
NOISE = RANDOM.normal(size=(30, 8, 9))


@pytest.mark.parametrize(
    ("values", "modality"),
    [
        (BYTES, "image"),
        ((BYTES / 255).astype(np.float32), "image"),
        (BYTES[..., None], "image"),
        (NOISE[..., None], "image"),
        (np.zeros((3, 4, 4, 4, 1)), "image"),
        (BYTES.astype(float), "sequence"),
        (BYTES.astype(np.int64), "sequence"),
        (NOISE, "sequence"),
        ((BYTES > 99).astype(float), "sequence"),
        (BYTES // 52 / 5, "sequence"),
    ],
    ids=[
        "bytes", "bytes by 255", "grey", "numbers", "volumes", "numbers to 255", "whole numbers",
        "noise", "noughts and ones", "fifths",
    ],
)  # fmt: skip
def test_images_are_told_from_sequences(values, modality):
    assert read_tensor(values)[1] == modality


def test_grey_images_get_a_channel_axis():
    images, _ = read_tensor(BYTES)
    np.testing.assert_array_equal(images, BYTES[..., None])
    assert taken_as(images, "image") == "taken as images of 8 x 9 pixels with 1 channel"


def test_whole_numbers_up_to_255_are_bytes():
    images, _ = read_tensor(BYTES[..., None].astype(np.int64))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, BYTES[..., None])
    for others in (BYTES[..., None].astype(np.int64) + 1, BYTES[..., None].astype(np.int64) % 2):
        assert read_tensor(others)[0] is others


def test_pixels_that_nobody_scaled_are_said():
    note = taken_as(BYTES[..., None].astype(float), "image")
    assert "from 0 to 255" in note
    assert "uint8" in note
    assert "uint8" not in taken_as(NOISE[..., None], "image")


def test_yes_and_no_are_pixels_too():
    masks = BYTES[..., None] > 99
    assert taken_as(read_tensor(masks)[0], "image").endswith("8 x 9 pixels with 1 channel")


def test_what_is_infinite_in_16_bits_is_refused():
    values = NOISE.astype(np.float16)
    np.testing.assert_array_equal(read_tensor(values)[0], values)
    values[3, 2, 1] = np.inf
    with pytest.raises(UserError, match="1 infinite values"):
        read_tensor(values)


@pytest.mark.parametrize(
    ("wrong", "code"), [(np.nan, "missing-in-tensor"), (1e39, "infinite-values")]
)
def test_what_is_no_number_is_refused(wrong, code):
    values = NOISE.copy()
    values[3, 2, 1] = wrong
    with pytest.raises(UserError, match=r"the first at \(3, 2, 1\)") as caught:
        read_tensor(values, where="x.npz: ")
    assert caught.value.code == code


def test_squares_of_numbers_may_be_images():
    assert "channel axis" in taken_as(NOISE[:, :, :8], "sequence")
    assert taken_as(NOISE, "sequence") == "taken as sequences of 8 steps with 9 channels"
