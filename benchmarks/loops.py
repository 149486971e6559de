"""Seconds a trial of `gengap.compare` against the loops that users write today.

Everything runs in processes of its own, in turn, round after round; the figures are medians over
the rounds. gengap's are the whole process, from starting Python to its end, with imports,
compilation, scoring, analysis and the refit, divided by the trials. A loop's are building,
compiling and fitting the baseline and nothing else; what its library needs to start is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from keeping import RESULTS, keep, machine, table, versions
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
GOAL = 60

#: With 10 folds of 1422 rows, networks train on 1023.
ROWS, COLUMNS, TRAINED = 1422, 11, 1023

#: With the baseline 20 recipes; every trial is a run of its own.
TECHNIQUES = [
    *(
        f"{name}={strength}"
        for name in ("l1", "l2")
        for strength in ("1e-5", "1e-4", "1e-3", ".01")
    ),
    *(f"weight_decay={strength}" for strength in ("1e-3", "0.01", "0.1", "1")),
    *(f"dropout={rate}" for rate in ("0.1", "0.2", "0.35", "0.5")),
    *(f"label_smoothing={smoothing}" for smoothing in ("0.05", "0.1", "0.2")),
]

COLD = "gengap.compare, nothing compiled yet"
WARM = "gengap.compare, programs in the cache"
FOLDER = "gengap.compare, cold, with the run folder and its report"
TENSORFLOW = "Keras/TensorFlow loop"
JAX = "Keras/JAX loop"
SKLEARN = "scikit-learn MLPClassifier loop"


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tensorflow-python", metavar="PATH", help="python that has TensorFlow")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loop-trials", type=int, default=4, help="of every loop in every round")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    _keep_to(options.cores)
    about = machine()
    settings = {
        "layers": [64, 32],
        "batch_size": 32,
        "epochs": options.epochs,
        "folds": options.folds,
        "techniques": TECHNIQUES,
    }
    with tempfile.TemporaryDirectory() as folder:
        _write_table(Path(folder) / "table.npz")
        contenders = _contenders(Path(folder), settings, options)
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for number in range(options.rounds):
            for name, measure in contenders.items():
                found[name].append(measure())
                shown = statistics.median(found[name][-1]["seconds"])
                print(f"round {number + 1}: {name}: {shown:.4f} s a trial", file=sys.stderr)
    absent = {}
    if options.tensorflow_python is None:
        absent[TENSORFLOW] = "absent: no --tensorflow-python was given"
    _keep(_rows(found), absent, settings, options, about)


def _keep_to(cores: int) -> None:
    """Let this process and those that it starts use so many cores."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < cores:
        raise SystemExit(f"expected {cores} cores, found {len(available)}; pass --cores")
    os.sched_setaffinity(0, available[:cores])


def _write_table(path: Path) -> None:
    x, y = make_classification(
        ROWS, COLUMNS, n_informative=6, n_redundant=2, flip_y=0.2, random_state=0
    )
    prepared = StandardScaler().fit_transform(x[:TRAINED]).astype(np.float32)
    np.savez(path, x=x, y=y, x_train=prepared, y_train=y[:TRAINED])


def _contenders(
    folder: Path, settings: dict[str, Any], options: argparse.Namespace
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what is measured, in the order of a round: the cold cache makes the warm one."""
    caches: list[Path] = []

    def compare(*, cold: bool, out: bool = False) -> dict[str, Any]:
        if cold:
            caches.append(Path(tempfile.mkdtemp(dir=folder)))
        run_folder = tempfile.mkdtemp(dir=folder) if out else ""
        environment = {"GENGAP_CACHE_DIR": str(caches[-1]), "KERAS_BACKEND": "jax"}
        started = time.perf_counter()
        record = _child(sys.executable, "with_gengap", folder, settings, run_folder, environment)
        whole = time.perf_counter() - started
        expected = (len(TECHNIQUES) + 1) * settings["folds"]
        if not record["trials"] == record["runs"] == expected:
            raise SystemExit(f"expected {expected} trials and as many runs, received {record}")
        if settings["folds"] == 10 and record["rows"] != [TRAINED]:
            raise SystemExit(f"expected {TRAINED} training rows, received {record['rows']}")
        trials = record["trials"]
        return record | {"seconds": [whole / trials], "call": record["seconds"] / trials}

    def loop(python: str, script: str, backend: str) -> Callable[[], dict[str, Any]]:
        environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
        return lambda: _child(
            python, script, folder, settings, str(options.loop_trials), environment
        )

    contenders: dict[str, Callable[[], dict[str, Any]]] = {}
    contenders[COLD] = lambda: compare(cold=True)
    contenders[WARM] = lambda: compare(cold=False)
    contenders[FOLDER] = lambda: compare(cold=True, out=True)
    if options.tensorflow_python is not None:
        contenders[TENSORFLOW] = loop(options.tensorflow_python, "with_keras", "tensorflow")
    contenders[JAX] = loop(sys.executable, "with_keras", "jax")
    contenders[SKLEARN] = loop(sys.executable, "with_sklearn", "jax")
    return contenders


def _child(
    python: str,
    script: str,
    folder: Path,
    settings: dict[str, Any],
    last: str,
    environment: dict[str, str],
) -> dict[str, Any]:
    """Run a script of `loop/` in a process of its own and return what it printed."""
    # A compile cache that is set for everything would make the loops faster than they are.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    done = subprocess.run(
        [
            python,
            str(HERE / "loop" / f"{script}.py"),
            str(folder / "table.npz"),
            json.dumps(settings),
            last,
        ],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{script} with {python} failed:\n{done.stderr}")
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record


def _rows(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    cold = statistics.median(found_round["seconds"][0] for found_round in found[COLD])
    rows = []
    for name, rounds in found.items():
        seconds = [value for found_round in rounds for value in found_round["seconds"]]
        row = {
            "name": name,
            "seconds": statistics.median(seconds),
            "least": min(seconds),
            "most": max(seconds),
            "measured": len(seconds),
            "ratio": statistics.median(seconds) / cold,
            "train": statistics.median(found_round["train"] for found_round in rounds),
            "versions": rounds[0].get("versions"),
        }
        if "call" in rounds[0]:
            row["call"] = statistics.median(found_round["call"] for found_round in rounds)
            row["programs"] = rounds[0]["programs"]
        rows.append(row)
    return rows


def _goal(rows: list[dict[str, Any]]) -> str:
    against = next((row["ratio"] for row in rows if row["name"] == TENSORFLOW), None)
    if against is None:
        return f"First goal, {GOAL} times the Keras/TensorFlow loop: not measured."
    met = "met" if against >= GOAL else "not met"
    return f"First goal, {GOAL} times the Keras/TensorFlow loop: {met} ({against:.1f} times)."


def _keep(
    rows: list[dict[str, Any]],
    absent: dict[str, str],
    settings: dict[str, Any],
    options: argparse.Namespace,
    about: dict[str, Any],
) -> None:
    shown = [
        (
            row["name"],
            f"{row['seconds']:.4f}",
            f"{row['least']:.4f} to {row['most']:.4f}",
            row["measured"],
            f"{row['ratio']:.1f}",
            f"{row['train']:.3f}",
        )
        for row in rows
    ]
    shown += [(name, why, "", "", "", "") for name, why in absent.items()]
    columns = (
        "what",
        "seconds a trial (median)",
        "least to most",
        "measured",
        "times gengap cold",
        "training accuracy",
    )
    trials = (len(TECHNIQUES) + 1) * settings["folds"]
    calls = {row["name"]: row["call"] for row in rows if "call" in row}
    text = (
        f"{TRAINED} training rows x {COLUMNS} columns, layers 64-32, batch 32, "
        f"{settings['epochs']} epochs, {options.cores} cores, {options.rounds} rounds in turn. The "
        f"table is scikit-learn's make_classification with {ROWS} rows, of which a fold trains on "
        f"{TRAINED}. gengap: {trials} trials ({len(TECHNIQUES) + 1} recipes x {settings['folds']} "
        "folds), each a run of its own, in a fresh process; seconds of the whole process, with "
        "imports, compilation, scores on every part, analysis and the refit, divided by the "
        f"trials (the call of compare alone: {calls[COLD]:.4f} cold, {calls[WARM]:.4f} warm). "
        "Loops: build, compile and fit of the baseline alone, without imports and without the "
        f"first trial of a process; {options.loop_trials} trials a round. {_goal(rows)}\n\n"
        + table(columns, shown)
    )
    record = {
        "settings": settings,
        "rounds": options.rounds,
        "rows": rows,
        "absent": absent,
        "machine": about,
        "versions": versions(),
    }
    tensorflow = next((row["versions"] for row in rows if row["name"] == TENSORFLOW), {})
    record["versions"] |= {k: v for k, v in tensorflow.items() if k.startswith("tensorflow")}
    keep("loops", "Seconds a trial, against plain loops", text, record, options.out)


if __name__ == "__main__":
    main()
