"""What every test runs under."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("KERAS_BACKEND", "jax")  # tests may import Keras before gengap
os.environ.setdefault("MPLBACKEND", "agg")
# Several devices, also where a runner has one core: lanes are laid over them.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")

# No deadline: the first example pays for imports and compilation. Derandomized: a run of the
# suite that failed fails again.
settings.register_profile("gengap", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("gengap")
