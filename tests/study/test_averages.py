"""The network that is handed back is the one that was scored: averaged weights, or an ensemble."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from gengap.design import Design, design_study
from gengap.export import trained_model
from gengap.finish import finish
from gengap.networks.variants import build_variant
from gengap.progress import SilentProgress
from gengap.reading import read
from gengap.recipe import Recipe
from gengap.refit import Refit, refit
from gengap.store import Store

EPOCHS = 6
ENSEMBLE = "lr_restarts(cycles=3, growth=1) + snapshot_ensemble(members=3)"


@pytest.fixture(scope="module")
def design() -> Design:
    raw = read(
        "sklearn:wine", None, target=None, task=None, test=None, groups=None, weight=None,
        sample_weight=None,
    )  # fmt: skip
    return design_study(
        raw, model="mlp:8", techniques="swa", metric=None, folds=3, repeats=1, epochs=EPOCHS,
        batch_size=32, learning_rate=0.01, class_weight=None, seed=0, budget=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store")) as opened:
        yield opened


def trained(recipe: str, design: Design, store: Store, **changes: Any) -> Refit:
    settings = {
        "material": design.material,
        "dataset": design.dataset,
        "encoded": design.encoded,
        "batch_size": 32,
        "planned_epochs": EPOCHS,
        "class_weight": None,
        "store": store,
        "progress": SilentProgress(),
    }
    return refit(Recipe.parse(recipe), **{"epochs": EPOCHS, **settings, **changes})


@pytest.mark.parametrize(
    ("recipe", "members"),
    [("ema=0.9 + batch_norm", 1), ("swa=0.5 + batch_norm", 1), (ENSEMBLE, 3)],
)
def test_a_refit_is_judged_as_the_folds_were(
    recipe: str, members: int, design: Design, store: Store
) -> None:
    fitted = trained(recipe, design, store)
    assert fitted.recipe == Recipe.parse(recipe)
    assert len(fitted.members) == members
    plain = trained(str(Recipe.parse(recipe).training), design, store)
    assert len(plain.members) == 1
    difference = max(
        np.abs(a - b).max() for a, b in zip(fitted.weights, plain.weights, strict=True)
    )
    assert difference > 1e-4

    program = build_variant(design.material.model, fitted.variant)
    rows = fitted.preprocessing.transform_features(design.dataset.rows.features)
    outputs = [
        np.asarray(program.stateless_call(list(weights), list(others), rows)[0])
        for weights, others in fitted.members
    ]
    model = trained_model(design.material.model, fitted)
    found = model.predict(rows, verbose=0)
    np.testing.assert_allclose(found, np.mean(outputs, axis=0), rtol=1e-5, atol=1e-6)

    again = trained(recipe, design, store)  # from the store
    for one, other in zip(fitted.members, again.members, strict=True):
        for a, b in zip((*one[0], *one[1]), (*other[0], *other[1]), strict=True):
            assert a.tobytes() == b.tobytes()


def test_the_best_epoch_of_a_fold_is_not_chosen_anew(design: Design, store: Store) -> None:
    stopped = trained("l2=0.01 + early_stopping(patience=2, min_delta=0)", design, store)
    assert stopped.recipe == Recipe.parse("l2=0.01")


def test_a_training_that_is_cut_short_keeps_its_schedule(design: Design, store: Store) -> None:
    """Two of six epochs of a cosine hardly lower the rate; a cosine of two epochs ends at 0."""
    cut, whole, without = (
        trained(recipe, design, store, epochs=2, planned_epochs=planned).weights
        for recipe, planned in (
            ("lr_restarts(cycles=1, growth=1)", EPOCHS),
            ("lr_restarts(cycles=1, growth=1)", 2),
            ("baseline", EPOCHS),
        )
    )

    def away(weights: Any) -> float:
        return max(np.abs(a - b).max() for a, b in zip(weights, without, strict=True))

    assert 0 < away(cut) < away(whole)


def test_an_ensemble_comes_back_as_a_model_of_keras(design: Design, store: Store) -> None:
    finished = finish(ENSEMBLE, EPOCHS, design, store, SilentProgress())
    assert isinstance(finished.model, keras.Model)
    assert finished.recipe == Recipe.parse(ENSEMBLE)
    found = finished.predict_features(design.dataset.rows.features)
    assert found.shape == (len(design.dataset.rows), 3)
    np.testing.assert_allclose(np.asarray(found).sum(axis=1), 1, atol=1e-5)
    assert "Ensemble(network, snapshots" in finished.source
