"""Claims of textbooks, the examples that test them, and what these found, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from keeping import table

from gengap.statistics.intervals import fold_ratio, interval
from suite.children import Record

__all__ = ["EVERY", "EXPERIMENTS", "Experiment", "Pair", "found", "parts"]

#: In a pair: every study of the experiment.
EVERY = "*"


@dataclass(frozen=True)
class Pair:
    """Two candidates whose difference is asked for besides those from the baseline.

    Attributes
    ----------
    what : str
    of, minus : tuple of (str, int)
        Study and place among its candidates; the baseline has place 0.
    """

    what: str
    of: tuple[str, int]
    minus: tuple[str, int]


@dataclass(frozen=True)
class Experiment:
    """An example that is run at full size.

    Attributes
    ----------
    title : str
    data : tuple of str
        Options of the command that name its data, in the order of the script's arguments.
    pairs : tuple of Pair
    """

    title: str
    data: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()


#: By the name of the script in `examples`.
EXPERIMENTS = {
    "dropout_on_digits": Experiment(
        "Dropout and penalties on digits",
        ("digits",),
        (
            Pair(
                "dropout on the inputs besides",
                of=("dropout", 2),
                minus=("dropout", 1),
            ),
        ),
    ),
    "batch_norm_on_digits": Experiment(
        "Batch normalization before every dense layer",
        ("digits",),
        (
            Pair(
                "batch normalization before every dense layer, against the plain network",
                of=("normalized", 0),
                minus=("plain", 0),
            ),
        ),
    ),
    "wine_quality": Experiment("An accuracy of 1.0 on wines", ("wine",)),
    "augmentation": Experiment(
        "Augmentation with and without mirroring",
        ("digits", "fashion", "photos"),
        (Pair("mirroring besides turning and shifting", of=(EVERY, 1), minus=(EVERY, 2)),),
    ),
    "combination": Experiment(
        "Dropout, L2 and early stopping together",
        ("digits",),
        (
            Pair("all three, against dropout alone", of=("together", 4), minus=("together", 1)),
            Pair("all three, against l2 alone", of=("together", 4), minus=("together", 2)),
            Pair(
                "all three, against early stopping alone",
                of=("together", 4),
                minus=("together", 3),
            ),
        ),
    ),
}


def found(experiment: Experiment, folder: Path) -> Record:
    """Read what the studies of an experiment found.

    Parameters
    ----------
    experiment : Experiment
    folder : Path
        In which every study has a run folder of its own; they are told in the order in which they
        were written.
    """
    whole = {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/results.json"), key=lambda path: path.stat().st_mtime_ns)
    }
    return {
        "studies": {name: _study(results) for name, results in whole.items()},
        "pairs": [
            _paired(pair, name, whole)
            for pair in experiment.pairs
            for name in (whole if pair.of[0] == EVERY else (None,))
        ],
    }


def _study(results: Record) -> Record:
    protocol = results["protocol"]
    return {
        "headline": results["headline"],
        "diagnosis": results["diagnosis"],
        "dataset": {key: results["dataset"][key] for key in ("name", "rows", "test_rows")},
        "protocol": {key: protocol[key] for key in _PROTOCOL},
        "refused": [one["message"] for one in results["audit"] if one["severity"] == "refuse"],
        "allowed": results["allowed"],
        "warned": [
            {key: one[key] for key in ("code", "message")}
            for one in results["audit"]
            if one["severity"] == "warn"
        ],
        "recipes": [
            {key: row[key] for key in _RECIPE} | {"log_loss": row["other_metrics"]["log_loss"]}
            for row in results["recipes"]
        ],
        "best": {key: results["best"][key] for key in ("recipe", "test", "delta", "reason")},
        "holdout": results["holdout"],
    }


_PROTOCOL = (
    "metric",
    "direction",
    "rope",
    "folds",
    "repeats",
    "epochs",
    "batch_size",
    "rows",
    "rows_trained",
    "rows_tested",
    "network",
    "data_hash",
    "seconds",
)
_RECIPE = (
    "recipe",
    "test",
    "train",
    "gap",
    "delta",
    "verdict",
    "fold_scores",
    "zero_weights",
    "epochs",
)


def _paired(pair: Pair, study: str | None, whole: Record) -> Record:
    """Return the corrected interval of a difference over the same folds; positive is better."""
    (of, minus), (of_place, minus_place) = (
        tuple(study or name for name, _ in (pair.of, pair.minus)),
        (pair.of[1], pair.minus[1]),
    )
    protocol, other = whole[of]["protocol"], whole[minus]["protocol"]
    shared = ("data_hash", "seed", "folds", "repeats", "metric", "direction")
    if any(protocol[key] != other[key] for key in shared):
        raise SystemExit(f"{of} and {minus} do not share their folds")
    scores = [
        np.array(whole[name]["recipes"][place]["fold_scores"], dtype=np.float64)
        for name, place in ((of, of_place), (minus, minus_place))
    ]
    sign = 1 if protocol["direction"] == "maximize" else -1
    ratio = fold_ratio(protocol["rows"], protocol["rows_tested"])
    bounds = interval(sign * (scores[0] - scores[1]), ratio=ratio)
    return {
        "what": pair.what,
        "study": study,
        "mean": bounds.mean,
        "low": bounds.low,
        "high": bounds.high,
    }


def parts(record: Record) -> dict[str, str]:
    """Return what was found, by experiment, in the order of `EXPERIMENTS`."""
    measured = record["experiments"]
    return {
        name: "\n\n".join(_told(measured[name]))
        if name in measured
        else f"Not measured yet: `python benchmarks/experiments.py --only {name} "
        f"{' '.join(f'--{data} PATH' for data in experiment.data)}`."
        for name, experiment in EXPERIMENTS.items()
    }


def _told(experiment: Record) -> Iterator[str]:
    for name, study in experiment["studies"].items():
        protocol, dataset = study["protocol"], study["dataset"]
        repeats = f" x {protocol['repeats']} repeats" if protocol["repeats"] > 1 else ""
        yield (
            f"**{name}**: {protocol['network']}, batch {protocol['batch_size']}, at most "
            f"{protocol['epochs']} epochs; {dataset['rows']:,} rows in {protocol['folds']} folds"
            f"{repeats}, {protocol['rows_trained']:,} of them learned from; a change of up to "
            f"{_points(protocol['rope'])} is too small to matter."
        )
        yield from (f"The audit refuses this study: {why}" for why in study["refused"])
        yield table(
            (
                "candidate",
                "accuracy on test rows, %",
                "on training rows, %",
                "change, points",
                "folds ahead",
                "verdict",
                "log loss on test rows",
            ),
            [
                (
                    row["recipe"],
                    _percent(row["test"]),
                    "none" if row["train"]["mean"] is None else f"{100 * row['train']['mean']:.2f}",
                    "" if row["delta"] is None else _change(row["delta"]),
                    "" if row["delta"] is None else _folds_ahead(row, study),
                    row["verdict"].replace("_", " "),
                    "none" if row["log_loss"]["mean"] is None else f"{row['log_loss']['mean']:.3f}",
                )
                for row in study["recipes"]
            ],
        )
        if study["holdout"] is not None:
            yield _holdout(study)
        if study["warned"]:
            yield "The audit warns:"
            yield "\n".join(f"- `{one['code']}`: {one['message']}" for one in study["warned"])
    if experiment["pairs"]:
        yield "\n".join(
            f"- {pair['study'] + ': ' if pair['study'] else ''}{pair['what']}: {_change(pair)} "
            "points over the same folds"
            for pair in experiment["pairs"]
        )
    about = experiment["machine"]
    seconds = sum(study["protocol"]["seconds"] for study in experiment["studies"].values())
    load = about["load_at_start"]
    yield (
        f"Training took {seconds:.0f} s; {about['processor']}, {about['cores']} cores, "
        f"{about['date']}" + ("." if load is None else f", load at start {load}.")
    )


def _folds_ahead(row: Record, study: Record) -> str:
    """Say in how many folds a candidate's score on test rows is better than the baseline's."""
    sign = 1 if study["protocol"]["direction"] == "maximize" else -1
    pairs = list(zip(row["fold_scores"], study["recipes"][0]["fold_scores"], strict=True))
    ahead = sum(None not in pair and sign * (pair[0] - pair[1]) > 0 for pair in pairs)
    return f"{ahead} of {len(pairs)}"


def _holdout(study: Record) -> str:
    holdout, recipe = study["holdout"], study["best"]["recipe"]
    text = (
        f"On the {holdout['rows']:,} rows that no fold has seen, trained anew on all others: the "
        f"baseline {_percent(holdout['baseline'])} %"
    )
    if recipe == "baseline":
        return f"{text}, which validation chose, too."
    return (
        f"{text}, what validation chose ({recipe}) {_percent(holdout['best'])} %; difference "
        f"{_change(holdout['delta'])} points."
    )


def _percent(found: Record) -> str:
    if found["mean"] is None:
        return f"none in {found['missing']} folds"
    return f"{100 * found['mean']:.2f} ({100 * found['low']:.2f} to {100 * found['high']:.2f})"


def _change(found: Record) -> str:
    if found["mean"] is None:
        return f"none in {found['missing']} folds"
    mean, low, high = (_signed(100 * found[key]) for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def _signed(points: Any) -> str:
    text = f"{points:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "−")


def _points(rope: float) -> str:
    return f"{100 * rope:g} points" if rope != 0.01 else "1 point"
