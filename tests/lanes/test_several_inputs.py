"""Lanes of networks with several inputs: trained as `fit` does, and changed input by input."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.lanes.inputs import InputKind, of_several
from gengap.lanes.loop import batch_order
from gengap.lanes.step import batch_of, changed, of_fold
from gengap.networks.columns import column_axes
from gengap.networks.insertion import insert
from gengap.random_bits import key as seed_key
from gengap.recipe import Recipe
from gengap.techniques.base import Batch, Insertion, Targets
from gengap.techniques.discovery import find_technique
from lanes.cases import (
    ROWS,
    compiled,
    distance,
    fitted_twice,
    lane_of,
    network_of,
    program_of,
    rows_of_two,
    shared_of,
    train_lanes,
    two_inputs,
)


def trained(second: str) -> list[np.ndarray]:
    """Train a lane of a network with a table and another input; return the weights."""
    inputs, targets = rows_of_two(second)
    program = program_of()
    network = network_of(compiled(two_inputs(second), keras.optimizers.Adam(0.01)))
    lane = lane_of(program)
    state = train_lanes(network, program, [lane, lane], shared_of(inputs, targets))
    return [np.asarray(value[1], "float64") for value in state["weights"]]


@pytest.mark.slow
@pytest.mark.parametrize("second", ["series", "images", "codes"])
def test_one_lane_of_two_inputs_equals_fit(second: str) -> None:
    inputs, targets = rows_of_two(second)
    build = lambda: compiled(two_inputs(second), keras.optimizers.Adam(0.01))  # noqa: E731
    expected, tolerance = fitted_twice(build, inputs, targets)
    assert distance(trained(second), expected) <= tolerance


def test_rows_of_all_inputs_are_gathered_together() -> None:
    inputs, targets = rows_of_two("series")
    lane, shared = {"split": np.int32(0)}, shared_of(inputs, targets)
    order = batch_order(0, 0, np.arange(ROWS), ROWS)[:7]
    taken, of_rows, _ = batch_of(order, of_fold(lane, shared), shared)
    np.testing.assert_array_equal(of_rows, targets[order])
    for name, values in taken.items():
        np.testing.assert_array_equal(values, inputs[name][order])


KEY = jnp.asarray(seed_key(3))
KINDS = {
    "first": InputKind("table", codes=False),
    "second": InputKind("table", codes=False),
    "codes": InputKind("table", codes=True),
    "series": InputKind("sequence", codes=False),
}


def changed_by(recipe: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], Targets]:
    """Return inputs before and after a technique, and the targets after it."""
    random = np.random.default_rng(0)
    shapes = {"first": (4,), "second": (4,), "codes": (3,), "series": (6, 2)}
    inputs = {
        name: jnp.asarray(random.normal(size=(8, *s)), "float32") for name, s in shapes.items()
    }
    targets = Targets(jnp.arange(8)[None], jnp.ones(1), classes=jnp.zeros((3, 8), int))
    columns = {name: jnp.arange(s[0]) if len(s) == 1 else None for name, s in shapes.items()}
    ((technique, values),) = Recipe.parse(recipe).values().items()
    hook = find_technique(technique).hooks({}).batch
    assert hook is not None
    after = of_several(
        technique,
        partial(hook, {name: jnp.float32(value) for name, value in values.items()}),
        KEY,
        Batch(inputs, targets),
        KINDS,
        {name: (None, own) for name, own in columns.items()},
    )
    as_arrays = [{n: np.asarray(v) for n, v in some.items()} for some in (inputs, after.inputs)]
    return as_arrays[0], as_arrays[1], after.targets


def test_every_input_has_random_numbers_of_its_own_and_codes_stay() -> None:
    before, after, targets = changed_by("gaussian_noise=0.5")
    noise = {name: after[name] - before[name] for name in before}
    assert not noise["codes"].any()
    assert 0.3 < noise["series"].std() < 0.7
    assert np.abs(noise["first"] - noise["second"]).min() > 1e-4
    assert len(targets.weights) == 1


def test_a_technique_acts_on_inputs_of_its_kind_alone() -> None:
    before, after, _ = changed_by("time_masking=0.5")
    same = [name for name in before if (before[name] == after[name]).all()]
    assert same == ["first", "second", "codes"]


def test_grey_images_without_a_channel_axis_are_changed_as_those_with_one() -> None:
    random = np.random.default_rng(0)
    pixels = jnp.asarray(random.uniform(size=(8, 6, 6)), "float32")
    targets = Targets(jnp.arange(8)[None], jnp.ones(1))
    hook = find_technique("random_shift").hooks({}).batch
    assert hook is not None
    own = partial(hook, {"fraction": jnp.float32(0.3)})
    kinds = {"grey": InputKind("image", codes=False)}
    parts = {"grey": (jnp.asarray([0.0, 1.0]), None)}
    flat, deep = (
        of_several("random_shift", own, KEY, Batch({"grey": given}, targets), kinds, parts)
        for given in (pixels, pixels[..., None])
    )
    np.testing.assert_array_equal(flat.inputs["grey"], deep.inputs["grey"][..., 0])
    assert (flat.inputs["grey"] != pixels).any()


def test_rows_are_mixed_with_the_same_partners_and_share_in_all_inputs() -> None:
    before, after, targets = changed_by("mixup=1")
    share = float(targets.weights[0])
    np.testing.assert_allclose(np.asarray(targets.weights), [share, 1 - share], rtol=1e-6)
    assert 0.01 < share < 0.99
    for name in ("first", "second", "series"):
        mixed = share * before[name] + (1 - share) * np.roll(before[name], 1, axis=0)
        np.testing.assert_allclose(after[name], mixed, atol=1e-6)


def test_exchanged_parts_count_in_the_targets_by_their_mean_share() -> None:
    before, after, targets = changed_by("cutmix=1")
    taken = {name: (after[name] != before[name]).mean() for name in before}
    for name, values in after.items():
        exchanged = np.where(values == before[name], before[name], np.roll(before[name], 1, axis=0))
        np.testing.assert_array_equal(values, exchanged)
    assert targets.weights[1] == pytest.approx(np.mean(list(taken.values())), abs=1e-6)


def test_targets_are_smoothed_once() -> None:
    before, after, targets = changed_by("label_smoothing=0.3")
    np.testing.assert_allclose(np.asarray(targets.weights), [0.7, 0.1, 0.1, 0.1], rtol=1e-6)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_steps_that_are_none_stay_so() -> None:
    inputs = {"series": jnp.ones((2, 3, 1)).at[0, 2].set(-9.0), "numbers": jnp.ones((2, 2))}
    lane = {"inputs": {"series": {"padding": jnp.float32(-9)}, "numbers": {}}}
    found = changed(inputs, lane, lambda given: jax.tree.map(lambda x: x + 1, given))
    assert found["series"][..., 0].tolist() == [[2, 2, -9], [2, 2, 2]]
    assert (found["numbers"] == 2).all()


def test_columns_are_those_of_each_input() -> None:
    axes = column_axes(two_inputs("series"), {"numbers": (6,), "series": (5, 2)})
    shapes = [variable.shape for variable in two_inputs("series").trainable_variables]
    known = {shape for shape, axis in zip(shapes, axes, strict=True) if axis == 0}
    assert known == {(6, 6), (2, 16)}


def test_layers_at_the_inputs_are_behind_each_that_is_no_code() -> None:
    noise = (Insertion("inputs", "GaussianNoise", {"stddev": 0.1}),)
    for second, names in (("series", ["numbers", "series"]), ("codes", ["numbers"])):
        model = insert(two_inputs(second), noise)
        found = [layer for layer in model.layers if isinstance(layer, keras.layers.GaussianNoise)]
        assert [layer.name for layer in found] == [f"{name}_gaussian_noise" for name in names]
        assert [given.name for given in model.inputs] == ["numbers", second]


#: Techniques at every place that inputs reach, each once in a program.
PLACES = (
    "gaussian_noise=0.3",
    "input_dropout=0.3",
    "cutmix=0.8",
    "time_masking=0.5",
    "label_smoothing=0.2",
    "group_lasso=0.01",
    "adversarial=0.3",
)


@pytest.mark.slow
@pytest.mark.parametrize("second", ["series", "codes"])
def test_neutral_strengths_train_as_the_baseline_does(second: str) -> None:
    inputs, targets = rows_of_two(second)
    recipes = [r for r in PLACES if second == "series" or "time" not in r]
    program = program_of(recipes)
    network = network_of(compiled(two_inputs(second), keras.optimizers.Adam(0.01)))
    neutral = [f"{recipe.partition('=')[0]}=0" for recipe in recipes]
    lanes = [lane_of(program, recipe) for recipe in ("baseline", *neutral, *recipes)]
    state = train_lanes(network, program, lanes, shared_of(inputs, targets))
    trained = [[value[at] for value in state["weights"]] for at in range(len(lanes))]
    for at, recipe in enumerate(neutral, 1):
        assert distance(trained[at], trained[0]) == 0, recipe
    for at, recipe in enumerate(recipes, 1 + len(neutral)):
        assert distance(trained[at], trained[0]) > 0, recipe
