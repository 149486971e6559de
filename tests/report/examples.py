"""Made-up results for every situation that a report has to stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from gengap.report.words import with_words
from gengap.results import (
    Best,
    CandidateResult,
    CurveBand,
    Dose,
    Finding,
    Holdout,
    Protocol,
    Results,
    StrengthChoice,
)
from gengap.statistics.records import Comparison, Interval, Verdict

EMPTY = Interval(None, None, None)
GRIDS: Mapping[str, tuple[float, ...]] = {
    "l1": (1e-5, 1e-4, 1e-3, 1e-2),
    "l2": (1e-5, 1e-4, 1e-3, 1e-2),
    "weight_decay": (1e-4, 1e-3, 1e-2, 1e-1),
    "dropout": (0.1, 0.2, 0.3, 0.5),
    "label_smoothing": (0.05, 0.1, 0.2),
}
OTHERS = {"log_loss": 0.612, "brier": 0.2, "ece": 0.071, "roc_auc": 0.81, "balanced_accuracy": 0.72}
OTHERS_OF_REGRESSION = {"mae": 0.7, "r2": 0.61}


def protocol(**changes: Any) -> Protocol:
    values: dict[str, Any] = {
        "metric": "accuracy",
        "direction": "maximize",
        "rope": 0.01,
        "folds": 10,
        "repeats": 1,
        "epochs": 100,
        "batch_size": 32,
        "seed": 0,
        "rows": 1599,
        "rows_trained": 1151,
        "rows_validated": 288,
        "rows_tested": 160,
        "lane_width": 16,
        "programs": 3,
        "trials": 330,
        "runs": 270,
        "network": "mlp:64,32",
        "optimizer": "Adam(learning_rate=0.001)",
        "command": "gengap compare wine.csv --target quality --seed 0",
        "machine": "Linux x86_64, 2 cores",
        "versions": {"gengap": "0.1.0", "jax": "0.10.2", "keras": "3.15.1", "python": "3.11.7"},
        "data_hash": "9f2c" * 16,
        "seconds": 63.4,
    }
    return Protocol(**{**values, **changes})


def interval(values: np.ndarray) -> Interval:
    """Mean with corrected intervals; without ends for a single value."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Interval(mean, None, None)
    spread = float(np.std(values, ddof=1)) * np.sqrt(1 / n + 1 / 9)
    low, high = (mean + sign * student.ppf(0.975, n - 1) * spread for sign in (-1, 1))
    low50, high50 = (mean + sign * student.ppf(0.75, n - 1) * spread for sign in (-1, 1))
    return Interval(mean, float(low), float(high), float(low50), float(high50))


def comparison(values: np.ndarray, rope: float) -> Comparison:
    n = len(values)
    if n < 2:
        return Comparison(float(values[0]), None, None, None, None, None, None, None)
    around = interval(values)
    assert around.mean is not None
    spread = float(np.std(values, ddof=1)) * np.sqrt(1 / n + 1 / 9)
    if spread == 0:
        better, worse = float(around.mean > rope), float(around.mean < -rope)
        p = 1.0
    else:
        better = float(student.sf((rope - around.mean) / spread, n - 1))
        worse = float(student.cdf((-rope - around.mean) / spread, n - 1))
        p = float(2 * student.sf(abs(around.mean) / spread, n - 1))
    return Comparison(
        around.mean,
        around.low,
        around.high,
        p,
        min(1.0, 8 * p),
        better,
        1 - better - worse,
        worse,
        around.low50,
        around.high50,
    )


def verdict_of(delta: Comparison) -> Verdict:
    if delta.p_better is None or delta.p_holm is None:
        return "inconclusive"
    assert delta.p_worse is not None
    assert delta.p_equivalent is not None
    for probability, sure, probable in (
        (delta.p_better, "helps", "probably_helps"),
        (delta.p_worse, "hurts", "probably_hurts"),
        (delta.p_equivalent, "equivalent", "probably_equivalent"),
    ):
        if probability >= 0.95 and (sure == "equivalent" or delta.p_holm <= 0.05):
            return sure  # type: ignore[return-value]
        if probability >= 0.8:
            return probable  # type: ignore[return-value]
    return "inconclusive"


def row(
    recipe: str,
    effect: float,
    noise: float,
    how: Protocol,
    base: np.ndarray,
    seed: int,
    *,
    train: float = 0.97,
    zero: float = 0.0,
    cost: float = 1.0,
    others: Mapping[str, float] | None = None,
) -> CandidateResult:
    """One candidate: `effect` is positive where it is better."""
    rng = np.random.default_rng(seed)
    n = len(base)
    sign = 1 if how.direction == "maximize" else -1
    wiggle = rng.normal(size=n)
    wiggle = (wiggle - wiggle.mean()) / (wiggle.std(ddof=1) if n > 1 else 1) * noise
    effects = effect + wiggle if recipe != "baseline" else np.zeros(n)
    test = base + sign * effects
    unit = float(np.std(base)) or 0.01
    training = train + rng.normal(size=n) * unit / 4
    delta = None if recipe == "baseline" else comparison(effects, how.rope)
    verdict: Verdict = "baseline" if delta is None else verdict_of(delta)
    strengths = {}
    for name in recipe.split(" + "):
        if name in GRIDS:
            grid = GRIDS[name]
            chosen = tuple(grid[i] for i in rng.integers(1, len(grid), n))
            strengths[name] = StrengthChoice(chosen, grid[len(grid) // 2])
    if "early_stopping" in recipe:
        patient = {"patience": 10.0, "min_delta": 0.0}
        strengths["early_stopping"] = StrengthChoice((patient,) * n, patient)
    folds = 40 if verdict.startswith("probably") else None
    rows = 12_345 if verdict == "inconclusive" and effect > 0 else None
    return CandidateResult(
        recipe=recipe,
        strengths=strengths,
        test=interval(test),
        train=interval(training),
        validation=interval(test + sign * 0.3 * unit),
        gap=interval(sign * (training - test)),
        delta=delta,
        verdict=verdict,
        zero_weights=zero,
        weight_norm=7.31 - 20 * zero,
        robustness=interval(test - sign * unit),
        other_metrics={
            name: interval(value * (1 + rng.normal(0, 0.03, n)) - 0.1 * abs(effect) * value)
            for name, value in (OTHERS if others is None else others).items()
        },
        epochs=100.0 if "early" not in recipe else 37.5,
        seconds_per_trial=0.105 * cost,
        folds_to_settle=folds,
        rows_to_settle=rows,
        settle_code="unknown",
        settle="",
        status="finished",
        diverged=0,
        trials=n * max(1, len(GRIDS.get(recipe, (0,)))),
        fold_scores=tuple(float(score) for score in test),
    )


def doses(how: Protocol, names: Sequence[str], seed: int = 3) -> tuple[Dose, ...]:
    rng = np.random.default_rng(seed)
    found = []
    for peak, name in enumerate(names):
        for place, value in enumerate(GRIDS[name]):
            unit = how.rope
            effects = (1.8 - 0.9 * abs(place - peak)) * unit + rng.normal(0, unit, how.folds)
            found.append(
                Dose(name, name, name, value, tuple(map(float, effects)), interval(effects))
            )
    return tuple(found)


def curves(how: Protocol, winner: str, *, scale: float = 1.0) -> tuple[CurveBand, ...]:
    epoch = np.arange(1, how.epochs + 1)
    shapes = {
        ("baseline", "train"): 0.62 * np.exp(-epoch / 25) + 0.05,
        ("baseline", "validation"): 0.5 * np.exp(-epoch / 12) + 0.42 + 0.0022 * epoch,
        (winner, "train"): 0.5 * np.exp(-epoch / 25) + 0.36,
        (winner, "validation"): 0.5 * np.exp(-epoch / 22) + 0.371,
    }
    bands = []
    for (candidate, part), loss in shapes.items():
        for quantity, values in (("loss", loss * scale), ("metric", 0.93 - 0.38 * loss)):
            width = 0.03 * scale if quantity == "loss" else 0.012
            bands.append(
                CurveBand(
                    candidate,
                    quantity,
                    part,
                    tuple(map(float, values)),
                    tuple(map(float, values - width)),
                    tuple(map(float, values + width)),
                    tuple(range(20, 20 + how.folds)),
                )
            )
    return tuple(bands)


FINDINGS = (
    Finding(
        "duplicates-copies",
        "warn",
        "240 of 1,599 rows are copies of another row.",
        "A copy on the other side of a split lets a network score by memory.",
        "Nothing: copies are kept on one side of every split. --duplicates keep turns that off.",
    ),
    Finding(
        "undertrained",
        "warn",
        "2 of 9 candidates still improve at the last of 100 epochs.",
        "A stronger recipe may only need more time.",
        "Raise --epochs to 200.",
    ),
    Finding(
        "task-found",
        "note",
        "The target 'quality' holds two words: classification.",
        "Another task would need another network and metric.",
        "Nothing, or name --task.",
    ),
)

DATASET = {
    "name": "winequality-red",
    "source": "wine.csv",
    "task": "classification",
    "target": "quality",
    "classes": ["bad", "good"],
    "rows": 1599,
    "columns": [{"name": f"column {i}", "kind": "numeric"} for i in range(11)],
    "test_rows": 0,
}

TYPICAL = (
    ("l1", 0.004, 0.012, {"zero": 0.31}),
    ("l2", 0.012, 0.010, {}),
    ("weight_decay", 0.0006, 0.004, {}),
    ("dropout", 0.034, 0.011, {"train": 0.86, "cost": 1.2}),
    ("batch_norm", -0.021, 0.008, {"cost": 1.4}),
    ("early_stopping", 0.016, 0.007, {"train": 0.82, "cost": 0.45}),
    ("label_smoothing", -0.004, 0.016, {"cost": 1.03}),
    ("l2 + dropout + early_stopping", 0.028, 0.016, {"train": 0.83, "cost": 0.7}),
)


def study(
    specs: Sequence[tuple[str, float, float, Mapping[str, Any]]] = TYPICAL,
    how: Protocol | None = None,
    *,
    mean: float = 0.742,
    spread: float = 0.03,
    train: float = 0.972,
    refit: str | None = None,
    others: Mapping[str, float] | None = None,
    **changes: Any,
) -> Results:
    """A whole study, from (recipe, effect, noise, keywords of `row`)."""
    how = how or protocol()
    n = how.folds * how.repeats
    base = mean + spread * np.random.default_rng(7).normal(size=n)
    rows = [row("baseline", 0.0, 0.0, how, base, 0, train=train, others=others)]
    for seed, (recipe, effect, noise, keywords) in enumerate(specs, start=1):
        rows.append(
            row(
                recipe,
                effect,
                noise,
                how,
                base,
                seed,
                **{"others": others, "train": train, **keywords},
            )
        )
    names = [r.recipe for r in rows]
    picked = (
        refit or max(rows, key=lambda r: r.delta.mean if r.delta and r.delta.mean else 0).recipe
    )
    others_in_turn = [name for name in names if name != picked][:2]
    by_fold = tuple(
        others_in_turn[fold // 5 % len(others_in_turn)]
        if fold % 5 == 4 and others_in_turn
        else picked
        for fold in range(n)
    )
    chosen = next(r for r in rows if r.recipe == picked)
    open_ones = [name for name in names if name in GRIDS][:4]
    values: dict[str, Any] = {
        "headline": "",
        "dataset": DATASET,
        "protocol": how,
        "audit": FINDINGS,
        "allowed": (),
        "diagnosis_code": "overfits",
        "diagnosis": "",
        "recipes": tuple(rows),
        "best": Best(
            recipe=picked,
            refit_recipe="dropout=0.3" if picked == "dropout" else picked,
            strengths={"dropout": 0.3} if picked == "dropout" else {},
            epochs=100,
            test=chosen.test,
            delta=chosen.delta,
            chosen_in={name: by_fold.count(name) for name in dict.fromkeys(by_fold)},
            chosen_by_fold=by_fold,
            files={
                "report": "gengap-runs/wine-9f2c9f2c/report.html",
                "results": "gengap-runs/wine-9f2c9f2c/results.json",
                "model": "gengap-runs/wine-9f2c9f2c/model.keras",
            },
            reason="none_beats_baseline" if picked == "baseline" else "best",
            validation=chosen.validation,
        ),
        "holdout": None,
        "doses": doses(how, open_ones),
        "curves": curves(how, picked),
        "existing": (),
        "notes": ("Label smoothing is not defined for regression and was left out.",),
        "gengap": "0.1.0",
    }
    return with_words(Results(**{**values, **changes}))


def changed(results: Results, recipe: str, **changes: Any) -> Results:
    """The results with one row changed."""
    rows = tuple(
        dataclasses.replace(r, **changes) if r.recipe == recipe else r for r in results.recipes
    )
    return with_words(dataclasses.replace(results, recipes=rows))


def typical() -> Results:
    return study()


def null_result() -> Results:
    names = ("l1", "l2", "dropout", "early_stopping")
    specs = [(name, 0.0005 * i, 0.004, {}) for i, name in enumerate(names)]
    return study(specs, refit="baseline", diagnosis_code="limited_by_data")


def inconclusive() -> Results:
    return study([("l2", 0.006, 0.03, {}), ("dropout", 0.011, 0.04, {}), ("l1", 0.0, 0.003, {})])


def hurts() -> Results:
    specs = [("l2", -0.04, 0.01, {}), ("dropout", -0.05, 0.011, {})]
    return study(specs, refit="baseline", diagnosis_code="limited_by_data")


def one_recipe() -> Results:
    return study([("dropout", 0.034, 0.011, {"train": 0.86})])


def baseline_alone() -> Results:
    return study([], doses=(), curves=())


def hundred_recipes() -> Results:
    rng = np.random.default_rng(11)
    grid = [f"l2={10.0 ** -(i % 7 + 1):g} + dropout={0.01 * (i + 1):.2f}" for i in range(100)]
    specs = [(name, rng.normal(0, 0.02), 0.012, {"cost": 1 + rng.random()}) for name in grid]
    return study(specs, doses=())


def empty_row(recipe: str, status: str, diverged: int, trials: int) -> CandidateResult:
    nothing = Comparison(None, None, None, None, None, None, None, None, missing=10)
    is_baseline = recipe == "baseline"
    return CandidateResult(
        recipe=recipe,
        strengths={},
        test=EMPTY,
        train=EMPTY,
        validation=EMPTY,
        gap=EMPTY,
        delta=None if is_baseline else nothing,
        verdict="baseline" if is_baseline else "inconclusive",
        zero_weights=0.0,
        weight_norm=0.0,
        robustness=EMPTY,
        other_metrics={"log_loss": EMPTY},
        epochs=0.0,
        seconds_per_trial=0.0,
        folds_to_settle=None,
        rows_to_settle=None,
        settle_code="unknown",
        settle="",
        status=status,
        diverged=diverged,
        trials=trials,
        fold_scores=(None,) * 10,
    )


def nothing_finished() -> Results:
    rows = tuple(empty_row(name, "unfinished", 0, 0) for name in ("baseline", "l2", "dropout"))
    best = Best("baseline", "baseline", {}, 0, EMPTY, None, {}, (), {}, "all_diverged")
    return study(recipes=rows, best=best, doses=(), curves=(), audit=(), diagnosis_code="unknown")


def missing_metric() -> Results:
    """One candidate diverged in some folds; one has a metric that is undefined in a fold."""
    results = study(TYPICAL[:4])
    rows = list(results.recipes)
    rows[1] = empty_row("l1", "diverged", 3, 40)
    rows[2] = dataclasses.replace(
        rows[2],
        test=Interval(None, None, None, missing=1),
        gap=Interval(None, None, None, missing=1),
        delta=Comparison(None, None, None, None, None, None, None, None, missing=1),
        verdict="inconclusive",
        fold_scores=(None, *rows[2].fold_scores[1:]),
        other_metrics={"roc_auc": Interval(None, None, None, missing=1)},
    )
    gaps = dataclasses.replace(results.doses[0], effect=Interval(None, None, None, missing=10))
    gaps = dataclasses.replace(gaps, folds=(None,) * 10)
    holed = dataclasses.replace(
        results.curves[0], median=(*results.curves[0].median[:50], *(None,) * 50)
    )
    return with_words(
        dataclasses.replace(
            results,
            recipes=tuple(rows),
            doses=(gaps, *results.doses[1:]),
            curves=(holed, *results.curves[1:]),
        )
    )


def constant_metric() -> Results:
    specs = [("l2", 0.0, 0.0, {}), ("dropout", 0.0, 0.0, {})]
    return study(specs, mean=1.0, spread=0.0, train=1.0, diagnosis_code="neither")


def hostile_names() -> Results:
    """Names that are markup, formulas, terminal codes, very long, CJK and right-to-left."""
    names = (
        "<script>alert('x')</script>",
        "</title></svg><img src=x onerror=alert(1)>",
        "$\\frac{a}{b}$ & \"quotes\" 'single' {{ 7*7 }} {% raw %}",
        "[bold red]markup[/] \x1b[31mred",
        "an_eighty_character_name_" + "x" * 55,
        "正则化与随机失活以及提前停止的组合",
        "تنظيم الشبكة العصبية",
        "l2 + dropout + early_stopping + weight_decay + label_smoothing + batch_norm + l1",
    )
    specs = [(name, 0.01 * i - 0.03, 0.012, {}) for i, name in enumerate(names)]
    results = study(
        specs,
        dataset={
            **DATASET,
            "name": "<script>alert('data')</script>",
            "target": "</style>目标 الهدف",
        },
        audit=(
            Finding(
                "id-like",
                "warn",
                "The column '<script>alert(1)</script>' has a value of its own in every row.",
                "A network can learn it by heart: '</pre>'.",
                "Leave '<b>' out.",
            ),
        ),
        notes=("A note with <script>alert('note')</script>.",),
    )
    strange = tuple(
        dataclasses.replace(dose, candidate=names[i % 8], technique=names[i % 8], strength="<i>")
        for i, dose in enumerate(results.doses)
    )
    return dataclasses.replace(results, doses=strange)


def one_fold() -> Results:
    return study(how=protocol(folds=1, trials=33), diagnosis_code="unknown")


def huge_metric() -> Results:
    how = protocol(metric="rmse", direction="minimize", rope=4e9)
    specs = [("l2", 2.1e10, 6e9, {"train": 5.1e11}), ("dropout", -9e10, 5e10, {"train": 6e11})]
    results = study(
        specs, how, mean=8.123e11, spread=4e10, train=4.2e11, others={"mae": 6.2e11, "r2": -1234.5}
    )
    return dataclasses.replace(results, dataset={**DATASET, "task": "regression"})


def negative_metric() -> Results:
    how = protocol(metric="r2")
    specs = [("l2", 0.2, 0.1, {"train": 0.6}), ("dropout", -0.4, 0.3, {"train": 0.4})]
    return study(specs, how, mean=-0.62, spread=0.2, train=0.7, others=OTHERS_OF_REGRESSION)


def regression() -> Results:
    how = protocol(metric="rmse", direction="minimize", rope=0.011, rows=20_640)
    specs = [
        (name, effect * 1.3, noise * 0.8, {**keywords, "train": 0.35})
        for name, effect, noise, keywords in TYPICAL
        if name != "label_smoothing"
    ]
    return study(
        specs,
        how,
        mean=0.56,
        spread=0.02,
        train=0.31,
        others=OTHERS_OF_REGRESSION,
        dataset={**DATASET, "name": "california-housing", "task": "regression", "classes": []},
    )


def existing_costs() -> Results:
    specs = [
        ("none", 0.024, 0.008, {}),
        ("l2", 0.001, 0.004, {}),
        ("early_stopping", 0.001, 0.004, {}),
    ]
    return study(specs, existing=("Dropout(0.5)",), refit="baseline")


def existing_earns() -> Results:
    specs = [("none", -0.024, 0.008, {}), ("dropout", 0.034, 0.009, {})]
    return study(specs, existing=("Dropout(0.5)", "L2(1e-4) on dense_1"))


def allowed_refusal() -> Results:
    refusal = Finding(
        "one-class-target",
        "refuse",
        "The target 'quality' has a single class, 'bad', in all 1,599 rows.",
        "Any network scores 1.0 on it: there is nothing to learn.",
        "Look at how the labels were read; --target names another column.",
    )
    return study(audit=(*FINDINGS, refusal), allowed=("one-class-target",))


def holdout() -> Results:
    return study(
        holdout=Holdout(
            400,
            "accuracy",
            Interval(0.769, 0.728, 0.810),
            Interval(0.741, 0.698, 0.784),
            Interval(0.028, 0.003, 0.053),
        )
    )


def repeated() -> Results:
    return study(how=protocol(repeats=5, trials=1650))


def underfits() -> Results:
    specs = [("l2", -0.001, 0.003, {}), ("dropout", -0.012, 0.009, {})]
    return study(specs, train=0.744, diagnosis_code="underfits")


CASES: Mapping[str, Callable[[], Results]] = {
    function.__name__: function
    for function in (
        typical,
        null_result,
        inconclusive,
        hurts,
        one_recipe,
        baseline_alone,
        hundred_recipes,
        nothing_finished,
        missing_metric,
        constant_metric,
        hostile_names,
        one_fold,
        huge_metric,
        negative_metric,
        regression,
        existing_costs,
        existing_earns,
        allowed_refusal,
        holdout,
        repeated,
        underfits,
    )
}
