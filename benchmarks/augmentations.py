"""What does each augmentation add to a training step?

Every technique of the family is measured on each kind of data that it serves, in the step of one
lane: the small convolutional network on 28 x 28 images, a table's network, an LSTM. All programs
are compiled first and then timed in turns, so that what disturbs one round disturbs all. An
augmentation of images that costs more than the step of the convolutional network ends with exit
code 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from keeping import RESULTS, keep, machine, table, versions

sys.path.insert(0, str(Path(__file__).parent / "contenders"))

from suite.works import WORKS

from gengap.backend import ensure_backend
from gengap.recipe import Recipe
from gengap.techniques.discovery import techniques

#: Kind of data -> the work whose network is trained.
NETWORKS = {"image": "cnn", "table": "table", "sequence": "lstm"}
BATCH, LIMIT = 32, 1.0


@dataclass
class Timed:
    """A program of one lane, and how long its steps took.

    Attributes
    ----------
    modality : str
    recipe : str
    run : callable
        ``() -> None``, trains an epoch.
    compile_seconds : float
    seconds : list of float
        Of a step, a round each.
    """

    modality: str
    recipe: str
    run: Callable[[], None]
    compile_seconds: float
    seconds: list[float] = field(default_factory=list)


def main() -> int:
    """Measure, keep the figures, and say whether all are within the limit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=40, help="of a round")
    parser.add_argument("--modalities", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--only", nargs="+", help="techniques")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    about = machine()
    ensure_backend()
    programs = [
        timed
        for modality in options.modalities
        for timed in _programs(modality, options.steps, options.only)
    ]
    for number in range(options.rounds):
        for program in programs:
            program.run()  # what the one before it left in the cache is none of its own
            began = time.perf_counter()
            program.run()
            program.seconds.append((time.perf_counter() - began) / options.steps)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    rows = [row for modality in options.modalities for row in _rows(modality, programs)]
    _keep(rows, options, about)
    return 0 if all(row["within"] for row in rows) else 1


def _programs(modality: str, steps: int, only: list[str] | None) -> Iterator[Timed]:
    """Compile the plain step, and a step a technique."""
    work = WORKS[NETWORKS[modality]]
    spec: dict[str, Any] = {
        "shape": work.shape,
        "network": work.network,
        "classes": work.classes,
        "optimizer": work.optimizer,
        "learning_rate": work.learning_rate,
    }
    yield _compiled(modality, "baseline", spec, steps)
    for name, technique in techniques().items():
        serves = technique.family == "augmentation" and modality in technique.modalities
        if serves and (only is None or name in only):
            grid = Recipe.parse(name).grid()
            yield _compiled(modality, str(grid[len(grid) // 2]), spec, steps)


def _compiled(modality: str, text: str, spec: Mapping[str, Any], steps: int) -> Timed:
    import jax
    from keras_network import build, compiled

    from gengap.data.arrays import from_arrays
    from gengap.data.encoding import encode
    from gengap.data.preprocessing import fit_preprocessing
    from gengap.lanes.data import study_data
    from gengap.lanes.filling import lane_record
    from gengap.lanes.loop import batch_order, epochs, start_state
    from gengap.lanes.network import lane_network
    from gengap.lanes.program import Asked, Program, Run
    from gengap.splits import Split

    count = BATCH * steps
    random = np.random.default_rng(0)
    y = random.integers(0, spec["classes"], count)
    x = random.normal(size=(count, *spec["shape"])).astype(np.float32)
    if modality == "image":
        # A fifth of the pixels of a digit is not black.
        lit = random.uniform(size=x.shape) < 0.2
        x = (lit * random.uniform(0, 255, x.shape)).astype(np.float32)
    dataset = from_arrays(x, y, task="classification")
    encoded = encode(dataset.columns, dataset.rows.features)
    everything = np.arange(count)
    split = Split(0, 0, training=everything, validation=everything[:1], test=everything[:1])
    preprocessing = fit_preprocessing(dataset, encoded, everything)
    shared = jax.device_put(study_data(dataset, encoded, (split,), (preprocessing,)).tables())

    recipe = Recipe.parse(text)
    model = compiled(build(dict(spec)), dict(spec))
    network = lane_network(
        model,
        sample_shape=tuple(spec["shape"]),
        task="classification",
        classes=spec["classes"],
    )
    asked = tuple(Asked.of(part) for part in recipe.parts)
    program = Program(asked, (), count, 1, BATCH, "classification", watched=False)
    lane = lane_record(program, Run(recipe, 0, 0, (None,)), (None,), 0)
    kinds = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables
    state = start_state(network, program, *([v.value for v in kind] for kind in kinds))
    orders = batch_order(0, 0, everything, count)[None]
    given = jax.device_put((state, lane, orders, shared, np.int32(1)))
    began = time.perf_counter()
    train = jax.jit(epochs(network, program)).lower(*given).compile()
    seconds = time.perf_counter() - began
    run = lambda: jax.block_until_ready(train(*given))  # noqa: E731
    run()
    return Timed(modality, text, run, seconds)


def _rows(modality: str, programs: list[Timed]) -> Iterator[dict[str, Any]]:
    """Compare each program of a kind of data with the plain one, round by round."""
    plain, *others = [program for program in programs if program.modality == modality]
    for program in others:
        added = [own - base for own, base in zip(program.seconds, plain.seconds, strict=True)]
        share = float(np.median(added) / np.median(plain.seconds))
        yield {
            "modality": modality,
            "recipe": program.recipe,
            "plain_us": 1e6 * float(np.median(plain.seconds)),
            "added_us": 1e6 * float(np.median(added)),
            "share": share,
            "compile_seconds": program.compile_seconds - plain.compile_seconds,
            "within": modality != "image" or share <= LIMIT,
        }


def _keep(rows: list[dict[str, Any]], options: argparse.Namespace, about: dict[str, Any]) -> None:
    titles = {modality: WORKS[work].title for modality, work in NETWORKS.items()}
    columns = ("technique", "us a step", "plain step, us", "times the plain step", "compiling, s")
    parts = []
    for modality in options.modalities:
        shown = [
            (
                row["recipe"],
                f"{row['added_us']:.0f}",
                f"{row['plain_us']:.0f}",
                f"{row['share']:.2f}",
                f"{row['compile_seconds']:.1f}",
            )
            for row in rows
            if row["modality"] == modality
        ]
        parts.append(f"## {titles[modality]}\n\n{table(columns, shown)}")
    text = (
        "What an augmentation adds to the step of one lane, batch 32: the median over "
        f"{options.rounds} rounds of {options.steps} steps, in which all take turns; and what it "
        "adds to the compilation. Of images the goal is at most 1.00 times the plain step.\n\n"
        + "\n\n".join(parts)
    )
    record = {
        "rounds": options.rounds,
        "steps": options.steps,
        "batch_size": BATCH,
        "rows": rows,
        "machine": about,
        "versions": versions(),
    }
    keep("augmentations", "Augmentations", text, record, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
