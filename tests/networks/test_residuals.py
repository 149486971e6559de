"""Residual branches are found where they join their shortcut, and changed while traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from gengap.networks.residuals import Join, at_joins, residual_joins
from networks.zoo import ZOO

WIDTH = 5


def dense() -> layers.Layer:
    return layers.Dense(WIDTH, activation="tanh")


def chain(hidden: Any) -> Any:
    return layers.Dropout(0.5)(dense()(dense()(hidden)))


def one(hidden: Any) -> Any:
    return layers.Add()([hidden, chain(hidden)])


def turned(hidden: Any) -> Any:
    return layers.Add()([dense()(hidden), hidden])


def plus(hidden: Any) -> Any:
    return hidden + chain(hidden)


def one_after_the_other(hidden: Any) -> Any:
    return hidden + dense()(hidden) + dense()(hidden)


def of_three(hidden: Any) -> Any:
    return layers.Add()([dense()(hidden), hidden, dense()(hidden)])


def of_two_sums(hidden: Any) -> Any:
    return layers.Add()([hidden, layers.Add()([dense()(hidden), dense()(hidden)])])


def parallel(hidden: Any) -> Any:
    return layers.Add()([dense()(hidden), dense()(hidden)])


def projected(hidden: Any) -> Any:
    return layers.Add()([layers.Dense(WIDTH)(hidden), chain(hidden)])


def twice_itself(hidden: Any) -> Any:
    return layers.Add()([hidden, hidden])


def shared_addition(hidden: Any) -> Any:
    add = layers.Add()
    hidden = add([hidden, dense()(hidden)])
    return add([dense()(hidden), hidden])


def nested(hidden: Any) -> Any:
    given = keras.Input((WIDTH,))
    block = keras.Model(given, one(given))
    return block(block(hidden))


def network(block: Callable[[Any], Any]) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Dense(2)(block(dense()(inputs))))


#: What a block is made of -> places of branches and depth, join by join.
EXPECTED: dict[Callable[[Any], Any], list[tuple[tuple[int, ...], float | None]]] = {
    one: [((1,), 1.0)],
    turned: [((0,), 1.0)],
    plus: [((1,), 1.0)],
    one_after_the_other: [((1,), 0.5), ((1,), 1.0)],
    of_three: [((0, 2), 1.0)],
    of_two_sums: [((0, 1), None), ((1,), 1.0)],
    parallel: [],
    projected: [],
    twice_itself: [],
    shared_addition: [((1,), 1.0), ((0,), 1.0)],
    nested: [((1,), 1.0), ((1,), 1.0)],
}


def found(model: keras.Model) -> tuple[Join, ...]:
    return residual_joins(model, (3,))


def outputs(model: keras.Model, change: Any = None) -> np.ndarray:
    inputs = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    weights = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    with at_joins(model, found(model) if change else (), change):
        result, _ = model.stateless_call(weights, others, inputs)
        again, _ = model.stateless_call(weights, others, inputs)
    np.testing.assert_array_equal(result, again)
    return np.asarray(result)


@pytest.mark.parametrize("block", EXPECTED, ids=lambda block: block.__name__)
def test_joins_are_found_and_changed(block: Callable[[Any], Any]) -> None:
    model = network(block)
    joins = found(model)
    assert [(join.branches, join.depth) for join in joins] == EXPECTED[block]
    calls: list[tuple[int, int]] = []

    def same(index: int, branches: list[Any]) -> list[Any]:
        calls.append((index, len(branches)))
        return branches

    np.testing.assert_array_equal(outputs(model, same), outputs(model))
    expected = [(index, len(join.branches)) for index, join in enumerate(joins)]
    assert calls == 2 * expected
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


@pytest.mark.parametrize(
    "block",
    [one, turned, plus, one_after_the_other, of_three, of_two_sums],
    ids=lambda block: block.__name__,
)
def test_without_its_branches_a_block_is_its_shortcut(block: Callable[[Any], Any]) -> None:
    def nothing(index: int, branches: list[Any]) -> list[Any]:
        return [0 * branch for branch in branches]

    model = network(block)
    first, last = model.layers[1], model.layers[-1]
    short = keras.Model(model.input, last(first.output))
    np.testing.assert_allclose(outputs(model, nothing), outputs(short), rtol=1e-6)


def test_depth_counts_the_blocks_from_the_input() -> None:
    joins = found(network(lambda hidden: of_two_sums(one(plus(hidden)))))
    assert [join.depth for join in joins] == [1 / 3, 2 / 3, None, 1.0]


def test_a_join_knows_what_computes_its_branches() -> None:
    block = keras.Sequential([keras.Input((WIDTH,)), dense(), dense()])
    first = dense()
    inputs = keras.Input((WIDTH,))
    hidden = first(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.Add()([hidden, block(hidden)])))
    (join,) = residual_joins(model, (WIDTH,))
    assert {id(layer) for layer in (block, *block.layers)} <= join.within
    assert id(first) not in join.within


def test_deep_networks_are_looked_over() -> None:
    def deep(hidden: Any) -> Any:
        for _ in range(120):
            hidden = plus(hidden)
        return hidden

    joins = found(network(deep))
    assert [join.depth for join in joins] == [(number + 1) / 120 for number in range(120)]


@pytest.mark.parametrize("case", ZOO, ids=str)
def test_networks_of_every_shape_are_looked_over(case: Any) -> None:
    count = {"residual": 1, "attention": 1}.get(case.name, 0)
    assert len(residual_joins(case.build(), case.shape)) == count


def test_the_calls_are_given_back_when_tracing_fails() -> None:
    model = network(one)

    def fail(index: int, branches: list[Any]) -> list[Any]:
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        outputs(model, fail)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())
