"""Red wine: what an accuracy of 1.0 with and without dropout means, and what is true.

A published notebook trains 11-64-32-1 units for ten epochs, with and without dropout of 0.5 behind
both hidden layers, and reports an accuracy of 1.0 for each.

    python examples/wine_quality.py winequality-red.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gengap  # before keras: it chooses the JAX backend

# isort: split
import keras
import pandas as pd

COLUMNS = ["recipe", "test", "change", "change_low", "change_high", "verdict"]


def network() -> keras.Model:
    """Build the notebook's network, with one sigmoid unit at its end."""
    return keras.Sequential(
        [
            keras.Input((11,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "data", type=Path, help="winequality-red.csv: eleven columns, and quality from 3 to 8"
    )
    parser.add_argument("--quick", action="store_true", help="a tiny size, to try it")
    parser.add_argument("--out", type=Path, default=Path("gengap-runs/wine-quality"))
    options = parser.parse_args()

    table = pd.read_csv(options.data, sep=None, engine="python")  # commas, or UCI's semicolons
    x, quality = table.drop(columns="quality"), table["quality"]
    settings = {"techniques": "dropout=0.5", "folds": 10, "repeats": 3, "epochs": 10}
    if options.quick:
        settings |= {"folds": 3, "repeats": 1}

    # A number never equals a word: every wine is "not good".
    never = (quality == "good").map({True: "good", False: "not good"}).rename("quality")
    try:
        gengap.compare(x, never, network(), **settings)
    except gengap.UserError as refused:
        print(f"refused: {refused}\n")
    mistaken = gengap.compare(
        x,
        never,
        network(),
        out=options.out / "one-class",
        metric="accuracy",
        allow="one-class-target",
        **settings,
    )
    print(mistaken.table()[COLUMNS].to_string(index=False))

    good = (quality > 5).map({True: "good", False: "not good"}).rename("quality")
    true = gengap.compare(x, good, network(), out=options.out / "good", **settings)
    print(f"\n{good.eq('good').mean():.1%} of the wines are good (quality above 5).")
    print(true.results.headline)
    print(true.table()[COLUMNS].to_string(index=False))


if __name__ == "__main__":
    main()
