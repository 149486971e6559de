"""From trials to the records of the result: choice on validation, comparison on test."""

from __future__ import annotations

from gengap.analysis.analyse import Analysis, analyse
from gengap.analysis.folds import complete_folds
from gengap.analysis.holdout import score_holdout
from gengap.analysis.study import analyse_study
from gengap.candidates import BASELINE, Candidate

__all__ = [
    "BASELINE",
    "Analysis",
    "Candidate",
    "analyse",
    "analyse_study",
    "complete_folds",
    "score_holdout",
]
