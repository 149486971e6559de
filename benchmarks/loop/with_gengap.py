"""One study of `gengap.compare`, in a process of its own; prints what it took."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

table, settings, out = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3] or None
data = np.load(table)

started = time.perf_counter()
import gengap  # noqa: E402  (a part of what is measured)

study = gengap.compare(
    data["x"],
    data["y"],
    "mlp:" + ",".join(map(str, settings["layers"])),
    settings["techniques"],
    folds=settings["folds"],
    epochs=settings["epochs"],
    batch_size=settings["batch_size"],
    out=out,
)
seconds = time.perf_counter() - started
print(
    json.dumps(
        {
            "seconds": seconds,
            "trials": study.plan.trials,
            "runs": study.plan.runs,
            "programs": len(study.plan.programs),
            "rows": sorted({planned.program.rows for planned in study.plan.programs}),
            "train": study.results.recipes[0].train.mean,
        }
    )
)
