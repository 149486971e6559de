"""Keras on JAX, on all cores, with a compile cache that outlives the process."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gengap.errors import UserError

__all__ = ["Backend", "cache_folder", "cores", "ensure_backend", "other_backend"]

_CACHE_LIMIT = 1 << 30  # bytes


@dataclass(frozen=True)
class Backend:
    """What training runs on.

    Attributes
    ----------
    devices : int
        JAX devices over which lanes are sharded.
    platform : str
        ``"cpu"``, ``"gpu"``, ...
    cache : Path, optional
        Folder of compiled programs; None where none can be written.
    note : str
        What is not as it should be, for the user to read; else empty.
    """

    devices: int
    platform: str
    cache: Path | None
    note: str = ""


def cores() -> int:
    """Return how many cores this process may use (affinity and control groups heeded)."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def cache_folder() -> Path:
    """Return gengap's folder in the user's cache, which may not exist yet.

    ``GENGAP_CACHE_DIR`` overrides the platform's place.
    """
    override = os.environ.get("GENGAP_CACHE_DIR")
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "gengap"


def ensure_backend(devices: int | None = None) -> Backend:
    """Set JAX up for lanes, once; call it before the first JAX operation.

    Parameters
    ----------
    devices : int, optional
        How many are wanted: cores, or GPUs where there are any; all by default.

    Returns
    -------
    Backend

    Raises
    ------
    UserError
        ``wrong-backend``, where Keras runs, or is told to run, on another backend.
    """
    _refuse_other_backends()
    import jax

    # JAX takes only one of the two settings; where somebody has chosen already, it stays.
    if (
        "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", "")
        and jax.config.jax_num_cpu_devices < 1
    ):
        with contextlib.suppress(RuntimeError):  # JAX runs already: the note below says so
            jax.config.update("jax_num_cpu_devices", cores())
    cache, cache_note = _use_compile_cache()
    found = jax.devices()
    wanted = devices or len(found)
    if wanted > len(found):
        raise UserError(
            "too-many-devices",
            f"{wanted} devices are wanted, and JAX has {len(found)} ({found[0].platform})",
            "ask for fewer with --devices, or for none in particular to use all",
        )
    note = ""
    if found[0].platform == "cpu" and devices is None and len(found) < cores():
        note = (
            f"training uses {len(found)} of {cores()} cores, because JAX was set up before "
            "gengap; import gengap before JAX computes anything to use them all"
        )
    return Backend(
        devices=wanted,
        platform=found[0].platform,
        cache=cache,
        note="; ".join(filter(None, (note, cache_note))),
    )


def other_backend() -> str | None:
    """Return what Keras runs on, or is told to run on, where that is not JAX; else None."""
    if "keras" in sys.modules:
        import keras

        backend = keras.config.backend()
    else:
        backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    return None if backend == "jax" else str(backend)


def _refuse_other_backends() -> None:
    other = other_backend()
    if other is not None:
        state = (
            f"Keras already runs on {other}"
            if "keras" in sys.modules
            else f"the environment variable KERAS_BACKEND is set to {other!r}"
        )
        raise UserError(
            "wrong-backend",
            f"{state}, but this needs JAX",
            'put `import os; os.environ["KERAS_BACKEND"] = "jax"` before the first import of '
            "keras, or run it on the command line",
        )


def _use_compile_cache() -> tuple[Path | None, str]:
    import jax

    if jax.config.jax_compilation_cache_dir:
        return Path(jax.config.jax_compilation_cache_dir), ""
    folder = cache_folder() / "compiled" / f"jax-{jax.__version__}-{_machine()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        _prune(folder, _CACHE_LIMIT)
    except OSError as error:
        return None, f"compiled programs are not kept: {error.strerror or error} ({folder})"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder, ""


def _machine() -> str:
    """Name the kind of processor: compiled programs must not follow a shared home elsewhere."""
    described = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    described += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(described.encode()).hexdigest()[:12]


def _prune(folder: Path, limit: int) -> None:
    """Delete what was cut off, and the oldest programs until the rest takes `limit` bytes.

    JAX keeps an entry that a full disk or the end of a process cut off, and warns whenever it
    reads it. A file is cut off where it was not begun to be written, or between two pages of
    memory, where few whole entries end.
    """
    entries = sorted(
        ((entry.stat(), entry) for entry in folder.iterdir() if entry.is_file()),
        key=lambda pair: pair[0].st_mtime,
        reverse=True,
    )
    size = 0
    for status, entry in entries:
        size += status.st_size
        if size > limit or status.st_size % mmap.PAGESIZE == 0:
            entry.unlink(missing_ok=True)
