"""A script whose Keras runs on another backend, from its first line to its last.

Keras' NumPy backend is one that is always there: it builds and predicts, and cannot train.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from executors.own_networks import PRESS
from gengap.run_folder import FILES
from gengap.store import Store
from study.cases import figures

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

STUDY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background of a shell
import keras
import numpy as np
import gengap
from gengap.progress import PlainProgress

class Shown(PlainProgress):
    def advance(self, done, message):
        print(message, flush=True)

if __name__ == "__main__":
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 4)).astype("float32")
    y = np.where(x[:, 0] + rng.normal(0, 0.5, 90) > 0, "up", "down")
    gengap.compare(
        x, y, "executors.own_networks:interrupting", "l2",
        folds=6, epochs=4, out=sys.argv[1], progress=Shown(sys.stdout),
    )
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
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


def epochs_in(said: str) -> int:
    """Return how many epochs were trained, over all runs, as a study says it."""
    *_, last = re.findall("([0-9,]+) of at most [0-9,]+ epochs", said)
    return int(last.replace(",", ""))


@pytest.mark.slow
def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(STUDY)

    def run(out: str, **more: str) -> subprocess.CompletedProcess[str]:
        here = {"KERAS_BACKEND": "numpy", "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(
            [sys.executable, script.name, out],
            cwd=tmp_path,
            # On one device fifteen of thirty runs train at a time, to the end in one chunk.
            env={**os.environ, "JAX_NUM_CPU_DEVICES": "1", **here, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def whole(out: str) -> str:
        done = run(out)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("True\n")  # the handler is what it was
        return done.stdout

    interrupted = run("run", **{PRESS: "once"})
    assert interrupted.stderr.endswith("KeyboardInterrupt\n")
    assert "stopping after this chunk of epochs; press Ctrl-C again" in interrupted.stdout
    assert epochs_in(interrupted.stdout) == 15 * 4
    with Store.open(tmp_path / "run") as store:
        assert len(store) == 15
    assert epochs_in(whole("run")) == 15 * 4
    assert epochs_in(whole("undisturbed")) == 30 * 4
    mine, theirs = (
        figures((tmp_path / out / FILES["results"]).read_text(encoding="utf-8"))
        for out in ("run", "undisturbed")
    )
    assert mine == theirs
