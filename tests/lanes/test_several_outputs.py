"""Lanes of networks with several outputs: all are trained as `fit` does, one is judged."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.data.arrays import from_arrays
from gengap.data.encoding import encode
from gengap.data.preprocessing import fit_preprocessing
from gengap.export.blanks import filled as filled_in
from gengap.lanes.data import study_data
from gengap.lanes.targets import standardized
from gengap.mixing import mixed
from gengap.networks.insertion import insert
from gengap.networks.sites import hidden_sites
from gengap.recipe import Recipe
from gengap.smoothing import side_by_side, smoothed_each
from gengap.splits import make_splits
from gengap.techniques.base import Batch, Targets
from gengap.techniques.discovery import find_technique
from lanes.cases import (
    BATCH,
    CLASSES,
    COLUMNS,
    LOSS_WEIGHTS,
    LOSSES,
    ROWS,
    compiled_outputs,
    distance,
    fitted_twice,
    lane_of,
    network_of_outputs,
    orders,
    program_of,
    rows_of_outputs,
    shared_of_outputs,
    train_lanes,
    two_outputs,
)


def built(*, mapping: bool = False) -> keras.Model:
    return compiled_outputs(two_outputs(mapping=mapping), keras.optimizers.Adam(0.01))


@functools.cache
def network(output: str = "kind", *, mapping: bool = False) -> Any:
    return network_of_outputs(built(mapping=mapping), output)


@functools.cache
def trained(
    recipes: tuple[str, ...] = (), output: str = "kind", *, mapping: bool = False
) -> dict[str, Any]:
    """Train a lane of the baseline and two of each recipe, neutral and as given."""
    program = program_of(recipes)
    lanes = {"baseline": lane_of(program)}
    for recipe in recipes:
        lanes[f"{recipe} neutral"] = lane_of(program, neutral(recipe))
        lanes[recipe] = lane_of(program, recipe)
    shared = shared_of_outputs(*rows_of_outputs(), output)
    state = train_lanes(network(output, mapping=mapping), program, list(lanes.values()), shared)
    return {
        lane: {
            "weights": [value[at] for value in state["weights"]],
            "curves": state["curves"][at],
        }
        for at, lane in enumerate(lanes)
    }


def neutral(recipe: str) -> str:
    (name,) = Recipe.parse(recipe).names
    strengths = {s.name: s.idle for s in find_technique(name).strengths}
    return f"{name}({', '.join(f'{key}={value}' for key, value in strengths.items())})"


@functools.cache
def plainly_fitted(recipe: str = "baseline", *, mapping: bool = False) -> tuple[Any, float]:
    """Return what Keras' own `fit` trains by a recipe, and how far rounding may lead from it."""

    def build() -> keras.Model:
        model = built(mapping=mapping)
        parsed = Recipe.parse(recipe)
        if not parsed.names:
            return model
        (name,) = parsed.names
        plain = find_technique(name).plain_keras(parsed.values()[name], parsed.options()[name])
        scope: dict[str, Any] = {"keras": keras, "jax": jax}
        exec("".join((*plain.shared_definitions, plain.definitions)), scope)
        if plain.kernel_regularizer:
            model = insert(model, (), plain.kernel_regularizer)
        if plain.network:
            expression = filled_in(plain.network, model, network="network")
            model = eval(expression, scope | {"network": model})
        optimizer: Any = keras.optimizers.Adam(0.01)
        if plain.optimizer:
            expression = filled_in(plain.optimizer, model, optimizer="optimizer")
            optimizer = eval(expression, scope | {"optimizer": optimizer})
        losses: dict[str, Any] = dict(LOSSES)
        if plain.loss:
            losses["kind"] = eval(plain.loss.format(loss="loss"), scope | {"loss": losses["kind"]})
        model.compile(optimizer, losses, loss_weights=LOSS_WEIGHTS)
        return model

    return fitted_twice(build, *rows_of_outputs())


@pytest.mark.parametrize("output", ["kind", "price"])
@pytest.mark.parametrize("mapping", [False, True])
def test_one_lane_equals_fit_whichever_output_decides(output: str, mapping: bool) -> None:
    expected, rounding = plainly_fitted(mapping=mapping)
    found = trained((), output, mapping=mapping)["baseline"]["weights"]
    assert distance(found, expected) <= rounding


def test_rows_count_in_the_losses_of_all_outputs_as_in_fit() -> None:
    inputs, targets = rows_of_outputs()
    counts = np.random.default_rng(1).uniform(0.2, 2.0, ROWS).astype("float32")
    program = program_of(count=2)
    model = built()
    for order in orders(program):
        # Of a mapping Keras cannot tell whose weights these are.
        given = [targets["price"][order], targets["kind"][order]]
        model.fit(
            inputs[order], given, BATCH, verbose=0, shuffle=False, sample_weight=counts[order]
        )
    shared = {**shared_of_outputs(inputs, targets), "row_weights": jnp.asarray(counts)}
    state = train_lanes(network(), program, [lane_of(program)] * 2, shared)
    expected = [np.asarray(variable.value) for variable in model.trainable_variables]
    rounding = plainly_fitted()[1]
    assert distance([value[1] for value in state["weights"]], expected) <= rounding


@pytest.mark.parametrize("output", ["kind", "price"])
def test_judgements_see_the_loss_and_the_metric_of_the_output_that_decides(output: str) -> None:
    inputs, targets = rows_of_outputs()
    lane = trained((), output)["baseline"]
    model = built()
    for variable, value in zip(model.trainable_variables, lane["weights"], strict=True):
        variable.assign(value)
    price, kind = (np.asarray(one) for one in model(inputs))
    loss = np.mean((price[:, 0] - targets["price"]) ** 2)
    metric = np.sqrt(loss)
    if output == "kind":
        loss = -np.log(kind[np.arange(len(kind)), targets["kind"]]).mean()
        metric = np.mean(kind.argmax(axis=1) == targets["kind"])
    if output == "price":
        # The program of these tests scores classes.
        np.testing.assert_allclose(lane["curves"][-1][2], loss, rtol=1e-4)
    else:
        np.testing.assert_allclose(lane["curves"][-1][2:], [loss, metric], rtol=1e-4)


def test_no_layer_that_makes_an_output_is_a_hidden_one() -> None:
    for mapping in (False, True):
        sites = hidden_sites(two_outputs(mapping=mapping), (COLUMNS,))
        assert [site.kernel_layer.units for site in sites] == [8]


def test_nor_is_one_whose_output_is_computed_further_without_a_layer() -> None:
    inputs = keras.Input((COLUMNS,))
    hidden = keras.layers.Dense(8)(inputs)
    kind = keras.ops.softmax(keras.layers.Dense(CLASSES)(hidden))
    model = keras.Model(inputs, [kind, keras.layers.Dense(1)(hidden)])
    assert [site.kernel_layer.units for site in hidden_sites(model, (COLUMNS,))] == [8]


#: A technique of each kind of hook.
RECIPES = (
    "mixup=1",
    "label_smoothing=0.2",
    "dropout=0.5",
    "l2=0.01",
    "gradient_clipping=0.1",
    "weight_decay=0.01",
)
#: Those that make two passes; each once in a program.
TWO_PASSES = ("sam=0.1", "adversarial=0.3")


def together(recipe: str) -> tuple[str, ...]:
    some = RECIPES if recipe in RECIPES else TWO_PASSES
    return some if recipe in some else (recipe,)


@pytest.mark.parametrize("recipe", [*RECIPES, *TWO_PASSES, "cutmix=1"])
def test_neutral_is_the_baseline_and_a_strength_is_not(recipe: str) -> None:
    lanes = trained(together(recipe))
    baseline = lanes["baseline"]["weights"]
    assert distance(lanes[f"{recipe} neutral"]["weights"], baseline) == 0
    assert distance(lanes[recipe]["weights"], baseline) > 1e-5
    assert distance(baseline, trained()["baseline"]["weights"]) <= plainly_fitted()[1]


@pytest.mark.parametrize(
    "recipe",
    [
        "label_smoothing=0.2",
        "l2=0.01",
        "gradient_clipping=0.1",
        "weight_decay=0.01",
        "sam=0.1",
        "adversarial=0.3",
    ],
)
def test_a_technique_trains_what_its_plain_keras_form_trains(recipe: str) -> None:
    expected, rounding = plainly_fitted(recipe)
    assert distance(trained(together(recipe))[recipe]["weights"], expected) <= rounding


def test_a_fold_holds_the_unit_of_every_output_by_its_training_rows() -> None:
    random = np.random.default_rng(5)
    prices, kinds = 1e6 + random.normal(0, 50, 60), np.resize(["elm", "oak"], 60)
    missing = prices.copy()
    missing[[3, 5, 41]] = np.nan
    dataset = from_arrays(random.normal(size=(60, 3)), {"kind": kinds, "price": missing})
    kept = np.delete(prices, [3, 5, 41])
    np.testing.assert_array_equal(dataset.rows.further["price"], kept)
    encoded = encode(dataset.columns, dataset.rows.features)
    splits = make_splits(dataset.rows.target, task="classification", folds=3, seed=0)
    fitted = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    data = study_data(dataset, encoded, splits, fitted)
    for fold, split in enumerate(splits):
        lane = {name: values[fold] for name, values in data.folds["further"]["price"].items()}
        found = standardized(jnp.asarray(data.further["price"]), lane)
        own = kept[split.training]
        np.testing.assert_allclose(found, (kept - own.mean()) / own.std(), atol=1e-3)


def targets_of(rows: int = 4) -> Targets:
    classes = jnp.broadcast_to(jnp.arange(CLASSES)[:, None], (CLASSES, rows))
    pairs = jnp.broadcast_to(jnp.eye(2)[:, None], (2, rows, 2))
    return Targets(
        {
            "kind": jnp.arange(rows)[None] % CLASSES,
            "price": jnp.arange(rows, dtype=jnp.float32)[None, :, None],
            "pair": pairs[1][None],
        },
        jnp.ones(1),
        classes={"kind": classes, "pair": pairs},
    )


def test_rows_are_mixed_with_the_targets_of_all_outputs_in_one_share() -> None:
    given = targets_of()
    after = mixed(Batch(jnp.zeros((4, 2)), given), jnp.zeros((4, 2)), jnp.float32(0.75)).targets
    np.testing.assert_allclose(after.weights, [0.75, 0.25])
    for name, values in given.values.items():
        np.testing.assert_array_equal(after.values[name][0], values[0])
        np.testing.assert_array_equal(after.values[name][1], np.roll(values[0], 1, axis=0))


def test_every_output_is_smoothed_by_all_of_its_own_classes_alike() -> None:
    given = targets_of()
    after = smoothed_each(given, jnp.float32(0.3))
    weights = np.asarray(after.weights)
    assert weights.sum() == pytest.approx(1)
    for name, values in after.values.items():
        seen: dict[bytes, float] = {}
        for share, value in zip(weights, np.asarray(values), strict=True):
            seen[value.tobytes()] = seen.get(value.tobytes(), 0.0) + share
        if name not in given.classes:
            assert list(seen.values()) == pytest.approx([1])
            continue
        every = given.classes[name]
        for one in np.asarray(every):
            assert seen[one.tobytes()] == pytest.approx(
                0.3 / len(every) + 0.7 * (one.tobytes() == np.asarray(values[0]).tobytes())
            )


@pytest.mark.parametrize("counts", [(3, 2), (10, 7), (4, 4), (2, 9)])
def test_classes_go_side_by_side_in_few_steps(counts: tuple[int, int]) -> None:
    named = dict(zip("ab", counts, strict=True))
    shares, classes = side_by_side(named)
    assert len(shares) <= sum(counts) - 1
    assert sum(shares) == pytest.approx(1)
    for name, count in named.items():
        total = np.bincount(classes[name], weights=shares, minlength=count)
        np.testing.assert_allclose(total, 1 / count)


def test_rows_that_count_otherwise_are_smoothed_each_by_itself() -> None:
    given = targets_of()
    counting = Targets(given.values, given.weights, jnp.arange(4.0)[None], given.classes)
    after = smoothed_each(counting, jnp.float32(0.3))
    assert after.row_weights is not None
    assert len(after.row_weights) == len(after.weights)
    np.testing.assert_array_equal(after.row_weights[-1], np.arange(4.0))
