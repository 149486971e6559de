"""A search with Optuna over the PyTorch loop: the rate of dropout, or the strength of L2."""

from __future__ import annotations

import time

import optuna
import torch
from asked import answer, arrays, asked, versions
from torch_network import accuracy, build, fit, tensors, use_the_faster_threads

spec = asked()
x_train, y_train, x_held, y_held = arrays(spec)
x, y = tensors(spec, x_train, y_train)
held_out = tensors(spec, x_held, y_held)
optuna.logging.set_verbosity(optuna.logging.WARNING)


def search(trials: int, epochs: int) -> list[float]:
    """Search, and return the accuracy of every trial on the rows held out."""

    def objective(trial: optuna.Trial) -> float:
        rate, decay = 0.0, 0.0
        if any(spec["rates"]):
            rate = trial.suggest_categorical("dropout", spec["rates"])
        else:
            decay = trial.suggest_float("weight_decay", 1e-6, 1e-4, log=True)
        torch.manual_seed(trial.number)
        model = build(spec, rate)
        fit(model, spec, x, y, epochs, decay)
        return accuracy(model, *held_out)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=trials)
    return [float(trial.value) for trial in study.trials]


# The library's own start is not a trial's.
threads = use_the_faster_threads(lambda: search(1, 1))
started = time.perf_counter()
held = search(spec["trials"], spec["epochs"])
seconds = time.perf_counter() - started
answer(
    {
        "seconds": [seconds / len(held)],
        "held": held,
        "threads": threads,
        "versions": versions("optuna", "torch", "numpy"),
    }
)
