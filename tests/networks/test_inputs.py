"""What a network does with its inputs itself is not done before."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from gengap.data.row_form import RowForm
from gengap.networks.inputs import form_taken
from gengap.networks.models import resolve_model

GREY = RowForm("image", (8, 8, 1), "bytes", 255.0)


def network(shape, *first):
    return keras.Sequential([keras.Input(shape), *first, layers.Flatten(), layers.Dense(2)])


def test_bytes_are_divided_unless_the_network_scales_them():
    assert form_taken(GREY, network((8, 8, 1))) == GREY
    inner = network((8, 8, 1), layers.Rescaling(1 / 255))
    for scaling in (inner, keras.Sequential([keras.Input((8, 8, 1)), inner])):
        assert form_taken(GREY, scaling).divisor == 1.0


def test_a_network_may_take_grey_images_without_a_channel_axis():
    assert form_taken(GREY, network((8, 8))).shape == (8, 8)
    resolved = resolve_model(
        network((8, 8)), input_shape=GREY.shape, outputs=2, task="classification"
    )
    assert resolved.input_shape == (None, 8, 8)


@pytest.mark.parametrize("shape", [(8, 9), (8, 8, 3), (8,)])
def test_other_shapes_do_not_fit(shape):
    from gengap.errors import UserError

    with pytest.raises(UserError) as caught:
        resolve_model(network(shape), input_shape=GREY.shape, outputs=2, task="classification")
    assert caught.value.code == "model-input-shape"
