"""What users write today: a new `keras.Sequential`, `compile` and `fit` for every trial.

Needs Keras with the backend that KERAS_BACKEND names, and nothing of gengap.
"""

from __future__ import annotations

import keras
import numpy as np
from asked import answer, arrays, asked, timed, versions
from keras_network import build, compiled

spec = asked()
x, y, x_held, y_held = arrays(spec)


def train(epochs: int, rate: float, seed: int) -> keras.Model:
    """Build, compile and fit."""
    keras.utils.set_random_seed(seed)
    model = compiled(build(spec, rate=rate), spec)
    model.fit(x, y, batch_size=spec["batch_size"], epochs=epochs, verbose=0)
    return model


def score(model: keras.Model) -> float:
    """Return the accuracy on the rows held out."""
    outputs = model.predict(x_held, batch_size=1024, verbose=0)
    return float(np.mean(np.argmax(outputs, axis=1) == y_held))


backend = {"tensorflow": ("tensorflow-cpu", "tensorflow"), "jax": ("jax", "jaxlib")}
answer(
    timed(spec, train, score)
    | {"versions": versions("keras", *backend[keras.config.backend()], "numpy")}
)
