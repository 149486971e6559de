"""What a saved network says about how it is compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras

from gengap.networks.compiling import compile_plainly


def test_a_saved_model_leaves_it_to_its_backend_how_steps_are_compiled(tmp_path: Path) -> None:
    source, target = (
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]) for _ in range(2)
    )
    source.compile("sgd", "mse")
    compile_plainly(source, target)
    target.save(tmp_path / "model.keras")
    assert target.get_compile_config()["jit_compile"] == "auto"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras; "
            "print(keras.saving.load_model('model.keras').jit_compile)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"
