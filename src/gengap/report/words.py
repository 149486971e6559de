"""Every sentence of the report: terminal, HTML and notebooks say the same words.

The sentences are made in `names`, `verdicts`, `headline` and `advice`; renderers import this.
"""

from __future__ import annotations

import dataclasses

from gengap.report.advice import (
    at_edge,
    cost,
    diagnosis,
    gap_sentence,
    holdout,
    honest,
    what_would_change,
)
from gengap.report.glossary import GLOSSARY, LIMITS
from gengap.report.headline import existing, headline, lead, winner
from gengap.report.names import called, named, refit_strength, strengths
from gengap.report.verdicts import (
    SYMBOLS,
    VERDICTS,
    by_severity,
    candidates,
    change_with_interval,
    curve_scale,
    diverged,
    margin,
    measured,
    no_interval,
    protocol_scale,
    provisional,
    settle,
    severity,
    value_with_interval,
    verdict,
    why_missing,
)
from gengap.results import Results

__all__ = [
    "GLOSSARY",
    "LIMITS",
    "SYMBOLS",
    "VERDICTS",
    "at_edge",
    "by_severity",
    "called",
    "candidates",
    "change_with_interval",
    "cost",
    "curve_scale",
    "diagnosis",
    "diverged",
    "existing",
    "gap_sentence",
    "headline",
    "holdout",
    "honest",
    "lead",
    "margin",
    "measured",
    "named",
    "no_interval",
    "protocol_scale",
    "provisional",
    "refit_strength",
    "settle",
    "severity",
    "strengths",
    "value_with_interval",
    "verdict",
    "what_would_change",
    "why_missing",
    "winner",
    "with_words",
]


def with_words(results: Results) -> Results:
    """Fill in the sentences that the record carries beside its codes and numbers.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Results
        The same numbers, with those sentences.
    """
    rows = tuple(
        dataclasses.replace(row, settle=settle(row, results.protocol)) for row in results.recipes
    )
    results = dataclasses.replace(results, recipes=rows)
    return dataclasses.replace(results, headline=headline(results), diagnosis=diagnosis(results))
