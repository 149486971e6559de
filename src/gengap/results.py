"""The record of a finished study: what results.json holds and every renderer reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gengap.statistics.records import Comparison, Interval, Verdict

__all__ = [
    "Augmented",
    "Best",
    "CandidateResult",
    "CurveBand",
    "Dose",
    "Finding",
    "Holdout",
    "Protocol",
    "Results",
    "StrengthChoice",
]

SCHEMA = 1


@dataclass(frozen=True)
class Finding:
    """One finding of the audit.

    Attributes
    ----------
    code : str
        Stable, such as ``"one-class-target"``.
    severity : {"refuse", "warn", "note"}
    message : str
        What was seen, with the evidence.
    why : str
        Why it matters.
    action : str
        What to do.
    """

    code: str
    severity: str
    message: str
    why: str
    action: str


@dataclass(frozen=True)
class Protocol:
    """How the study was done.

    Attributes
    ----------
    metric : str
        The one that decides.
    direction : {"maximize", "minimize"}
    rope : float
        Half-width r of the region of practical equivalence, in the metric's unit.
    folds, repeats : int
    epochs, batch_size, seed : int
    rows : int
        Rows that the folds are made of.
    rows_trained, rows_validated, rows_tested : int
        Rows of an epoch, of the validation part and of the test part; the fewest over folds.
    lane_width : int
        Lanes a device of the widest program.
    programs, trials, runs : int
    network, optimizer : str
        The network in a few words; the optimizer's class.
    command : str
        What repeats the study.
    machine : str
    versions : mapping of str to str
        Package -> version.
    data_hash : str
        Of everything in the data that determines a result.
    seconds : float
        That the trainings took together, whenever they were done.
    epochs_needed : int, optional
        Epochs of all runs until the last of their judgements was done; ``runs * epochs`` is what
        they would have been without early endings.
    """

    metric: str
    direction: str
    rope: float
    folds: int
    repeats: int
    epochs: int
    batch_size: int
    seed: int
    rows: int
    rows_trained: int
    rows_validated: int
    rows_tested: int
    lane_width: int
    programs: int
    trials: int
    runs: int
    network: str
    optimizer: str
    command: str
    machine: str
    versions: Mapping[str, str]
    data_hash: str
    seconds: float
    epochs_needed: int | None = None


@dataclass(frozen=True)
class StrengthChoice:
    """A technique's strength.

    A technique with one strength has numbers here, one with several a mapping from the strength's
    name to its number.

    Attributes
    ----------
    chosen : tuple of float or mapping
        What each fold chose, in their order.
    refit : float or mapping
        What has the best mean validation score.
    """

    chosen: tuple[float | Mapping[str, float], ...]
    refit: float | Mapping[str, float]


@dataclass(frozen=True)
class CandidateResult:
    """A row of the result.

    Attributes
    ----------
    recipe : str
        As it was asked for.
    strengths : mapping of str to StrengthChoice
        Technique -> choice, for techniques that have some.
    test, train, validation : Interval
        Scores of the trials that were chosen, by the deciding metric.
    gap : Interval
        Overfitting is positive.
    delta : Comparison, optional
        Against the baseline, positive is better; None for the baseline.
    verdict : str
    zero_weights, weight_norm : float or None
        Share of kernel weights that are exactly zero, and norm of the kernels; means over folds.
    robustness : Interval
        Test score with noise on the numeric inputs.
    other_metrics : mapping of str to Interval
        On the test parts.
    epochs, seconds_per_trial : float
        Means over folds.
    folds_to_settle, rows_to_settle : int or None
        About how many would give a verdict; None where nothing more is needed or nothing will do.
    settle_code : str
        Which of these it is (see `gengap.statistics.power.Settle`).
    settle : str
        The same in words.
    status : {"finished", "partly_diverged", "diverged"}
    diverged, trials : int
        Over all strengths and folds.
    fold_scores : tuple of float or None
        The deciding metric on each test part.
    """

    recipe: str
    strengths: Mapping[str, StrengthChoice]
    test: Interval
    train: Interval
    validation: Interval
    gap: Interval
    delta: Comparison | None
    verdict: Verdict
    zero_weights: float | None
    weight_norm: float | None
    robustness: Interval
    other_metrics: Mapping[str, Interval]
    epochs: float
    seconds_per_trial: float
    folds_to_settle: int | None
    rows_to_settle: int | None
    settle_code: str
    settle: str
    status: str
    diverged: int
    trials: int
    fold_scores: tuple[float | None, ...]


@dataclass(frozen=True)
class Best:
    """What is refitted, and the honest score of the way it was found.

    Attributes
    ----------
    recipe : str
        The candidate that is refitted.
    refit_recipe : str
        The same with every strength given.
    strengths : mapping
        Technique -> strength of the refit.
    epochs : int
        Of the refit.
    test : Interval
        Score of choosing by validation in each fold.
    delta : Comparison, optional
        The same against the baseline, positive is better.
    chosen_in : mapping of str to int
        Candidate -> folds that chose it.
    chosen_by_fold : tuple of str
    files : mapping of str to str
        What -> path.
    reason : str
        Why this one is refitted.
    validation : Interval, optional
        Score of the same trials when they were chosen: optimistic.
    refit_validation : float, optional
        Mean validation score of `refit_recipe`, by which it was chosen: optimistic, too.
    """

    recipe: str
    refit_recipe: str
    strengths: Mapping[str, float | Mapping[str, float]]
    epochs: int
    test: Interval
    delta: Comparison | None
    chosen_in: Mapping[str, int]
    chosen_by_fold: tuple[str, ...]
    files: Mapping[str, str]
    reason: str
    validation: Interval | None = None
    refit_validation: float | None = None


@dataclass(frozen=True)
class Holdout:
    """The refitted best and baseline on the test part.

    Attributes
    ----------
    rows : int
    metric : str
    best, baseline : Interval
        Over rows.
    delta : Interval
        Paired over rows; positive is better.
    """

    rows: int
    metric: str
    best: Interval
    baseline: Interval
    delta: Interval


@dataclass(frozen=True)
class Dose:
    """Effect of one grid point of a candidate with one open strength, by fold.

    Against the baseline, on validation rows, where the choice is made; positive is better.

    Attributes
    ----------
    candidate, technique, strength : str
    value : float
        Of the strength.
    folds : tuple of float or None
        Effect in each fold.
    effect : Interval
    """

    candidate: str
    technique: str
    strength: str
    value: float
    folds: tuple[float | None, ...]
    effect: Interval


@dataclass(frozen=True)
class CurveBand:
    """Learning curves of a candidate over the folds.

    Attributes
    ----------
    candidate : str
    quantity : {"loss", "metric"}
    part : {"train", "validation"}
    median, low, high : tuple of float or None
        Median and 10 to 90 % band, an epoch an entry.
    best_epochs : tuple of int
        Whose weights were scored, a fold an entry.
    """

    candidate: str
    quantity: str
    part: str
    median: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    best_epochs: tuple[int, ...]


@dataclass(frozen=True)
class Augmented:
    """What an augmentation makes of rows, and a network that learned without it makes of those.

    Attributes
    ----------
    recipe : str
        One augmentation at its strongest; ``"baseline"`` for rows as they are.
    score : float, optional
        The deciding metric on validation rows that it changed; None where labels are mixed, too.
    plain : float, optional
        The same on these rows as they are.
    guess : float, optional
        The same for a constant prediction.
    changed : float
        Share of the rows that it changed.
    samples : str
        Images side by side, as a PNG file in base64; empty for sequences.
    """

    recipe: str
    score: float | None
    plain: float | None
    guess: float | None
    changed: float
    samples: str


@dataclass(frozen=True)
class Results:
    """Everything that a study found out, in the order in which a reader needs it.

    Attributes
    ----------
    headline : str
        The verdict in one sentence.
    dataset : mapping
    protocol : Protocol
    audit : tuple of Finding
    allowed : tuple of str
        Codes of refusing findings that the user let pass.
    diagnosis_code : str
        Whether the baseline overfits, underfits or neither: one of
        `gengap.analysis.diagnosis.Diagnosis`.
    diagnosis : str
        The same in words.
    recipes : tuple of CandidateResult
        The baseline first.
    best : Best
    holdout : Holdout, optional
        None where there is no test part.
    doses : tuple of Dose
    curves : tuple of CurveBand
    existing : tuple of str
        What regularizes the network already.
    notes : tuple of str
        What was left out or given up.
    augmented : tuple of Augmented
        Rows as they are first; empty where nothing is augmented, and for tables.
    gengap : str
        Version.
    schema : int
        Of results.json.
    """

    headline: str
    dataset: Mapping[str, Any]
    protocol: Protocol
    audit: tuple[Finding, ...]
    allowed: tuple[str, ...]
    diagnosis_code: str
    diagnosis: str
    recipes: tuple[CandidateResult, ...]
    best: Best
    holdout: Holdout | None
    doses: tuple[Dose, ...]
    curves: tuple[CurveBand, ...]
    existing: tuple[str, ...]
    notes: tuple[str, ...]
    augmented: tuple[Augmented, ...] = ()
    gengap: str = ""
    schema: int = SCHEMA

    def to_json(self) -> str:
        """Return the text of results.json.

        Returns
        -------
        str
            A JSON object without NaN: a missing number is null.
        """
        record = dataclasses.asdict(self)
        return json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
