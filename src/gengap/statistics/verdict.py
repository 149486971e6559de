"""From a comparison to a verdict.

A settled verdict that claims a difference needs both a posterior that the effect is larger than r
and a p that survives Holm's correction: the posterior alone gives 12 techniques that do nothing a
false "helps" or "hurts" in 22 to 55 % of studies. "Equivalent" needs the posterior only; it is not
the absence of evidence but P(|d| <= r).
"""

from __future__ import annotations

from gengap.statistics.records import Comparison, Verdict

__all__ = ["ALPHA", "PROBABLE", "SETTLED", "SETTLED_VERDICTS", "decide"]

SETTLED = 0.95
PROBABLE = 0.80
ALPHA = 0.05
SETTLED_VERDICTS: tuple[Verdict, ...] = ("helps", "equivalent", "hurts")


def decide(comparison: Comparison) -> Verdict:
    """Return the verdict on a candidate.

    helps: p_better >= 0.95 and p_holm <= 0.05; probably_helps: p_better >= 0.80 without that; hurts
    likewise with p_worse; equivalent: p_equivalent >= 0.95; probably_equivalent: >= 0.80; else, and
    where a fold is missing or there is only one, inconclusive.

    Parameters
    ----------
    comparison : Comparison
        With `p_holm` (see `gengap.statistics.comparison.compare_all`).

    Examples
    --------
    >>> decide(Comparison(0.03, 0.02, 0.04, 1e-4, 1e-3, 0.99, 0.01, 0.0))
    'helps'
    >>> decide(Comparison(0.03, 0.0, 0.06, 0.04, 0.40, 0.96, 0.04, 0.0))
    'probably_helps'
    """
    better, same, worse = comparison.p_better, comparison.p_equivalent, comparison.p_worse
    if better is None or same is None or worse is None:
        return "inconclusive"
    survives = comparison.p_holm is not None and comparison.p_holm <= ALPHA
    if better >= PROBABLE:
        return "helps" if better >= SETTLED and survives else "probably_helps"
    if worse >= PROBABLE:
        return "hurts" if worse >= SETTLED and survives else "probably_hurts"
    if same >= PROBABLE:
        return "equivalent" if same >= SETTLED else "probably_equivalent"
    return "inconclusive"
