"""Importing gengap is cheap, and puts Keras on JAX where that is still open."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gengap
from gengap.backend import cache_folder, cores

HEAVY = ("keras", "jax", "sklearn", "pandas", "matplotlib", "scipy", "pyarrow")


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process, without this one's KERAS_BACKEND."""
    clean = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def loaded(code: str) -> set[str]:
    """Which of the heavy packages a fresh process has loaded after `code`."""
    done = run_python(f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1])) & set(HEAVY)


def test_import_loads_nothing_heavy() -> None:
    assert loaded("import gengap; gengap.__version__; dir(gengap)") == set()


def test_every_public_name_is_there() -> None:
    done = run_python("import gengap\nfor name in gengap.__all__: getattr(gengap, name)")
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        _ = gengap.compere


def test_compare_is_the_function_however_it_is_imported() -> None:
    done = run_python(
        "import gengap.compare\n"
        "from gengap.compare import compare\n"
        "assert gengap.compare is compare"
    )
    assert done.returncode == 0, done.stderr


class TestBackend:
    def test_jax_is_chosen_also_over_keras_json(self, tmp_path: Path) -> None:
        (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
        done = run_python(
            "import gengap, keras; print(keras.config.backend())", KERAS_HOME=str(tmp_path)
        )
        assert done.stdout.strip() == "jax", done.stderr

    def test_a_chosen_backend_is_left_and_refused_at_first_use(self) -> None:
        done = run_python(
            "import os, gengap\n"
            "from gengap.backend import ensure_backend\n"
            "assert os.environ['KERAS_BACKEND'] == 'torch'\n"
            "try: ensure_backend()\n"
            "except gengap.UserError as error: print(error.code, error.hint)",
            KERAS_BACKEND="torch",
        )
        assert done.stdout.startswith("wrong-backend put `import os"), done.stderr

    def test_keras_on_another_backend_is_refused(self) -> None:
        done = run_python(
            "import keras, gengap\n"
            "from gengap.backend import ensure_backend\n"
            "try: ensure_backend()\n"
            "except gengap.UserError as error: print(error.message)",
            KERAS_BACKEND="numpy",
        )
        assert "already runs on numpy" in done.stdout, done.stderr

    def test_a_device_a_core_and_a_cache_that_is_used(self, tmp_path: Path) -> None:
        code = (
            "from gengap.backend import ensure_backend\n"
            "backend = ensure_backend()\n"
            "assert backend == ensure_backend()\n"
            "import jax\n"
            "jax.jit(lambda x: x + 1)(1.0)\n"
            "print(backend.devices, backend.platform, backend.note, backend.cache)"
        )
        done = run_python(code, GENGAP_CACHE_DIR=str(tmp_path / "cache"), JAX_PLATFORMS="cpu")
        assert done.stdout.startswith(f"{cores()} cpu  {tmp_path}"), done.stderr
        assert any(path.is_file() for path in (tmp_path / "cache").rglob("*"))

    def test_programs_that_a_full_disk_cut_off_are_compiled_again(self, tmp_path: Path) -> None:
        code = (
            "from gengap.backend import ensure_backend\n"
            "ensure_backend()\n"
            "import jax\n"
            "print(jax.jit(lambda x: jax.numpy.linalg.qr(x)[1].sum())(jax.numpy.eye(9)))"
        )
        said = run_python(code, GENGAP_CACHE_DIR=str(tmp_path)).stdout
        entries = [path for path in tmp_path.rglob("*-cache") if path.is_file()]
        cut = [path.stat().st_size // mmap.PAGESIZE * mmap.PAGESIZE for path in entries]
        assert any(cut)
        assert not all(cut)
        for path, size in zip(entries, cut, strict=True):
            os.truncate(path, size)
        done = run_python(code, GENGAP_CACHE_DIR=str(tmp_path), PYTHONWARNINGS="error::UserWarning")
        assert (done.stdout, done.stderr) == (said, "")

    def test_a_cache_that_cannot_be_written_breaks_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = run_python(
            "from gengap.backend import ensure_backend\n"
            "backend = ensure_backend()\n"
            "import jax\n"
            "jax.jit(lambda x: x + 1)(1.0)\n"
            "print(backend.cache, backend.note)",
            GENGAP_CACHE_DIR=str(tmp_path / "file"),
        )
        assert done.stdout.startswith("None compiled programs are not kept"), done.stderr

    @pytest.mark.skipif(cores() == 1, reason="one core needs no more than one device")
    def test_jax_that_runs_already_is_noted(self, tmp_path: Path) -> None:
        done = run_python(
            "import jax; jax.devices()\n"
            "from gengap.backend import ensure_backend\n"
            "print(ensure_backend().note)",
            GENGAP_CACHE_DIR=str(tmp_path),
            JAX_PLATFORMS="cpu",
            JAX_NUM_CPU_DEVICES="-1",
        )
        assert done.stdout.startswith(f"training uses 1 of {cores()} cores"), done.stderr


def test_a_network_that_is_built_first_leaves_all_cores_to_the_lanes(tmp_path: Path) -> None:
    done = run_python(
        "import os; os.environ.pop('JAX_NUM_CPU_DEVICES', None)\n"
        "import gengap, keras\n"
        "keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
        "from gengap.backend import ensure_backend\n"
        "print(ensure_backend().devices)",
        GENGAP_CACHE_DIR=str(tmp_path),
        JAX_PLATFORMS="cpu",
    )
    assert done.stdout == f"{cores()}\n", done.stderr


def test_the_cache_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GENGAP_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "gengap"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "gengap"
