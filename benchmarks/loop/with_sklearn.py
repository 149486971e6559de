"""The same loop with scikit-learn's MLPClassifier."""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib import metadata

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

table, settings, trials = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
data = np.load(table)
x, y = data["x_train"], data["y_train"]
# All epochs are wanted, whether or not the loss has settled.
warnings.simplefilter("ignore", ConvergenceWarning)


def trial(epochs: int, seed: int) -> MLPClassifier:
    """Make and fit."""
    model = MLPClassifier(
        tuple(settings["layers"]),
        alpha=0.0,
        batch_size=settings["batch_size"],
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        tol=0.0,
        early_stopping=False,
        random_state=seed,
    )
    return model.fit(x, y)


trial(1, 0)
seconds = []
for number in range(trials):
    started = time.perf_counter()
    model = trial(settings["epochs"], number)
    seconds.append(time.perf_counter() - started)
print(
    json.dumps(
        {
            "seconds": seconds,
            "train": float(model.score(x, y)),
            "versions": {name: metadata.version(name) for name in ("scikit-learn", "numpy")},
        }
    )
)
