"""A script whose Keras runs on another backend, from its first line to its last.

Keras' NumPy backend is one that is always there: it builds and predicts, and cannot train.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

SCRIPT = """
import json
import keras
import numpy as np
import gengap
from gengap.progress import PlainProgress

class Mine(keras.layers.Layer):
    def call(self, inputs):
        return inputs

if __name__ == "__main__":
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 4)).astype("float32")
    y = np.where(x[:, 0] + rng.normal(0, 0.5, 90) > 0, "up", "down")
    layers = [keras.layers.Dense(6, activation="relu"), keras.layers.Dense(2, activation="softmax")]
    try:
        gengap.compare(x, y, keras.Sequential([keras.Input((4,)), Mine(name="mine"), *layers]))
    except gengap.UserError as error:
        refused = str(error)
    import sys
    study = gengap.compare(
        x, y, keras.Sequential([keras.Input((4,)), *layers]), "l2=1e-3", folds=2, epochs=3,
        out="run", progress=PlainProgress(sys.stderr),
    )
    import jax._src.xla_bridge
    said = {
        "backend": keras.config.backend(),
        "refused": refused,
        "verdicts": study.verdicts,
        "probabilities": study.best.predict(x).tolist(),
        "outputs": study.best.model.predict(x, verbose=0).tolist(),
        "jax": jax._src.xla_bridge.backends_are_initialized(),
    }
    print(json.dumps(said))
"""

PREDICT = """
import json, sys
import keras, numpy as np
rng = np.random.default_rng(1)
x = rng.normal(size=(90, 4)).astype("float32")
print(json.dumps(keras.saving.load_model("run/model.keras").predict(x, verbose=0).tolist()))
"""


def run(script: Path, backend: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=script.parent,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_script_on_another_backend(tmp_path: Path) -> None:
    script, predict = tmp_path / "mine.py", tmp_path / "predict.py"
    script.write_text(SCRIPT)
    predict.write_text(PREDICT)
    done = run(script, "numpy")
    said = json.loads(done.stdout)
    assert said["backend"] == "numpy"
    assert "Keras runs on numpy here: a process of its own trains, on JAX" in done.stderr
    assert "the layer 'mine' needs Mine, which is defined in the notebook or" in said["refused"]
    assert "move Mine into a module" in said["refused"]
    assert said["verdicts"].keys() == {"baseline", "l2=1e-3"}
    # Starting JAX here would take the memory of a GPU from the one that trains.
    assert not said["jax"]
    theirs = json.loads(run(predict, "jax").stdout)
    np.testing.assert_allclose(said["outputs"], theirs, atol=1e-5)
    assert np.shape(said["probabilities"]) == (90, 2)
