"""What l1 promises: weights that are exactly zero, at no worse an objective than Keras' own L1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import keras
import numpy as np
import pytest

from gengap.data.preprocessing import fit_preprocessing
from gengap.design import Design, design_study
from gengap.finish import finish
from gengap.lanes.batching import train_lanes
from gengap.lanes.compiled import compile_program, on_devices
from gengap.lanes.data import study_data
from gengap.lanes.layout import Layout
from gengap.lanes.network import lane_network
from gengap.lanes.program import Program, Run
from gengap.lanes.reading import read_lanes
from gengap.networks.variants import build_variant, variant_of
from gengap.programs import steps_of
from gengap.progress import SilentProgress
from gengap.reading import read
from gengap.recipe import Recipe
from gengap.splits import Split
from gengap.store import Store
from gengap.study import FinishedModel
from gengap.training import starting_values

pytestmark = pytest.mark.slow

EPOCHS, STRENGTH = 60, 0.01
SEEDS = range(100, 132)

Finish = Callable[[str], FinishedModel]


@pytest.fixture(scope="module")
def design() -> Design:
    """A study of a table of 30 columns with the default network and Adam."""
    raw = read(
        "sklearn:breast_cancer", None, target=None, task=None, test=None, groups=None,
        weight=None, sample_weight=None,
    )  # fmt: skip
    return design_study(
        raw, model=None, techniques="l1", metric=None, folds=3, repeats=1, epochs=EPOCHS,
        batch_size=32, learning_rate=None, class_weight=None, seed=0, budget=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finish]:
    """Return what trains a recipe on all rows and exports it, once."""
    with Store.open(tmp_path_factory.mktemp("store")) as store:
        yield lambda recipe: finish(recipe, EPOCHS, design, store, SilentProgress())


def kernels(model: keras.Model) -> np.ndarray:
    found = [np.ravel(v.value) for v in model.trainable_variables if v.name == "kernel"]
    assert len(found) == 3
    return np.concatenate(found)


def zeros_in_file(model: FinishedModel, folder: Path) -> float:
    """Return the share of kernel weights that are exactly zero in a saved file."""
    model.model.save(folder / "model.keras")
    return float(np.mean(kernels(keras.models.load_model(folder / "model.keras")) == 0.0))


def objectives(recipe: str, design: Design) -> np.ndarray:
    """Train on all rows from many starts; return what both forms of l1 minimize, each start."""
    parsed, rows, material = Recipe.parse(recipe), len(design.dataset.rows), design.material
    everything = np.arange(rows)
    split = Split(0, 0, everything, everything[:1], everything[:1])
    prepared = fit_preprocessing(design.dataset, design.encoded, everything)
    variant = variant_of(parsed, material.model)
    network = lane_network(
        build_variant(material.model, variant), **material.rows,
        task="classification", classes=2,
    )  # fmt: skip
    data = study_data(design.dataset, design.encoded, (split,), (prepared,))
    compiled = compile_program(
        network,
        Program(steps_of([parsed]), (), rows, EPOCHS, 32, "classification"),
        data,
        Layout(width=8, groups=2, chunk=EPOCHS, readers=8, devices=jax.device_count()),
        starts=len(SEEDS),
    )
    runs = [Run(parsed, 0, seed, (None,)) for seed in SEEDS]
    shared, starts = (
        on_devices(data, compiled.layout),
        starting_values(material.model, variant, SEEDS),
    )
    weights, losses = {}, {}
    for ended in train_lanes(compiled, runs, data, shared, starts):
        weights |= {run.run.seed: run.judged[0].weights for run in ended}
        for trained in read_lanes(compiled, [ended], data, shared):
            losses |= {run.run.seed: run.records[0].losses.mean() for run in trained}
    found = []
    for seed in SEEDS:
        values = zip(weights[seed], network.kernels, strict=True)
        penalty = STRENGTH * sum(np.abs(value).sum() for value, kernel in values if kernel)
        found.append(losses[seed] + penalty)
    return np.array(found)


def test_l1_leaves_over_half_of_the_saved_weights_exactly_zero(
    finished: Finish, tmp_path: Path
) -> None:
    model = finished(f"l1={STRENGTH}")
    assert zeros_in_file(model, tmp_path) > 0.5
    # A network that says the same of every row would be no feat.
    assert np.ptp(model.model.predict(np.eye(30) * 3, verbose=0)) > 0.1


def test_l2_leaves_none(finished: Finish, tmp_path: Path) -> None:
    assert zeros_in_file(finished(f"l2={STRENGTH}"), tmp_path) == 0.0


def test_the_proximal_form_reaches_the_objective_of_keras_l1(design: Design) -> None:
    """From every start, not on the average only."""
    proximal = objectives(f"l1={STRENGTH}", design)
    subgradient = objectives(f"l1(strength={STRENGTH}, form=subgradient)", design)
    assert np.all(proximal <= 1.05 * subgradient)
