"""What the machine could do at best, and the share of it that the lanes reach.

A lower bound of the time of an epoch follows from rates that this machine was measured to reach:

    step  >= max(operations of its matrix products / best rate of products,
                 bytes of the weights and the optimizer's values / rate of memory in cache,
                 bytes of the rows / rate of memory)
    epoch >= steps times that, and the forward products of the scores that a study promises

Only products that are needed are counted: the first layer needs no gradient of its inputs.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from suite.children import Record, run
from suite.studies import asked_of_gengap, of_gengap
from suite.works import Work

__all__ = ["Product", "forward_products", "limit", "machine_rates", "step_products", "weights_of"]

#: Values that a step reads and writes for every weight: gradient, weight and the optimizer's.
TOUCHED = {"adam": 7, "sgd": 3}


@dataclass(frozen=True)
class Product:
    """A product of matrices, (rows, inner) by (inner, columns), done `count` times a step."""

    rows: int
    inner: int
    columns: int
    count: int = 1

    @property
    def operations(self) -> float:
        """Multiplications and additions of all of them."""
        return 2.0 * self.rows * self.inner * self.columns * self.count

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one."""
        return self.rows, self.inner, self.columns


@dataclass(frozen=True)
class _Layer:
    """Forward products of a layer and whether their inputs need a gradient."""

    products: tuple[tuple[Product, bool], ...]
    weights: int


def _layers(work: Work, batch: int) -> Iterator[_Layer]:
    shape, first = work.shape, True
    for kind, *numbers in (*work.network, ("dense", work.classes)):
        match kind:
            case "dense" | "dense_normalized":
                size, units = math.prod(shape), numbers[0]
                extra = units if kind == "dense" else 2 * units
                yield _Layer(((Product(batch, size, units), not first),), size * units + extra)
                shape, first = (units,), False
            case "convolution":
                height, width, channels = shape
                patch, shape = 9 * channels, (height - 2, width - 2, numbers[0])
                product = Product(batch * shape[0] * shape[1], patch, numbers[0])
                yield _Layer(((product, not first),), (patch + 1) * numbers[0])
                first = False
            case "lstm":
                (steps, channels), units = shape, numbers[0]
                inputs = Product(batch, channels, 4 * units, steps)
                # The first step has no state before it.
                states = Product(batch, units, 4 * units, steps - 1)
                yield _Layer(
                    ((inputs, not first), (states, True)), 4 * units * (channels + units + 1)
                )
                shape, first = (units,), False
            case "pool":
                shape = (shape[0] // 2, shape[1] // 2, shape[2])
            case "flatten":
                shape = (math.prod(shape),)
            case "dropout":
                pass
            case _:
                raise ValueError(f"no such layer: {kind}")


def forward_products(work: Work, batch: int) -> list[Product]:
    """Return the matrix products of a forward pass; a convolution is one over its patches."""
    return [product for layer in _layers(work, batch) for product, _ in layer.products]


def step_products(work: Work) -> list[Product]:
    """Return the matrix products of a training step."""
    found = []
    for layer in _layers(work, work.batch_size):
        for forward, inputs_too in layer.products:
            rows, inner, columns = forward.shape
            found += [forward, Product(inner, rows, columns, forward.count)]
            if inputs_too:
                found.append(Product(rows, columns, inner, forward.count))
    return found


def weights_of(work: Work) -> int:
    """Return how many weights the network trains."""
    return sum(layer.weights for layer in _layers(work, 1))


def machine_rates(works: list[Work], cores: int, *, quick: bool) -> Record:
    """Measure this machine: products of the works' shapes and large ones, memory and cache."""
    shapes = sorted({product.shape for work in works for product in step_products(work)})
    weights = sorted({weights_of(work) for work in works})
    record = run(
        Path(sys.executable),
        "machine_rates",
        {
            "cores": cores,
            "shapes": shapes,
            "weights": weights,
            "large": 256 if quick else 3072,
            "triad_values": 1 << (18 if quick else 26),
            "seconds": 0.01 if quick else 1.0,
        },
    )
    return record | {
        "cores": cores,
        "shapes": [[*shape, rate] for shape, rate in zip(shapes, record["shapes"], strict=True)],
        "cached": [[*pair] for pair in zip(weights, record["cached"], strict=True)],
    }


def limit(
    work: Work, data: Path, rates: Record, *, rounds: int, cache: Path, quick: bool = False
) -> Record:
    """Measure the steady state of a work's lanes and hold it to the bound.

    Two studies differ in nothing but their epochs; what training takes longer in the second is the
    steady state, free of compiling, of moving data and of reading results. Each round is a process;
    the first fills the cache of compiled programs and is not counted.
    """
    fewer, more = work.steady
    seconds: dict[int, list[float]] = {fewer: [], more: []}
    asked = asked_of_gengap(work, data, [{"epochs": fewer}, {"epochs": more}])
    for number in range(0 if quick else -1, rounds):
        studies = of_gengap(asked, cache)["studies"]
        if number >= 0:
            for epochs, study in zip(seconds, studies, strict=True):
                seconds[epochs].append(study["training"])
    study = studies[-1]
    took = statistics.median(seconds[more]) - statistics.median(seconds[fewer])
    if took <= 0 and not quick:
        raise SystemExit(
            f"{work.title}: {more} epochs took no longer than {fewer}; is the machine busy?"
        )
    epoch = took / ((more - fewer) * study["runs"])
    steps = math.ceil(study["rows_trained"] / work.batch_size)
    return {
        "title": work.title,
        "rounds": rounds,
        "epochs": [fewer, more],
        "seconds": {str(epochs): values for epochs, values in seconds.items()},
        "epoch_of_a_lane": epoch,
        "step_of_a_lane": epoch / steps,
        "steps": steps,
        **_bound(work, study, rates, steps, epoch),
    }


def _bound(work: Work, study: Record, rates: Record, steps: int, epoch: float) -> Record:
    of_shape = {tuple(shape): rate for *shape, rate in rates["shapes"]}
    cached = dict(map(tuple, rates["cached"]))
    products = step_products(work)
    weights = weights_of(work)
    operations = sum(product.operations for product in products)
    # All runs of a fold may read the same batch.
    row_bytes = 4 * math.prod(work.shape) * work.batch_size * work.folds / work.trials
    parts = {
        "products": operations / rates["products"],
        "weights": 4 * TOUCHED[work.optimizer] * weights / cached[weights],
        "rows": row_bytes / rates["memory"],
    }
    at_shapes = sum(product.operations / of_shape[product.shape] for product in products)
    a_row = sum(product.operations for product in forward_products(work, 1))
    # As many training rows as there are validation rows, and those.
    scored = study["rows_validated"] + min(study["rows_trained"], study["rows_validated"])
    training = steps * max(parts.values())
    scoring = scored * a_row / rates["products"]
    # Scores have no shape of their own: they may be taken over any number of rows at once.
    return {
        "operations_of_a_step": operations,
        "bound_of_a_step": parts,
        "bound_of_training": training,
        "bound_of_scores": scoring,
        "share": (training + scoring) / epoch,
        "share_of_training_alone": training / epoch,
        "share_at_the_shapes": (steps * max(at_shapes, *parts.values()) + scoring) / epoch,
    }
