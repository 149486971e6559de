"""Bands, doses, what is undertrained, and the diagnosis."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gengap.analysis.curves import still_improves

FLAT = (1.0, 0.5, 0.4) + (0.39,) * 17
FALLING = tuple(1.0 - 0.03 * k for k in range(20))


def test_bands_are_of_the_runs_that_still_ran(run, candidate):
    lengths = [4, 4, 2]
    analysis = run(
        {
            "baseline": lambda f: {
                "curve": tuple(float(f + k) for k in range(lengths[f])),
                "best_epoch": f + 1,
            }
        },
        (candidate("baseline"),),
        folds=3,
        epochs=4,
    )
    assert [(b.quantity, b.part) for b in analysis.curves] == [
        ("loss", "train"),
        ("loss", "validation"),
        ("metric", "train"),
        ("metric", "validation"),
    ]
    band = analysis.curves[0]
    # Epochs 1 and 2 have three runs, epochs 3 and 4 two: (2, 3) and (3, 4).
    assert band.median == (1.0, 2.0, 2.5, 3.5)
    assert band.low == pytest.approx((0.2, 1.2, 2.1, 3.1))
    assert band.high == pytest.approx((1.8, 2.8, 2.9, 3.9))
    assert band.best_epochs == (1, 2, 3)


def test_a_diverged_run_contributes_while_it_was_finite(run, candidate):
    def scores(fold):
        if fold:
            return {"curve": (1.0, 1.0, 1.0)}
        return {"curve": (3.0, float("inf"), float("nan")), "status": "diverged"}

    band = run({"baseline": scores}, (candidate("baseline"),), folds=2, epochs=3).curves[0]
    assert band.median == (2.0, 1.0, 1.0)
    gone = {"curve": (1.0, float("nan")), "status": "diverged"}
    band = run({"baseline": gone}, (candidate("baseline"),), folds=2, epochs=2).curves[0]
    assert band.median == (1.0, None)


def test_bands_are_of_the_baseline_and_the_best(run, candidate):
    analysis = run(
        {"baseline": {}, "l2=1": {}, "l2=2": {"validation": 0.9, "curve": (5.0, 4.0)}, "bn": {}},
        (candidate("baseline"), candidate("l2", "l2=1", "l2=2"), candidate("bn")),
    )
    assert [b.candidate for b in analysis.curves] == ["baseline"] * 4 + ["l2"] * 4
    assert analysis.curves[4].median == (5.0, 4.0)


@pytest.mark.parametrize(
    ("curve", "improves"),
    [
        (FALLING, True),
        (FLAT, False),
        # Overfits: its lowest point is long past.
        ((1.0, 0.5, 0.4, *(0.4 + 0.01 * k for k in range(17))), False),
        # Falls at the end, but not to where it has been.
        ((1.0, 0.3, *([0.9] * 14), 0.8, 0.7, 0.6, 0.5), False),
        # Falls by less than 1 % of the way down.
        ((1.0, *np.linspace(0.301, 0.3, 19)), False),
        # Stopped early, though it fell.
        (FALLING[:10], False),
        ((*FALLING[:19], float("nan")), False),
        ((1.0,) * 20, False),
        # Bounces, and happens to be lowest at the end.
        ((1.0, *([0.5, 0.52] * 9), 0.499), False),
    ],
)
def test_still_improves(make, curve, improves):
    assert still_improves(make(curve=curve), 20) is improves


def test_a_diverged_or_very_short_run_does_not_improve(make):
    assert not still_improves(make(curve=FALLING, status="diverged"), 20)
    assert not still_improves(make(curve=FALLING[:4]), 4)
    assert still_improves(make(curve=FALLING[:5]), 5)


def test_the_finding_names_who_and_how_often(run, candidate):
    analysis = run(
        {
            "baseline": lambda f: {"curve": FALLING if f < 6 else FLAT},
            "l2=1": lambda f: {"curve": FALLING if f < 5 else FLAT},
        },
        (candidate("baseline"), candidate("l2=1")),
    )
    (finding,) = analysis.findings
    assert (finding.code, finding.severity) == ("undertrained", "warn")
    assert "baseline (6 of 10 folds)" in finding.message
    assert "l2" not in finding.message
    assert "--epochs 40" in finding.action


def test_doses_are_effects_on_validation_fold_by_fold(run, candidate):
    analysis = run(
        {
            "baseline": lambda f: {"validation": 0.8 + 0.01 * f, "test": 0.1},
            "l2=0.1": lambda f: {"validation": 0.82 + 0.01 * f, "test": 0.2},
            "l2=1": lambda f: {"validation": 0.5} if f else {"status": "diverged"},
            "bn": {},
        },
        (candidate("baseline"), candidate("l2", "l2=0.1", "l2=1"), candidate("bn")),
    )
    weak, strong = analysis.doses
    assert (weak.candidate, weak.technique, weak.strength, weak.value) == (
        "l2",
        "l2",
        "strength",
        0.1,
    )
    assert weak.folds == pytest.approx((0.02,) * 10)
    assert weak.effect.mean == pytest.approx(0.02)
    assert strong.folds[0] is None
    assert (strong.effect.mean, strong.effect.missing) == (None, 1)


def test_a_dose_of_one_strength_among_several(run, candidate):
    base = candidate("early_stopping", "early_stopping=5", "early_stopping=9")
    several = dataclasses.replace(
        base,
        strengths={
            f"early_stopping={p}": {"early_stopping": {"patience": p, "min_delta": 0.0}}
            for p in (5, 9)
        },
        single=("early_stopping", "patience"),
    )
    analysis = run(
        {"baseline": {}, "early_stopping=5": {}, "early_stopping=9": {"validation": 0.9}},
        (candidate("baseline"), several),
    )
    assert [dose.value for dose in analysis.doses] == [5, 9]
    assert analysis.recipes[1].strengths["early_stopping"].refit == {
        "patience": 9,
        "min_delta": 0.0,
    }


def noisy(mean, seed):
    rng = np.random.default_rng(seed)
    values = mean + 0.004 * rng.normal(size=10)
    return lambda fold: values[fold]


@pytest.mark.parametrize(
    ("train", "test", "other", "curve", "diagnosis"),
    [
        (0.99, 0.80, 0.90, FLAT, "overfits"),
        (0.99, 0.80, 0.70, FLAT, "limited_by_data"),
        (0.80, 0.80, 0.80, FLAT, "neither"),
        (0.80, 0.82, 0.80, FLAT, "neither"),
        (0.80, 0.80, 0.80, FALLING, "underfits"),
        # No better on its own training rows than the larger class, half of the rows.
        (0.503, 0.50, 0.50, FLAT, "underfits"),
        # The interval holds r.
        (0.81, 0.80, 0.80, FLAT, "unknown"),
    ],
)
def test_diagnosis(run, candidate, train, test, other, curve, diagnosis):
    trained, tested, helped = noisy(train, 1), noisy(test, 2), noisy(other, 3)
    analysis = run(
        {
            "baseline": lambda f: {"train": trained(f), "test": tested(f), "curve": curve},
            "l2=1": lambda f: {"test": helped(f)},
        },
        (candidate("baseline"), candidate("l2=1")),
    )
    assert analysis.diagnosis == diagnosis


def test_a_gap_with_nothing_tried_or_settled_is_not_the_data_s_fault(run, candidate):
    gap = {"train": 0.99, "test": 0.80}
    assert run({"baseline": gap}, (candidate("baseline"),)).diagnosis == "overfits"
    unclear = run(
        {"baseline": gap, "l2=1": lambda f: {"test": 0.80 + 0.1 * (-1) ** f}},
        (candidate("baseline"), candidate("l2=1")),
    )
    assert unclear.recipes[1].verdict == "inconclusive"
    assert unclear.diagnosis == "overfits"


def test_a_metric_that_rewards_saying_nothing_shows_no_underfitting(run, candidate):
    flat = {"train": 0.02, "test": 0.02, "curve": FLAT}
    analysis = run({"baseline": flat}, (candidate("baseline"),), metric="ece")
    assert analysis.diagnosis == "neither"


def test_a_single_fold_has_no_diagnosis(run, candidate):
    analysis = run({"baseline": {}}, (candidate("baseline"),), folds=1, rows_tested=50)
    assert analysis.diagnosis == "unknown"
    assert analysis.recipes[0].test.mean == 0.8
    assert analysis.recipes[0].test.low is None
