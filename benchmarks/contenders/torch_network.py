"""The networks in PyTorch, and the loop that trains them, as a user would write both."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["accuracy", "build", "fit", "tensors", "use_the_faster_threads"]


class LastOutput(nn.Module):
    """An LSTM that returns its last output alone."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run over the steps."""
        outputs, _ = self.lstm(x)
        return outputs[:, -1]


def build(spec: dict[str, Any], rate: float = 0.0) -> nn.Module:
    """Build the network; images have their channels first, as PyTorch wants them."""
    width = spec["shape"][-1]
    stack: list[nn.Module] = []
    for kind, *numbers in spec["network"]:
        match kind:
            case "dense":
                stack += [nn.LazyLinear(numbers[0]), nn.ReLU()]
            case "dense_normalized":
                stack += [
                    nn.LazyLinear(numbers[0], bias=False),
                    nn.BatchNorm1d(numbers[0]),
                    nn.ReLU(),
                ]
            case "dropout":
                stack += [nn.Dropout(rate)] if rate else []
            case "convolution":
                stack += [nn.Conv2d(width, numbers[0], 3), nn.ReLU()]
                width = numbers[0]
            case "pool":
                stack.append(nn.MaxPool2d(2))
            case "flatten":
                stack.append(nn.Flatten())
            case "lstm":
                stack.append(LastOutput(width, numbers[0]))
            case _:
                raise ValueError(f"no such layer: {kind}")
    return nn.Sequential(*stack, nn.LazyLinear(spec["classes"]))


def tensors(spec: dict[str, Any], x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, ...]:
    """Turn arrays into tensors, once for all trials."""
    inputs = torch.from_numpy(np.ascontiguousarray(x))
    if len(spec["shape"]) == 3:
        inputs = inputs.permute(0, 3, 1, 2).contiguous()
    return inputs, torch.from_numpy(y.astype(np.int64))


def fit(
    model: nn.Module,
    spec: dict[str, Any],
    x: torch.Tensor,
    y: torch.Tensor,
    epochs: int,
    weight_decay: float = 0.0,
) -> None:
    """Train."""
    with torch.no_grad():
        model(x[:2])  # the lazy layers learn their sizes
    optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[spec["optimizer"]](
        model.parameters(), lr=spec["learning_rate"], weight_decay=weight_decay
    )
    loss = nn.CrossEntropyLoss()
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(spec["batch_size"]):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()


def use_the_faster_threads(epoch: Callable[[], object]) -> int:
    """Let PyTorch use one thread or, as it does by itself, one a core: whichever is faster.

    Small networks often train faster on one, as users find out who look.

    Parameters
    ----------
    epoch : callable
        What is timed, once it has run once.

    Returns
    -------
    int
        How many threads are used.
    """
    epoch()
    seconds = {}
    for threads in {1, torch.get_num_threads()}:
        torch.set_num_threads(threads)
        started = time.perf_counter()
        epoch()
        seconds[threads] = time.perf_counter() - started
    fastest = min(seconds, key=lambda threads: seconds[threads])
    torch.set_num_threads(fastest)
    return fastest


@torch.inference_mode()
def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of rows whose likeliest class is right."""
    model.eval()
    batches = zip(x.split(1024), y.split(1024), strict=True)
    return float(sum((model(a).argmax(1) == b).sum() for a, b in batches)) / len(x)
