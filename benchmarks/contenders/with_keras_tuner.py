"""A random search with KerasTuner, over the rate of dropout or the strength of L2."""

from __future__ import annotations

import tempfile
import time

import keras
import keras_tuner
from asked import answer, arrays, asked, versions
from keras_network import build, compiled

spec = asked() | {"metrics": True}
x, y, x_held, y_held = arrays(spec)


def network(hp: keras_tuner.HyperParameters) -> keras.Model:
    """Build and compile a network with the values that the search gives."""
    if any(spec["rates"]):
        return compiled(build(spec, rate=hp.Choice("dropout", spec["rates"])), spec)
    return compiled(build(spec, penalty=hp.Float("l2", 1e-6, 1e-4, sampling="log")), spec)


def search(trials: int, epochs: int) -> list[float]:
    """Search, and return the accuracy of every trial on the rows held out."""
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(
            network,
            objective="val_accuracy",
            max_trials=trials,
            seed=0,
            directory=folder,
            overwrite=True,
        )
        tuner.search(
            x,
            y,
            batch_size=spec["batch_size"],
            epochs=epochs,
            validation_data=(x_held, y_held),
            verbose=0,
        )
        return [float(trial.score) for trial in tuner.oracle.trials.values()]


search(1, 1)  # the library's own start is not a trial's
started = time.perf_counter()
held = search(spec["trials"], spec["epochs"])
seconds = time.perf_counter() - started
answer(
    {
        "seconds": [seconds / len(held)],
        "held": held,
        "versions": versions("keras-tuner", "keras", "tensorflow-cpu", "tensorflow", "numpy"),
    }
)
