"""scikit-learn's `GridSearchCV` over `MLPClassifier` and its alpha, a process for every core."""

from __future__ import annotations

import os
import time

import numpy as np
from asked import answer, arrays, asked, versions
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

spec = asked()
x_train, y_train, x_held, y_held = arrays(spec)
# The search splits one table; its one split is that of the other contenders.
x, y = np.concatenate([x_train, x_held]), np.concatenate([y_train, y_held])
# All epochs are wanted, whether or not the loss has settled: also in the search's own processes.
os.environ["PYTHONWARNINGS"] = "ignore:Stochastic Optimizer"
split = [(np.arange(len(x_train)), np.arange(len(x_train), len(x)))]


def search(trials: int, epochs: int) -> list[float]:
    """Search, and return the accuracy of every trial on the rows held out."""
    network = MLPClassifier(
        [units for kind, units in spec["network"] if kind == "dense"],
        solver=spec["optimizer"],
        learning_rate_init=spec["learning_rate"],
        batch_size=spec["batch_size"],
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        tol=0.0,
        random_state=0,
    )
    found = GridSearchCV(
        network,
        {"alpha": list(np.geomspace(1e-6, 1e-4, trials))},
        cv=split,
        n_jobs=spec["cores"],
        refit=False,
        error_score="raise",
    ).fit(x, y)
    return [float(score) for score in found.cv_results_["mean_test_score"]]


# A multiple of the cores, so that no process waits for another.
trials = -(-spec["trials"] // spec["cores"]) * spec["cores"]
search(spec["cores"], 1)  # starting the processes is not a trial's
started = time.perf_counter()
held = search(trials, spec["epochs"])
seconds = time.perf_counter() - started
answer(
    {
        "seconds": [seconds / trials],
        "held": held,
        "versions": versions("scikit-learn", "numpy"),
    }
)
