"""Calibrated by runs: what does nothing is called a help or a harm in at most 5 % of studies.

The half with one technique; `benchmarks/calibration.py` does the same with twelve.
"""

from __future__ import annotations

import pytest

from null_studies import (
    ANOTHER_SEED,
    METRICS,
    claims,
    just_above_neutral,
    most_claims,
    null_studies,
)

pytestmark = pytest.mark.slow

STUDIES = 200
ABOVE = just_above_neutral("classification")[0]


@pytest.fixture(scope="module")
def studies():
    return list(null_studies(STUDIES, strengths=[ABOVE], seeds=1, task="classification", seed=0))


@pytest.mark.parametrize("metric", METRICS["classification"])
@pytest.mark.parametrize("name", [ANOTHER_SEED[0], ABOVE])
def test_one_technique_that_does_nothing(studies, name, metric):
    false = sum(claims(study.compare([name], metric)) for study in studies)
    assert len(studies) == STUDIES
    assert false <= most_claims(STUDIES)


def test_the_runs_were_runs(studies):
    """Nothing above would fail if all trials were one and the same."""

    def losses(study, name):
        return [trial.scores["test"]["loss"] for trial in study.trials[name]]

    baselines = [tuple(losses(study, "baseline")) for study in studies]
    assert len(set(baselines)) == STUDIES
    for study, baseline in zip(studies, baselines, strict=True):
        other = losses(study, ANOTHER_SEED[0])
        above = losses(study, ABOVE)
        assert all(a != b for a, b in zip(other, baseline, strict=True))
        assert above != list(baseline)
        assert above == pytest.approx(baseline, abs=1e-3)
