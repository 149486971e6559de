"""Networks that prepare their inputs themselves are compared as they are."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from gengap.compare import compare
from gengap.errors import UserError

RANDOM = np.random.default_rng(0)
ROWS = 60
TOKENS = RANDOM.integers(1, 12, (ROWS, 5))
Y = (TOKENS[:, 0] > 5).astype(int)
FAST = {"folds": 2, "epochs": 3, "batch_size": 16}


def reader() -> keras.Model:
    keras.utils.set_random_seed(1)
    hidden = [layers.Embedding(12, 4), layers.GlobalAveragePooling1D()]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *hidden, layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def test_tokens_reach_an_embedding_as_they_are(tmp_path: Path) -> None:
    model = reader()
    before = model.get_weights()
    study = compare(TOKENS, Y, model, "l2=1e-3", out=tmp_path / "run", **FAST)
    assert any("as codes" in note for note in study.results.notes)
    np.testing.assert_array_equal(study.best.preprocessing.transform(TOKENS), TOKENS)
    logits = study.best.model.predict(TOKENS, verbose=0)[:, 0]
    np.testing.assert_allclose(study.best.predict(TOKENS)[:, 1], 1 / (1 + np.exp(-logits)), 1e-5)
    saved = keras.saving.load_model(tmp_path / "run" / "model.keras")
    np.testing.assert_allclose(saved.predict(TOKENS, verbose=0)[:, 0], logits, rtol=1e-5)
    assert "StandardScaler" not in (tmp_path / "run" / "recipe.py").read_text(encoding="utf-8")
    for value, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_what_makes_other_numbers_of_codes_is_refused() -> None:
    for technique in ("gaussian_noise", "input_dropout", "adversarial", "mixup"):
        with pytest.raises(UserError) as caught:
            compare(TOKENS, Y, reader(), technique, **FAST)
        assert caught.value.code == "inputs-not-numbers"


def test_a_normalization_that_was_adapted_sees_what_it_was_adapted_to() -> None:
    rows = np.c_[RANDOM.normal(500, 100, ROWS), RANDOM.normal(-3, 1, ROWS)].round(3)
    rows[3, 1] = np.nan
    normalization = layers.Normalization(mean=[500.0, -3.0], variance=[1e4, 1.0])
    model = keras.Sequential([keras.Input((2,)), normalization, layers.Dense(1, "sigmoid")])
    study = compare(rows, (rows[:, 0] > 500).astype(int), model, "l2=1e-3", **FAST)
    assert any("scales numbers itself" in note for note in study.results.notes)
    prepared = study.best.preprocessing.transform(rows)
    known = ~np.isnan(rows)
    np.testing.assert_array_equal(prepared[known], rows[known].astype(np.float32))
    assert prepared[3, 1] == pytest.approx(np.nanmedian(rows[:, 1]))


def test_series_may_be_scaled_by_the_network() -> None:
    rows = RANDOM.normal(40, 5, (ROWS, 6, 2)).round(3)
    hidden = [layers.Rescaling(0.2, offset=-8.0), layers.Flatten(), layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((6, 2)), *hidden])
    study = compare(rows, Y, model, "l2=1e-3", **FAST)
    np.testing.assert_array_equal(study.best.preprocessing.transform(rows), rows.astype(np.float32))


A, B = RANDOM.normal(size=(ROWS, 2)), RANDOM.normal(size=(ROWS, 3))


@pytest.mark.parametrize(
    ("inputs", "targets", "code", "hint"),
    [
        ({"a": A, "b": B}, Y, "several-inputs", "concatenate"),
        ([A, B], Y, "several-inputs", "concatenate"),
        ((A, RANDOM.normal(size=(ROWS, 4, 4, 1))), Y, "several-inputs", "slices"),
        (A, {"p": Y, "q": A[:, 0]}, "several-outputs", "keras.Model(inputs, [first, second])"),
        (A, (Y, A[:, 0]), "several-targets", "model.output[0]"),
    ],
)
def test_several_inputs_and_targets_are_refused_with_what_works(
    inputs, targets, code, hint
) -> None:
    with pytest.raises(UserError) as caught:
        compare(inputs, targets, "mlp:4", "l2=1e-3", **FAST)
    assert caught.value.code == code
    assert hint in caught.value.hint


class Coded(keras.Model):
    """A network that is code."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")

    def get_config(self) -> dict[str, object]:
        return {}

    def call(self, inputs: object) -> object:
        return self.out(self.hidden(inputs))


def test_what_cannot_be_inserted_into_code_is_refused_with_all_that_serves_it() -> None:
    from gengap.techniques.discovery import techniques

    with pytest.raises(UserError) as caught:
        compare(A, Y, Coded(), "batch_norm", **FAST)
    assert caught.value.code == "cannot-insert-layers"
    for technique in techniques().values():
        assert (f" {technique.name}," in caught.value.hint.replace(";", ",")) is not bool(
            technique.insertions
        )
