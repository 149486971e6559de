"""What `compare` returns: the results, the trials, the trained models, the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gengap.data.joint import AnyPreprocessing
from gengap.errors import UserError
from gengap.networks.heads import Head, to_probabilities
from gengap.networks.outputs import deciding_output
from gengap.plan import Plan
from gengap.recipe import Recipe
from gengap.results import Results
from gengap.trials import Trial

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

__all__ = ["FinishedModel", "Study", "curve_table", "trial_table"]


@dataclass(frozen=True, eq=False)
class FinishedModel:
    """A recipe trained on all rows.

    `predict` takes rows as they come; `model` takes prepared ones and cannot tell them from others.

    Attributes
    ----------
    recipe : Recipe
        Every strength given.
    model : keras.Model
        An ordinary Keras model of inputs that ``preprocessing.transform(rows)`` has prepared; on
        others its answers mean nothing. For regression it predicts in the target's own unit. It
        has all outputs of the network that was compared.
    epochs : int
    preprocessing : Preprocessing or JointPreprocessing
        What rows go through first: ``transform(rows)`` takes them as they come.
    source : str
        A plain Keras program that trains the same.
    head : Head
        How its outputs are read.
    """

    recipe: Recipe
    model: keras.Model
    epochs: int
    preprocessing: AnyPreprocessing
    source: str
    head: Head

    def __repr__(self) -> str:
        return f"FinishedModel({str(self.recipe)!r}, epochs={self.epochs})"

    def predict(self, rows: Any) -> np.ndarray:
        """Predict rows as they come: with the columns of the training table, or an array.

        They are prepared here. ``model.predict(preprocessing.transform(rows))`` gives the network's
        own outputs for them.

        Parameters
        ----------
        rows : DataFrame, array, str or path
            Of several inputs a mapping by their names, or a list in the order of the network's.
            Columns that the network does not know are ignored.

        Returns
        -------
        ndarray
            Class probabilities (n, classes) in the order of ``preprocessing.classes``, or values
            (n,) in the target's own unit. Of several outputs those of the one that decides.

        Raises
        ------
        UserError
            Where columns are missing or hold something else than in training.
        """
        features, _ = self.preprocessing.parse(rows)
        return self.predict_features(features)

    def predict_features(self, features: Any) -> np.ndarray:
        """Predict rows that were read already, as `gengap.data.dataset.Part` holds them.

        Parameters
        ----------
        features : DataFrame or ndarray, or mapping of such
            Booleans and dates are numbers, words are clean; rows as they come are for `predict`.

        Returns
        -------
        ndarray
            As `predict` returns it.

        Raises
        ------
        UserError
            ``not-read``, for anything else.
        """
        import keras

        every = self.model.predict(self.preprocessing.transform_features(features), verbose=0)
        fitted, name = self.preprocessing.outputs, self.preprocessing.target_name
        outputs = deciding_output(every, fitted, name)
        if not self.preprocessing.classes:
            return np.asarray(outputs).reshape(-1)
        probabilities = to_probabilities(outputs, self.head.from_logits, self.head.units)
        return np.asarray(keras.ops.convert_to_numpy(probabilities))


@dataclass(frozen=True, eq=False)
class Study:
    """A study; after a dry run it has a plan only, and everything else raises a UserError.

    Attributes
    ----------
    plan : Plan
    results : Results
        What results.json holds.
    best : FinishedModel
        The recipe that was refitted on all rows.
    verdicts : dict of str to str
    trials : DataFrame
        A row a trial.
    folder : Path, optional
        The run folder.
    all_trials : sequence of Trial
    """

    plan: Plan
    _results: Results | None = None
    _best: FinishedModel | None = None
    folder: Path | None = None
    all_trials: Sequence[Trial] = field(default=(), repr=False)

    @property
    def finished(self) -> bool:
        """Whether it was trained, not only planned."""
        return self._results is not None

    @property
    def results(self) -> Results:
        """What results.json holds."""
        return _finished(self._results)

    @property
    def best(self) -> FinishedModel:
        """The recipe that was refitted on all rows; it has no score of its own.

        ``best.predict(rows)`` takes rows as they come; ``best.model`` is the Keras model and takes
        ``best.preprocessing.transform(rows)``.
        """
        return _finished(self._best)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of every candidate."""
        return {row.recipe: row.verdict for row in self.results.recipes}

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial."""
        return trial_table(self.all_trials)

    def table(self) -> pd.DataFrame:
        """Return a row a candidate, the baseline first.

        Returns
        -------
        DataFrame
            Recipe, strength (as refitted), test score and change against the baseline with their
            95 % intervals, ``p_holm``, ``p_better``, train, gap, robustness, ``zero_weights``,
            ``weight_norm``, epochs, ``seconds_per_trial`` and verdict; missing numbers are NaN.
        """
        return pd.DataFrame(
            {
                "recipe": row.recipe,
                "strength": {name: choice.refit for name, choice in row.strengths.items()},
                "test": row.test.mean,
                "test_low": row.test.low,
                "test_high": row.test.high,
                "change": row.delta.mean if row.delta else None,
                "change_low": row.delta.low if row.delta else None,
                "change_high": row.delta.high if row.delta else None,
                "p_holm": row.delta.p_holm if row.delta else None,
                "p_better": row.delta.p_better if row.delta else None,
                "train": row.train.mean,
                "gap": row.gap.mean,
                "robustness": row.robustness.mean,
                "zero_weights": row.zero_weights,
                "weight_norm": row.weight_norm,
                "epochs": row.epochs,
                "seconds_per_trial": row.seconds_per_trial,
                "verdict": row.verdict,
            }
            for row in self.results.recipes
        )

    def report(self, path: str | Path) -> Path:
        """Write the report as one HTML file.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        UnfinishedError
            ``cannot-write``, where there is no space or no permission.
        """
        from gengap.report.html import render_html
        from gengap.run_folder import write_whole

        target = Path(path)
        write_whole(target, render_html(self.results, self.best.source).encode())
        return target

    def plot_effects(self) -> Figure:
        """Draw every candidate's change against the baseline.

        Returns
        -------
        matplotlib.figure.Figure
            To show, change or save.
        """
        from gengap.report.charts import effects

        return effects(self.results)

    def plot_gap(self) -> Figure:
        """Draw training and test score of every candidate.

        Returns
        -------
        matplotlib.figure.Figure
            To show, change or save.
        """
        from gengap.report.charts import gap_dumbbells

        return gap_dumbbells(self.results)

    def plot_curves(self) -> Figure:
        """Draw the learning curves of the baseline and of the best candidate.

        Returns
        -------
        matplotlib.figure.Figure
            To show, change or save.
        """
        from gengap.report.charts import learning_curves

        return learning_curves(self.results)

    def plot_doses(self) -> Figure:
        """Draw the effect of every strength that was tried.

        Returns
        -------
        matplotlib.figure.Figure
            To show, change or save.
        """
        from gengap.report.charts import doses

        return doses(self.results)

    def plot_choices(self) -> Figure:
        """Draw which candidate each fold chose.

        Returns
        -------
        matplotlib.figure.Figure
            To show, change or save.
        """
        from gengap.report.charts import chosen_matrix

        return chosen_matrix(self.results)

    def plot_cost(self) -> Figure:
        """Draw training time against benefit.

        Returns
        -------
        matplotlib.figure.Figure
            To show, change or save.
        """
        from gengap.report.charts import cost

        return cost(self.results)

    def _repr_html_(self) -> str:
        from gengap.report.html import render_notebook

        return render_notebook(self.results)

    def __repr__(self) -> str:
        return f"Study({self._results.headline if self._results else self.plan.describe()!r})"


def _finished(part: Any) -> Any:
    if part is None:
        raise UserError(
            "dry-run", "this study was only planned (dry_run=True)", "call compare without dry_run"
        )
    return part


def trial_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return a row a trial: run, recipe, fold, repeat, seed, status, epochs, seconds, scores.

    Parameters
    ----------
    trials : sequence of Trial

    Returns
    -------
    DataFrame
        Columns ``train_METRIC``, ``validation_METRIC``, ``test_METRIC`` and ``noisy_METRIC`` hold
        the scores.
    """

    def row(trial: Trial) -> dict[str, Any]:
        scores = {
            f"{part}_{metric}": value
            for part, metrics in trial.scores.items()
            for metric, value in metrics.items()
        }
        return {
            "trial": trial.key[:12],
            "run": trial.run[:12],
            "recipe": trial.recipe,
            "fold": trial.fold,
            "repeat": trial.repeat,
            "seed": trial.seed,
            "status": trial.status,
            "epochs": trial.epochs,
            "best_epoch": trial.best_epoch,
            "seconds": trial.seconds,
            **scores,
            "zero_weights": trial.zero_weights,
            "weight_norm": trial.weight_norm,
        }

    table = pd.DataFrame([row(trial) for trial in trials])
    order = ["repeat", "fold", "recipe"]
    return table.sort_values(order, kind="stable", ignore_index=True) if len(table) else table


def curve_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return a row an epoch of every trial: training and validation loss and metric.

    Parameters
    ----------
    trials : sequence of Trial

    Returns
    -------
    DataFrame
    """

    def columns(trial: Trial) -> Mapping[str, Any]:
        curves = trial.curves
        epochs = len(curves.train_loss)
        return {
            "trial": [trial.key[:12]] * epochs,
            "epoch": range(1, epochs + 1),
            "train_loss": curves.train_loss,
            "validation_loss": curves.validation_loss,
            "train_metric": curves.train_metric,
            "validation_metric": curves.validation_metric,
        }

    ordered = sorted(trials, key=lambda trial: (trial.repeat, trial.fold, trial.recipe))
    return pd.concat([pd.DataFrame(columns(trial)) for trial in ordered], ignore_index=True)
