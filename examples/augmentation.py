"""Images turned, shifted and mirrored: does augmentation help, and does the mirroring belong in it?

Tutorials turn training images by up to 20 degrees, shift them by up to a fifth of their size, and
mirror them left and right, whatever they show. A mirrored 2 is no 2.

    python examples/augmentation.py mnist fashion-mnist cifar10.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

from images import read_images

import gengap

COLUMNS = ["recipe", "test", "change", "change_low", "change_high", "verdict"]
AUGMENTED = "random_rotation=20 + random_shift=0.2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "data", type=Path, nargs="+", help="images: folders of IDX files, or .npz files"
    )
    parser.add_argument("--quick", action="store_true", help="a tiny size, to try it")
    parser.add_argument("--out", type=Path, default=Path("gengap-runs/augmentation"))
    options = parser.parse_args()

    # Augmentation is for small data: 6,000 images of each kind, of which a network sees 3,840.
    rows, settings = 6_000, {"folds": 5, "epochs": 20}
    if options.quick:
        rows, settings = 200, {"folds": 2, "epochs": 1}
    for path in options.data:
        (x, y), test = read_images(path)
        study = gengap.compare(
            x[:rows],
            y[:rows],
            "cnn:16,32",
            [f"{AUGMENTED} + random_flip", AUGMENTED],
            test=tuple(part[:rows] for part in test),
            out=options.out / path.stem,
            **settings,
        )
        print(f"{path.stem}: {study.results.headline}")
        print(study.table()[COLUMNS].to_string(index=False))


if __name__ == "__main__":
    main()
