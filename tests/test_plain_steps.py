"""Changed steps in plain Keras, against steps that are written out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gengap.mixing import partners
from gengap.plain_steps import ChangedSteps, in_passes, with_batches
from lanes.cases import BATCH, compiled, distance, sequential, table
from techniques.by_hand import CLOSE, RATE

PADDING = -3.0
SHARE, ROW_WEIGHTS = 0.3, np.linspace(0.5, 2, BATCH).astype(np.float32)


def rows() -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = table()
    return inputs[:BATCH], targets[:BATCH]


def halved(key: Any, inputs: Any, targets: Any) -> Any:
    return inputs / 2, targets


def mixed(key: Any, inputs: Any, targets: Any) -> Any:
    ((share, codes, weights),) = targets
    others = [jnp.roll(values, 1, axis=0) for values in (inputs, codes, weights)]
    alternatives = [(SHARE * share, codes, weights), ((1 - SHARE) * share, *others[1:])]
    return SHARE * inputs + (1 - SHARE) * others[0], alternatives


def same(key: Any, inputs: Any, targets: Any) -> Any:
    return inputs, targets


def alike(compute: Any) -> Any:
    return compute


def doubled(compute: Any) -> Any:
    def found(weights: Any, inputs: Any) -> Any:
        gradients, by_inputs, first = compute(weights, inputs)
        return [2 * g for g in gradients], by_inputs, first

    return found


def fitted(change: Any) -> tuple[list[np.ndarray], dict[str, float]]:
    """Train for one step; return the weights and what `fit` says."""
    model = change(compiled(sequential(), "sgd"))
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.SGD(RATE), loss, weighted_metrics=["accuracy"])
    inputs, targets = rows()
    options = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    history = model.fit(inputs, targets, sample_weight=ROW_WEIGHTS, **options)
    return model.get_weights(), {name: values[0] for name, values in history.history.items()}


def by_hand(inputs: Any, *alternatives: Any, factor: float = 1.0) -> list[Any]:
    start = sequential().get_weights()

    def loss(weights: Any) -> Any:
        hidden = jnp.maximum(inputs @ weights[0] + weights[1], 0)
        logs = jax.nn.log_softmax(hidden @ weights[2] + weights[3])
        total = 0.0
        for share, codes, row_weights in alternatives:
            total -= share * jnp.mean(row_weights * logs[jnp.arange(BATCH), codes])
        return total

    return [w - RATE * factor * g for w, g in zip(start, jax.grad(loss)(start), strict=True)]


def test_the_batch_is_changed_in_training_alone() -> None:
    inputs, targets = rows()
    found, _ = fitted(lambda model: with_batches(model, halved))
    assert distance(found, by_hand(inputs / 2, (1.0, targets, ROW_WEIGHTS))) <= CLOSE
    model = with_batches(sequential(), halved)
    np.testing.assert_array_equal(model.predict(inputs, verbose=0), sequential()(inputs))


def test_steps_of_sequences_that_are_none_are_not_changed() -> None:
    sequences = np.full((2, 3, 1), 5, np.float32)
    sequences[0, 1:] = PADDING
    network = keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(1, kernel_initializer="ones"))
    model = with_batches(network, lambda key, inputs, targets: (partners(inputs) + 1, targets))
    model.padding = PADDING
    model.compile(keras.optimizers.SGD(0.0), "mae")
    history = model.fit(sequences, np.full(2, -100), batch_size=2, shuffle=False, verbose=0)
    # The first row has one step, of the second; to the second the first one lends two zeros.
    sums = [6 + 2 * PADDING, 6 + 1 + 1]
    assert history.history["loss"] == [100 + np.mean(sums)]


def test_images_without_a_channel_axis_have_one_while_they_are_changed() -> None:
    images = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    network = keras.Sequential([keras.Input((2, 2)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(1, kernel_initializer="ones"))
    shapes = []
    model = with_batches(
        network, lambda key, inputs, targets: (shapes.append(inputs.shape) or inputs + 1, targets)
    )
    model.flat = True
    model.compile(keras.optimizers.SGD(0.0), "mae")
    history = model.fit(images, np.zeros(2), batch_size=2, shuffle=False, verbose=0)
    assert set(shapes) == {(2, 2, 2, 1)}
    assert history.history["loss"] == [images.sum() / 2 + 4]


def test_alternative_targets_share_the_loss_and_bring_what_their_rows_count() -> None:
    inputs, targets = rows()
    own, partner = (targets, ROW_WEIGHTS), (np.roll(targets, 1), np.roll(ROW_WEIGHTS, 1))
    mixture = SHARE * inputs + (1 - SHARE) * np.roll(inputs, 1, axis=0)
    expected = by_hand(mixture, (SHARE, *own), (1 - SHARE, *partner))
    found, _ = fitted(lambda model: with_batches(model, mixed))
    assert distance(found, expected) <= CLOSE
    assert distance(found, by_hand(mixture, (1.0, *own))) > 100 * CLOSE


@pytest.mark.parametrize("change", [lambda m: with_batches(m, same), lambda m: in_passes(m, alike)])
def test_layers_that_act_in_training_alone_act_in_changed_steps(change: Any) -> None:
    inputs, targets = rows()
    normalization, noise = keras.layers.BatchNormalization(momentum=0.0), keras.layers.Dropout(0.9)
    layers = [normalization, noise, keras.layers.Dense(3, "softmax", kernel_initializer="ones")]
    model = change(keras.Sequential([keras.Input(inputs.shape[1:]), *layers]))
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    drawn = noise.seed_generator.state.numpy()
    model.fit(inputs, targets, batch_size=BATCH, shuffle=False, verbose=0)
    assert np.abs(normalization.moving_mean.numpy() - inputs.mean(axis=0)).max() <= CLOSE
    assert (noise.seed_generator.state.numpy() != drawn).any()


def test_metrics_see_the_targets_as_they_are() -> None:
    inputs, targets = rows()
    _, logs = fitted(lambda model: with_batches(model, mixed))
    mixture = SHARE * inputs + (1 - SHARE) * np.roll(inputs, 1, axis=0)
    right = np.argmax(sequential()(mixture), axis=1) == targets
    # Of the changed inputs: that is what the step has outputs for.
    expected = np.average(right, weights=ROW_WEIGHTS)
    assert abs(logs["accuracy"] - expected) <= CLOSE


def test_changes_of_batch_and_gradient_go_together_in_either_order() -> None:
    inputs, targets = rows()
    expected = by_hand(inputs / 2, (1.0, targets, ROW_WEIGHTS), factor=2.0)
    for change in (
        lambda model: in_passes(with_batches(model, halved), doubled),
        lambda model: with_batches(in_passes(model, doubled), halved),
    ):
        assert distance(fitted(change)[0], expected) <= CLOSE


def test_keys_differ_between_steps_and_changes_and_follow_the_seed() -> None:
    seen: list[np.ndarray] = []

    def keep(key: Any, inputs: Any, targets: Any) -> Any:
        jax.debug.callback(lambda bits: seen.append(np.asarray(bits)), jax.random.key_data(key))
        return inputs, targets

    inputs, targets = rows()

    def keys() -> set[tuple[int, ...]]:
        seen.clear()
        keras.utils.set_random_seed(7)
        model = with_batches(with_batches(sequential(), keep), keep)
        assert isinstance(model, ChangedSteps)
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(inputs, targets, batch_size=BATCH // 4, epochs=2, verbose=0)
        jax.effects_barrier()
        return {tuple(bits.tolist()) for bits in seen}

    first = keys()
    assert len(first) == 2 * 2 * 4
    assert keys() == first
