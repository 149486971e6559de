"""Default networks by words."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from gengap.errors import UserError
from gengap.networks.models import describe, resolve_model
from gengap.networks.words import KINDS, default_words, words_for

SAMPLES = {1: (5,), 2: (9, 3), 3: (8, 12, 2)}


def resolved(words, shape, *, outputs=3, task="classification"):
    return resolve_model(words, input_shape=shape, outputs=outputs, task=task)


@pytest.mark.parametrize("axes", SAMPLES)
def test_every_kind_of_data_has_a_default(axes):
    model = resolved(None, SAMPLES[axes])
    assert describe(model) == describe(resolved(default_words(axes), SAMPLES[axes]))
    assert default_words(axes) == words_for(axes)[0]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("outputs", "task"), [(3, "classification"), (1, "regression")])
def test_networks_take_what_they_say(name, outputs, task):
    for axes in KINDS[name].axes:
        model = resolved(f"{name}:4,2", SAMPLES[axes], outputs=outputs, task=task)
        rows = np.zeros((2, *SAMPLES[axes]), np.float32)
        assert model(rows).shape == (2, outputs)
        assert describe(model) == f"{name} 4-2, Adam(0.001)"
        last = model.layers[-1].activation
        assert last is (keras.activations.softmax if outputs > 1 else keras.activations.linear)


def test_a_cnn_is_convolutions_with_pooling_and_a_hidden_layer():
    kinds = [type(layer).__name__ for layer in resolved("cnn:4,2", (8, 12, 2)).layers]
    assert kinds == ["Conv2D", "MaxPooling2D"] * 2 + ["Flatten", "Dense", "Dense"]


def test_images_that_are_too_small_for_so_many_blocks():
    resolved("cnn:4,4,4", (8, 12, 2))
    with pytest.raises(UserError, match="8 x 12 pixels") as caught:
        resolved("cnn:4,4,4,4", (8, 12, 2))
    assert caught.value.code == "image-too-small"
    assert "at most 3 blocks" in caught.value.hint
    with pytest.raises(UserError) as caught:
        resolved("cnn:4", (1, 9, 1))
    assert "mlp" in caught.value.hint


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_images_whose_channels_come_first_are_told_so(shape):
    with pytest.raises(UserError, match="pixels") as caught:
        resolved("cnn:4,4", shape)
    assert "np.moveaxis(x, 1, -1)" in caught.value.hint


@pytest.mark.parametrize("name", KINDS)
def test_networks_for_other_data_are_refused_with_those_that_serve(name):
    for axes, shape in SAMPLES.items():
        if axes in KINDS[name].axes:
            continue
        with pytest.raises(UserError, match=f"{name} takes") as caught:
            resolved(name, shape)
        assert caught.value.code == "network-for-other-data"
        for words in words_for(axes):
            assert words in caught.value.hint


def test_data_without_a_default_network():
    for words, code in ((None, "model-not-given"), ("mlp:4", "network-for-other-data")):
        with pytest.raises(UserError, match=r"\(2, 2, 2, 1\)") as caught:
            resolved(words, (2, 2, 2, 1))
        assert caught.value.code == code
        assert "module:function" in caught.value.hint


@pytest.mark.parametrize("words", ["cnn:0", "cnn:4,,2", "cnn:a", "cnn:1.5"])
def test_layers_that_are_no_sizes(words):
    with pytest.raises(UserError) as caught:
        resolved(words, (8, 8, 1))
    assert caught.value.code == "bad-layers"
    assert "cnn:16,32" in caught.value.hint


def test_a_misspelt_network_is_answered_with_the_closest():
    with pytest.raises(UserError, match="'cn'") as caught:
        resolved("cn:16", (8, 8, 1))
    assert caught.value.code == "unknown-model"
    assert "cnn" in caught.value.hint
