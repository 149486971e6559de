"""The end of a study: refitted recipes become ordinary Keras models, and meet the test part."""

from __future__ import annotations

import numpy as np

from gengap.analysis.holdout import score_holdout
from gengap.design import Design
from gengap.export import Origin, plain_source, trained_model
from gengap.networks.heads import head_of
from gengap.progress import Progress
from gengap.recipe import Recipe
from gengap.refit import refit
from gengap.results import Finding, Holdout
from gengap.store import Store
from gengap.study import FinishedModel

__all__ = ["check_refit", "finish", "score_test_part"]


def finish(
    recipe: str,
    epochs: int,
    design: Design,
    store: Store,
    progress: Progress,
    origin: Origin | None = None,
) -> FinishedModel:
    """Train a recipe on all rows and export it.

    Parameters
    ----------
    recipe : str
        Canonical text, every strength given.
    epochs : int
    design : Design
    store : Store
    progress : Progress
    origin : Origin, optional
        What the user said about the data, for the program that trains the recipe.
    """
    parsed = Recipe.parse(recipe)
    fitted = refit(
        parsed,
        epochs,
        material=design.material,
        dataset=design.dataset,
        encoded=design.encoded,
        batch_size=design.settings.batch_size,
        planned_epochs=design.settings.epochs,
        class_weight=design.class_weight,
        store=store,
        progress=progress,
    )
    model = trained_model(design.material.model, fitted)
    return FinishedModel(
        recipe=parsed,
        model=model,
        epochs=fitted.epochs,
        preprocessing=fitted.preprocessing,
        source=plain_source(design, parsed, fitted.epochs, origin),
        head=head_of(
            design.material.model,
            task=design.dataset.task,
            classes=design.material.classes,
            output=design.dataset.deciding,
        ),
    )


def check_refit(best: FinishedModel) -> tuple[Finding, ...]:
    """Say so where the network that is handed back diverged, as training on all rows still can."""
    if all(np.isfinite(values).all() for values in best.model.get_weights()):
        return ()
    return (
        Finding(
            code="refit-diverged",
            severity="warn",
            message=f"Trained on all rows, {best.recipe} diverged: its weights are not finite.",
            why="The model that is handed back cannot predict, whatever the folds say.",
            action="Lower --learning-rate, or take another --seed.",
        ),
    )


def score_test_part(
    best: FinishedModel, design: Design, store: Store, progress: Progress
) -> Holdout | None:
    """Score the refitted best and the refitted baseline on the test part, once.

    Returns
    -------
    Holdout, optional
        None where there is no test part.
    """
    test = design.dataset.test
    if test is None:
        return None
    epochs = design.settings.epochs
    plain = best
    if not best.recipe.is_baseline:
        plain = finish("baseline", epochs, design, store, progress)
    return score_holdout(
        design.metric,
        test.target,
        best.predict_features(test.features),
        plain.predict_features(test.features),
        seed=design.settings.seed,
    )
