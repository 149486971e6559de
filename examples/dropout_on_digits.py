"""Handwritten digits: does dropout help a small network? Do L1, L2 and both?

Textbooks add dropout of 0.5 to a network of 784-128-10 units, or a penalty of 0.01 to one of
784-64-10, train for five epochs, and read one number off the test set.

    python examples/dropout_on_digits.py mnist
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gengap

COLUMNS = ["recipe", "test", "change", "change_low", "change_high", "verdict"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path, help="MNIST: a folder of IDX files, or an .npz file")
    parser.add_argument("--quick", action="store_true", help="a tiny size, to try it")
    parser.add_argument("--out", type=Path, default=Path("gengap-runs/dropout-on-digits"))
    options = parser.parse_args()

    # Textbook effects on digits are tenths of a point: 0.2 points are 20 of 10,000 digits.
    settings = {"folds": 5, "epochs": 5, "rope": 0.002}
    if options.quick:
        settings |= {"folds": 2, "epochs": 1}
    dropout = gengap.compare(
        options.data,
        model="mlp:128",
        techniques="dropout=0.5, input_dropout=0.5 + dropout=0.5",
        out=options.out / "dropout",
        **settings,
    )
    penalties = gengap.compare(
        options.data,
        model="mlp:64",
        techniques="l2=0.01, l1=0.01, elastic_net(l1=0.01, l2=0.01)",
        out=options.out / "penalties",
        **settings,
    )
    for study in (dropout, penalties):
        holdout = study.results.holdout
        print(study.results.headline)
        print(study.table()[COLUMNS].to_string(index=False))
        print(
            f"On the given test set: {holdout.baseline.mean:.4f} the baseline, "
            f"{holdout.best.mean:.4f} what validation chose ({study.results.best.recipe})\n"
        )


if __name__ == "__main__":
    main()
