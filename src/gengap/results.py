"""The record of a finished study: what results.json holds and every renderer reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gengap.statistics.records import Comparison, Interval, Verdict

__all__ = [
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

    `direction` is "maximize" or "minimize"; `rope` is r in the metric's unit.
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


@dataclass(frozen=True)
class StrengthChoice:
    """A technique's strength: what each fold chose, one a fold in their order, and the refit's.

    A technique with one strength has numbers here, one with several a mapping from the strength's
    name to its number.
    """

    chosen: tuple[float | Mapping[str, float], ...]
    refit: float | Mapping[str, float]


@dataclass(frozen=True)
class CandidateResult:
    """A row of the result. `strengths` is technique -> choice, for techniques that have some.

    `delta` is None for the baseline. `gap` is oriented so that overfitting is positive.
    `other_metrics` is metric -> interval on the test parts. `fold_scores` are the deciding
    metric's test scores, a fold an entry. `folds_to_settle` and `rows_to_settle` are None where
    nothing more is needed or where nothing will do; `settle_code` says which (see
    `gengap.statistics.power.Settle`), `settle` says it in words.
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

    `recipe` is the refitted candidate, `test` the score of choosing by validation in each fold;
    `validation` is the score of the same trials when they were chosen: optimistic.
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


@dataclass(frozen=True)
class Holdout:
    """The refitted best and baseline on the test part.

    `delta` is paired over rows; positive is better.
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
    """

    candidate: str
    technique: str
    strength: str
    value: float
    folds: tuple[float | None, ...]
    effect: Interval


@dataclass(frozen=True)
class CurveBand:
    """Learning curves of a candidate over the folds: median and 10 to 90 % band by epoch."""

    candidate: str
    quantity: str
    part: str
    median: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    best_epochs: tuple[int, ...]


@dataclass(frozen=True)
class Results:
    """Everything that a study found out, in the order in which a reader needs it.

    `diagnosis_code` is one of `gengap.analysis.diagnosis.Diagnosis`, `diagnosis` the sentence.
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
    gengap: str = ""
    schema: int = SCHEMA

    def to_json(self) -> str:
        """Return the text of results.json (no NaN: a missing number is null)."""
        record = dataclasses.asdict(self)
        return json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
