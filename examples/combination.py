"""Dropout, L2 and early stopping: is all of it better than each alone?

Textbooks recommend them together. Here are 10,000 handwritten digits, on which a network of
784-128-10 units overfits within 30 epochs.

    python examples/combination.py mnist
"""

from __future__ import annotations

import argparse
from pathlib import Path

from images import read_images

import gengap

COLUMNS = ["recipe", "test", "change", "change_low", "change_high", "verdict"]
ALONE = ("dropout=0.5", "l2=0.001", "early_stopping(patience=5)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path, help="MNIST: a folder of IDX files, or an .npz file")
    parser.add_argument("--quick", action="store_true", help="a tiny size, to try it")
    parser.add_argument("--out", type=Path, default=Path("gengap-runs/combination"))
    options = parser.parse_args()

    rows, settings = 10_000, {"folds": 5, "epochs": 30, "rope": 0.002}
    if options.quick:
        rows, settings = 200, {"folds": 2, "epochs": 2, "rope": 0.002}
    (x, y), test = read_images(options.data)
    study = gengap.compare(
        x[:rows],
        y[:rows],
        "mlp:128",
        [*ALONE, " + ".join(ALONE)],
        test=test,
        out=options.out / "together",
        **settings,
    )
    print(study.results.headline)
    print(study.table()[COLUMNS].to_string(index=False))


if __name__ == "__main__":
    main()
