"""The rules of the verdict, on both sides of every threshold."""

from __future__ import annotations

import pytest

from gengap.statistics.records import Comparison
from gengap.statistics.verdict import decide


def comparison(p_holm, better, same, worse):
    return Comparison(0.0, -1.0, 1.0, p_holm, p_holm, better, same, worse)


@pytest.mark.parametrize(
    ("p_holm", "better", "same", "verdict"),
    [
        (0.05, 0.95, 0.05, "helps"),
        (0.050001, 0.95, 0.05, "probably_helps"),
        (0.05, 0.949999, 0.05, "probably_helps"),
        (1.0, 0.999, 0.001, "probably_helps"),
        (1.0, 0.80, 0.20, "probably_helps"),
        (0.0, 0.799999, 0.20, "inconclusive"),
        (1.0, 0.05, 0.95, "equivalent"),
        # An effect that is surely there and surely too small to matter.
        (0.001, 0.02, 0.98, "equivalent"),
        (1.0, 0.05, 0.949999, "probably_equivalent"),
        (1.0, 0.10, 0.80, "probably_equivalent"),
        (1.0, 0.10, 0.799999, "inconclusive"),
        (1.0, 0.40, 0.20, "inconclusive"),
        (None, 0.99, 0.01, "probably_helps"),
    ],
)
def test_rules(p_holm, better, same, verdict):
    worse = 1 - better - same
    assert decide(comparison(p_holm, better, same, worse)) == verdict
    mirrored = verdict.replace("helps", "hurts")
    assert decide(comparison(p_holm, worse, same, better)) == mirrored


def test_nothing_known_is_inconclusive():
    assert decide(Comparison(*(None,) * 8, missing=3)) == "inconclusive"
