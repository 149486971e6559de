"""What users write today: a new `keras.Sequential`, `compile` and `fit` for every trial.

Needs keras with the backend that KERAS_BACKEND names, and nothing of gengap.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata

import keras
import numpy as np

table, settings, trials = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
data = np.load(table)
x, y = data["x_train"], data["y_train"]


def trial(epochs: int) -> keras.Model:
    """Build, compile and fit."""
    model = keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            *(keras.layers.Dense(units, activation="relu") for units in settings["layers"]),
            keras.layers.Dense(int(y.max()) + 1, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=settings["batch_size"], epochs=epochs, verbose=0)
    return model


trial(1)  # the library's own start is not a trial's
seconds = []
for _ in range(trials):
    started = time.perf_counter()
    model = trial(settings["epochs"])
    seconds.append(time.perf_counter() - started)
correct = np.argmax(model.predict(x, verbose=0), axis=1) == y
backend = keras.config.backend()
packages = {"tensorflow": ("tensorflow", "tensorflow_cpu"), "jax": ("jax", "jaxlib")}[backend]
installed = {d.metadata["Name"].lower().replace("-", "_") for d in metadata.distributions()}
print(
    json.dumps(
        {
            "seconds": seconds,
            "train": float(correct.mean()),
            "versions": {
                name: metadata.version(name)
                for name in ("keras", *packages, "numpy")
                if name in installed
            },
        }
    )
)
