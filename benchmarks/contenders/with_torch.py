"""A plain PyTorch loop: a module, the optimizer, batches by index, no data loader."""

from __future__ import annotations

import torch
from asked import answer, arrays, asked, timed, versions
from torch import nn
from torch_network import accuracy, build, fit, tensors, use_the_faster_threads

spec = asked()
x_train, y_train, x_held, y_held = arrays(spec)
x, y = tensors(spec, x_train, y_train)
held_out = tensors(spec, x_held, y_held)


def train(epochs: int, rate: float, seed: int) -> nn.Module:
    """Build and train."""
    torch.manual_seed(seed)
    model = build(spec, rate)
    fit(model, spec, x, y, epochs)
    return model


threads = use_the_faster_threads(lambda: train(1, spec["rates"][0], 0))
answer(
    timed(spec, train, lambda model: accuracy(model, *held_out))
    | {"threads": threads, "versions": versions("torch", "numpy")}
)
