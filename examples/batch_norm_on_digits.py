"""Handwritten digits: does batch normalization before every dense layer help?

A published notebook trains 784-300-100-10 units by gradient descent for 15 epochs, with the first
5,000 training images held out, and reports 98.3 % without and 99.1 % with batch normalization.

    python examples/batch_norm_on_digits.py mnist
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gengap  # before keras: it chooses the JAX backend

# isort: split
import keras
import numpy as np
from images import read_images

COLUMNS = ["recipe", "test", "change", "change_low", "change_high", "verdict"]


def network(shape: tuple[int, ...], classes: int, *, normalized: bool) -> keras.Model:
    """Build the notebook's network, plain or with batch normalization before every dense layer."""
    layers = [keras.Input(shape), keras.layers.Flatten()]
    for units in (300, 100):
        if normalized:
            layers.append(keras.layers.BatchNormalization())
        layers.append(keras.layers.Dense(units, activation="relu"))
    if normalized:
        layers.append(keras.layers.BatchNormalization())
    layers.append(keras.layers.Dense(classes, activation="softmax"))
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(), "sparse_categorical_crossentropy")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path, help="MNIST: a folder of IDX files, or an .npz file")
    parser.add_argument("--quick", action="store_true", help="a tiny size, to try it")
    parser.add_argument("--out", type=Path, default=Path("gengap-runs/batch-norm-on-digits"))
    options = parser.parse_args()

    (x, y), _ = read_images(options.data)
    held_out, settings = 5_000, {"folds": 5, "epochs": 15, "rope": 0.002}
    if options.quick:
        x, y = x[:400], y[:400]
        held_out, settings = 100, {"folds": 2, "epochs": 1, "rope": 0.002}
    shape, classes = x.shape[1:], int(y.max()) + 1
    settings |= {"test": (x[:held_out], y[:held_out]), "batch_size": 32}
    x, y = x[held_out:], y[held_out:]

    # Normalization layers are part of a network. So the notebook's two networks are two baselines,
    # on the same folds; the technique batch_norm, which normalizes before each rectifier, is the
    # third network.
    plain = gengap.compare(
        x,
        y,
        network(shape, classes, normalized=False),
        "batch_norm",
        out=options.out / "plain",
        **settings,
    )
    normalized = gengap.compare(
        x,
        y,
        network(shape, classes, normalized=True),
        "baseline",
        out=options.out / "normalized",
        **settings,
    )
    print(plain.results.headline)
    print(plain.table()[COLUMNS].to_string(index=False))
    scores = [study.results.recipes[0].fold_scores for study in (plain, normalized)]
    print("plain, fold by fold:", *(f"{score:.4f}" for score in scores[0]))
    print("batch normalization before every dense layer:", *(f"{score:.4f}" for score in scores[1]))
    print(f"difference: {np.mean(np.subtract(scores[1], scores[0])):+.4f}")
    for name, study in (("plain", plain), ("normalized", normalized)):
        score = study.results.holdout.baseline
        print(f"{name}, on the {held_out:,} images held out: {score.mean:.4f}")


if __name__ == "__main__":
    main()
