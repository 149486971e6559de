"""Run `gengap compare` on CSV files, and hold its baseline to scikit-learn's.

scikit-learn trains its own multilayer perceptron on the same folds, training rows, preprocessing,
layers, batch size and epochs, without any penalty. The two agree where the 95 % interval of their
paired difference holds 0, or each mean lies in the other's interval. A file whose equal rows are
kept on one side of every split is also run with `--duplicates keep`. The target is the last column.
Where a baseline does not agree, the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from keeping import RESULTS, keep, machine, table, versions
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

import gengap
from gengap.audit import copies_policy
from gengap.data.dataset import Dataset
from gengap.data.encoding import encode
from gengap.data.preprocessing import Preprocessing, fit_preprocessing
from gengap.reading import read, settle_copies
from gengap.splits import Split, make_splits
from gengap.statistics.intervals import fold_ratio, interval
from gengap.statistics.metrics import find_metric
from gengap.statistics.records import Interval

LAYERS = (64, 32)
BATCH = 32


def main() -> int:
    """Compare, keep the figures, and say whether all baselines agree."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.csv")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--techniques", help="candidates; those of gengap compare by default")
    parser.add_argument("--runs", type=Path, help="keep the run folders here; none by default")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    about = machine()
    # All epochs are wanted, whether or not the loss has settled.
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for path in options.files:
        target = str(pd.read_csv(path, nrows=0).columns[-1])
        raw = _read(path, target)
        policies = [copies_policy(raw, None)]
        if policies == ["group"]:
            policies.append("keep")
        for policy in policies:
            rows.append(_row(path, target, policy, options))
            print(f"{path.stem}, equal rows {policy}: {rows[-1]['headline']}", file=sys.stderr)
    _keep(rows, options, about)
    return 0 if all(row["agrees"] for row in rows) else 1


def _read(path: Path, target: str) -> Dataset:
    return read(
        path,
        None,
        target=target,
        task=None,
        test=None,
        groups=None,
        weight=None,
        sample_weight=None,
    )


def _row(path: Path, target: str, policy: Any, options: argparse.Namespace) -> dict[str, Any]:
    started = time.perf_counter()
    study = gengap.compare(
        path,
        target=target,
        model="mlp:" + ",".join(map(str, LAYERS)),
        techniques=options.techniques,
        folds=options.folds,
        epochs=options.epochs,
        batch_size=BATCH,
        duplicates=policy,
        seed=options.seed,
        out=None if options.runs is None else options.runs / f"{path.stem}-{policy}",
    )
    seconds = time.perf_counter() - started
    dataset = settle_copies(_read(path, target), policy)
    splits = make_splits(
        dataset.rows.target,
        task=dataset.task,
        folds=options.folds,
        seed=options.seed,
        groups=dataset.rows.groups,
    )
    metric = study.results.protocol.metric
    ours = list(study.results.recipes[0].fold_scores)
    started = time.perf_counter()
    theirs = _sklearn_scores(dataset, splits, metric, options.epochs)
    their_seconds = time.perf_counter() - started
    ratio = fold_ratio(len(dataset.rows), [len(split.test) for split in splits])
    mine, other = interval(ours, ratio=ratio), interval(theirs, ratio=ratio)
    difference = interval(np.subtract(ours, theirs), ratio=ratio)
    results = study.results
    return {
        "file": path.stem,
        "duplicates": policy,
        "rows": len(dataset.rows),
        "columns": len(dataset.columns),
        "task": dataset.task,
        "classes": len(dataset.classes),
        "metric": metric,
        "gengap": asdict(mine),
        "sklearn": asdict(other),
        "difference": asdict(difference),
        "agrees": _holds(difference, 0.0)
        or (_holds(mine, other.mean) and _holds(other, mine.mean)),
        "headline": results.headline,
        "best": {"recipe": results.best.recipe, "test": asdict(results.best.test)},
        "verdicts": {
            row.recipe: {
                "verdict": row.verdict,
                "test": row.test.mean,
                "gap": row.gap.mean,
                "change": None if row.delta is None else row.delta.mean,
            }
            for row in results.recipes
        },
        "findings": [finding.code for finding in results.audit],
        "trials": study.plan.trials,
        "seconds": round(seconds, 1),
        "sklearn_seconds_a_fold": round(their_seconds / len(splits), 2),
    }


def _holds(bounds: Interval, value: float | None) -> bool:
    if value is None or bounds.low is None or bounds.high is None:
        return False
    return bounds.low <= value <= bounds.high


def _sklearn_scores(
    dataset: Dataset, splits: tuple[Split, ...], metric: str, epochs: int
) -> list[float]:
    """Train scikit-learn's network on every fold and score it on the fold's test rows."""
    encoded = encode(dataset.columns, dataset.rows.features)
    score = find_metric(metric, dataset.task).function
    scores = []
    for number, split in enumerate(splits):
        prepared = fit_preprocessing(dataset, encoded, split.training)
        inputs = prepared.transform_features(dataset.rows.features)
        outputs = _sklearn_outputs(prepared, inputs, dataset.rows.target, split, epochs, number)
        scores.append(float(score(dataset.rows.target[split.test], outputs)))
    return scores


def _sklearn_outputs(
    prepared: Preprocessing,
    inputs: np.ndarray,
    target: np.ndarray,
    split: Split,
    epochs: int,
    seed: int,
) -> np.ndarray:
    settings = {
        "hidden_layer_sizes": LAYERS,
        "solver": "adam",
        "alpha": 0.0,
        "batch_size": BATCH,
        "max_iter": epochs,
        "n_iter_no_change": epochs + 1,
        "tol": 0.0,
        "random_state": seed,
    }
    if prepared.task == "regression":
        standardized = (target[split.training] - prepared.target_shift) / prepared.target_scale
        model = MLPRegressor(**settings).fit(inputs[split.training], standardized)
        found = model.predict(inputs[split.test]) * prepared.target_scale
        return np.asarray(found + prepared.target_shift)
    model = MLPClassifier(**settings).fit(inputs[split.training], target[split.training])
    # A class that the training rows lack has no probability of its own.
    outputs = np.zeros((len(split.test), len(prepared.classes)))
    outputs[:, model.classes_] = model.predict_proba(inputs[split.test])
    return outputs


def _keep(rows: list[dict[str, Any]], options: argparse.Namespace, about: dict[str, Any]) -> None:
    baselines = table(
        (
            "data",
            "equal rows",
            "rows x columns",
            "metric",
            "gengap's baseline",
            "scikit-learn",
            "difference",
            "agree",
        ),
        [
            (
                row["file"],
                row["duplicates"],
                f"{row['rows']} x {row['columns']}",
                row["metric"],
                *(_shown(row[name]) for name in ("gengap", "sklearn", "difference")),
                "yes" if row["agrees"] else "NO",
            )
            for row in rows
        ],
    )
    verdicts = table(
        ("data", "equal rows", "best", "score of choosing it", "verdicts", "trials", "seconds"),
        [
            (
                row["file"],
                row["duplicates"],
                row["best"]["recipe"],
                _shown(row["best"]["test"]),
                ", ".join(
                    f"{recipe} {found['verdict'].replace('_', ' ')}"
                    for recipe, found in row["verdicts"].items()
                    if recipe != "baseline"
                ),
                row["trials"],
                row["seconds"],
            )
            for row in rows
        ],
    )
    text = (
        f"{options.folds} folds, mlp {'-'.join(map(str, LAYERS))}, batch {BATCH}, "
        f"{options.epochs} epochs, seed {options.seed}; means over the folds with corrected 95 % "
        "intervals.\n\n"
        "## The baseline against scikit-learn\n\n"
        "scikit-learn's MLPClassifier or MLPRegressor (Adam, alpha 0) on the same folds, training "
        "rows, preprocessing, layers, batch size and epochs, the target of a regression "
        "standardized. They agree where the interval of the paired difference holds 0, or each "
        "mean lies in the other's interval.\n\n"
        f"{baselines}\n\n## Verdicts\n\n{verdicts}\n\n"
        + "\n".join(
            f"- {row['file']} (equal rows: {row['duplicates']}): {row['headline']}" for row in rows
        )
    )
    record = {
        "folds": options.folds,
        "epochs": options.epochs,
        "seed": options.seed,
        "rows": rows,
        "machine": about,
        "versions": versions(),
    }
    keep("datasets", "Real tables", text, record, options.out)


def _shown(found: dict[str, Any]) -> str:
    if found["mean"] is None:
        return f"none in {found['missing']} folds"
    return f"{found['mean']:.4g} [{found['low']:.4g}, {found['high']:.4g}]"


if __name__ == "__main__":
    raise SystemExit(main())
