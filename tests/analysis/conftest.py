"""Studies made by hand: trials with given scores, no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from gengap.analysis import Analysis, Candidate, analyse
from gengap.trials import Curves, Trial


def make_trial(
    recipe: str = "baseline",
    fold: int = 0,
    *,
    repeat: int = 0,
    validation: float | None = 0.8,
    test: float | None = 0.8,
    train: float | None = 0.9,
    loss: float | None = 0.5,
    metric: str = "accuracy",
    status: str = "finished",
    best_epoch: int = 20,
    curve: tuple[float, ...] | None = None,
    **other,
) -> Trial:
    """Return a trial whose scores are what the test is about."""
    if curve is None:
        curve = tuple(np.linspace(1.0, 0.3, 10)) + (0.31,) * 10
    parts = {"train": train, "validation": validation, "test": test, "noisy": test}
    values = {
        "key": f"{recipe}/{repeat}/{fold}",
        "epochs": 20,
        "seconds": 0.5,
        "zero_weights": 0.25,
        "weight_norm": 3.0,
        **other,
    }
    return Trial(
        run=f"{recipe}/{repeat}/{fold}",
        recipe=recipe,
        fold=fold,
        repeat=repeat,
        seed=fold,
        status=status,
        best_epoch=best_epoch,
        scores={part: {metric: value, "loss": loss} for part, value in parts.items()},
        curves=Curves(curve, curve, curve, curve),
        **values,
    )


def make_candidate(name: str, *recipes: str) -> Candidate:
    """Return a candidate of one technique whose recipes are written ``technique=value``."""
    recipes = recipes or (name,)
    strengths = {}
    for recipe in recipes:
        technique, _, value = recipe.partition("=")
        strength = float(value) if value else {}
        strengths[recipe] = {} if recipe == "baseline" else {technique: strength}
    single = (name, "strength") if len(recipes) > 1 else None
    return Candidate(name, recipes, strengths, single)


def study(
    scores: Mapping[str, object], candidates: tuple[Candidate, ...], *, folds: int = 10, **options
) -> Analysis:
    """Analyse a study whose trials are ``scores[recipe]``: options of `make_trial`, or a function.

    A function is called with the fold and returns such options.
    """
    made = []
    metric = options.setdefault("metric", "accuracy")
    for recipe, given in scores.items():
        for fold in range(folds):
            wanted = given(fold) if isinstance(given, Callable) else given
            made.append(make_trial(recipe, fold, **{"metric": metric, **wanted}))
    settings = {
        "target": np.arange(200) % 2,
        "task": "classification",
        "rows": 200,
        "rows_tested": 200 // folds,
        "epochs": 20,
        **options,
    }
    return analyse(made, candidates, **settings)


@pytest.fixture(scope="session")
def make() -> Callable[..., Trial]:
    return make_trial


@pytest.fixture(scope="session")
def candidate() -> Callable[..., Candidate]:
    return make_candidate


@pytest.fixture(scope="session")
def run() -> Callable[..., Analysis]:
    return study
