"""Images are changed as Keras' layers and SciPy change them, by parameters of the right chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers
from scipy import ndimage, stats

from gengap.random_bits import key as seed_key
from gengap.shading import brighten, contrast
from gengap.techniques import (
    rand_augment,
    random_brightness,
    random_contrast,
    random_crop,
    random_erasing,
    random_flip,
    random_rotation,
    random_shift,
    random_zoom,
    time_masking,
    time_scaling,
)
from gengap.techniques.base import Batch, Targets
from gengap.techniques.discovery import find_technique
from gengap.warping import move, warp

ROWS, HEIGHT, WIDTH, CHANNELS = 6, 9, 12, 2
RARE = 1e-4
#: Places in images are of the size of 10, and so are values in 32 bits: interpolation rounds.
CLOSE = 2e-5


def images() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.uniform(-1, 1, (ROWS, HEIGHT, WIDTH, CHANNELS)).astype(np.float32)


def turned(angles: np.ndarray) -> np.ndarray:
    cosines, sines = np.cos(angles), np.sin(angles)
    return np.stack([cosines, sines, -sines, cosines], axis=1).reshape(-1, 2, 2)


def affine_maps() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(1)
    same, nowhere = np.tile(np.eye(2), (ROWS, 1, 1)), np.zeros((ROWS, 2))
    return {
        "rotation": (turned(random.uniform(-3, 3, ROWS)), nowhere),
        "zoom": (random.uniform(0.3, 1.8, (ROWS, 1, 1)) * same, nowhere),
        "shift": (same, random.uniform(-6, 6, (ROWS, 2))),
        "any": (random.normal(size=(ROWS, 2, 2)), random.normal(size=(ROWS, 2))),
    }


@pytest.mark.parametrize("kind", affine_maps())
def test_an_affine_map_is_that_of_scipy(kind: str) -> None:
    matrices, shifts = affine_maps()[kind]
    found = warp(jnp.asarray(images()), jnp.float32(matrices), jnp.float32(shifts))
    middle = np.array([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
    for image, given, matrix, shift in zip(found, images(), matrices, shifts, strict=True):
        offset = middle - matrix @ middle + shift
        for channel in range(CHANNELS):
            expected = ndimage.affine_transform(
                given[..., channel], matrix, offset, order=1, mode="nearest"
            )
            np.testing.assert_allclose(image[..., channel], expected, atol=CLOSE)


def as_keras_does(layer: keras.layers.Layer, transformation: dict[str, Any]) -> np.ndarray:
    transformation = {name: jnp.asarray(value) for name, value in transformation.items()}
    return np.asarray(layer.transform_images(jnp.asarray(images()), transformation, training=True))


def test_a_rotation_is_that_of_keras() -> None:
    angles = np.random.default_rng(2).uniform(-0.5, 0.5, ROWS).astype(np.float32)
    layer = layers.RandomRotation(0.2, fill_mode="nearest")
    nothing, one = np.zeros(ROWS, np.float32), np.ones(ROWS, np.float32)
    matrix = layer._compute_affine_matrix(
        0.5, 0.5, np.rad2deg(angles), nothing, nothing, one, nothing, nothing, HEIGHT, WIDTH
    )
    expected = as_keras_does(layer, {"rotation_matrix": matrix})
    found = warp(jnp.asarray(images()), jnp.asarray(turned(angles)), jnp.zeros((ROWS, 2)))
    np.testing.assert_allclose(found, expected, atol=CLOSE)


def test_a_zoom_is_that_of_keras() -> None:
    factors = np.random.default_rng(2).uniform(0.6, 1.4, ROWS).astype(np.float32)
    layer = layers.RandomZoom(0.4, fill_mode="nearest")
    zooms = factors[:, None]
    expected = as_keras_does(layer, {"height_zoom": zooms, "width_zoom": zooms})
    matrices = factors[:, None, None] * np.eye(2, dtype=np.float32)
    found = warp(jnp.asarray(images()), jnp.asarray(matrices), jnp.zeros((ROWS, 2)))
    np.testing.assert_allclose(found, expected, atol=CLOSE)


def test_a_shift_is_that_of_keras() -> None:
    shifts = np.random.default_rng(2).uniform(-4, 4, (ROWS, 2)).astype(np.float32)
    layer = layers.RandomTranslation(0.4, 0.4, fill_mode="nearest")
    # Keras says where an image goes, right and down; the map where a place comes from.
    expected = as_keras_does(layer, {"translations": -shifts[:, ::-1]})
    same = jnp.tile(jnp.eye(2), (ROWS, 1, 1))
    np.testing.assert_allclose(
        warp(jnp.asarray(images()), same, jnp.asarray(shifts)), expected, atol=CLOSE
    )


@pytest.mark.parametrize(("direction", "axis"), [("horizontal", 2), ("vertical", 1)])
def test_a_flip_is_that_of_keras(direction: str, axis: int) -> None:
    key = jnp.asarray(seed_key(3))
    flips = random_flip.drawn(key, jnp.float32(0.5), axis, ROWS)
    assert 0 < flips.sum() < ROWS
    changed = change("random_flip", {"direction": direction})(key, probability=0.5)
    layer = layers.RandomFlip(direction)
    expected = as_keras_does(layer, {"flips": flips[:, None, None, None]})
    np.testing.assert_array_equal(changed, expected)


def test_a_crop_is_a_window_of_the_image_with_a_wider_edge() -> None:
    moves = np.random.default_rng(2).integers(-4, 5, (ROWS, 2)).astype(np.int32)
    found = move(jnp.asarray(images()), jnp.asarray(moves[:, 0]), jnp.asarray(moves[:, 1]))
    padded = np.pad(images(), ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    for image, wide, (down, right) in zip(found, padded, moves, strict=True):
        expected = wide[4 - down : 4 - down + HEIGHT, 4 - right : 4 - right + WIDTH]
        np.testing.assert_array_equal(image, expected)


RANGE = (-0.8, 0.7)


def batch_of(given: Any) -> Batch:
    """Return some images as a batch; the range is narrower than theirs."""
    targets = Targets(jnp.zeros((1, len(given))), jnp.ones(1))
    return Batch(jnp.asarray(given), targets, jnp.array(RANGE))


def test_contrast_is_that_of_keras() -> None:
    changes = np.random.default_rng(2).uniform(-1, 1, ROWS).astype(np.float32)
    layer = layers.RandomContrast(0.4, value_range=RANGE)
    expected = as_keras_does(layer, {"contrast_factor": 1 + changes[:, None, None, None]})
    found = contrast(batch_of(images()), jnp.asarray(changes)).inputs
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_brightness_is_that_of_keras() -> None:
    changes = np.random.default_rng(2).uniform(-1, 1, ROWS).astype(np.float32)
    layer = layers.RandomBrightness(0.4, value_range=RANGE)
    added = changes[:, None, None, None] * (RANGE[1] - RANGE[0])
    expected = as_keras_does(layer, {"rgb_delta": np.float32(added)})
    found = brighten(batch_of(images()), jnp.asarray(changes)).inputs
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("of_images", [contrast, brighten])
def test_what_is_not_changed_is_not_clipped_either(of_images: Any) -> None:
    changes = jnp.array([0.0, 0.1] * (ROWS // 2))
    found = np.asarray(of_images(batch_of(images()), changes).inputs)
    np.testing.assert_array_equal(found[::2], images()[::2])
    assert found[1::2].min() >= np.float32(RANGE[0])
    assert found[1::2].max() <= np.float32(RANGE[1])


def many(count: int) -> np.ndarray:
    return np.stack([seed_key(seed) for seed in range(count)])


def test_a_rectangle_of_the_image_is_erased() -> None:
    rows, height, width = 4, 40, 50
    draw = jax.jit(
        jax.vmap(lambda k: random_erasing.drawn(k, jnp.float32(0.6), (rows, height, width, 1)))
    )
    erased = np.asarray(draw(many(1000))).reshape(-1, height, width)
    happened = erased.any(axis=(1, 2))
    assert stats.binomtest(int(happened.sum()), len(erased), 0.6).pvalue > RARE
    drawn = erased[happened]
    down, right = drawn.any(axis=2), drawn.any(axis=1)
    np.testing.assert_array_equal(drawn, down[:, :, None] & right[:, None])
    assert all(np.diff(np.flatnonzero(side)).max(initial=1) == 1 for side in (*down, *right))
    share = drawn.mean(axis=(1, 2))
    # A side of n pixels and a part covers n of them or n + 1.
    assert 0.015 < share.min() < 0.025
    assert 0.38 < share.max() < 0.42
    # Sides longer than the image's are cut, so that it is a little less than the middle, 0.21.
    assert 0.19 < share.mean() < 0.21
    aspect = (down.sum(axis=1) / right.sum(axis=1))[(down.sum(axis=1) < height)]
    assert 0.2 < aspect.min() < aspect.max() < 4


def test_what_is_erased_is_filled_with_noise_of_the_range() -> None:
    key = jnp.asarray(seed_key(1))
    found = change("random_erasing")(key, probability=1.0)
    erased = np.asarray(random_erasing.drawn(key, jnp.float32(1), images().shape))
    np.testing.assert_array_equal(found[~erased], images()[~erased])
    noise = found[erased]
    assert np.all(noise != images()[erased])
    assert stats.kstest(noise.ravel(), stats.uniform(*(RANGE[0], np.ptp(RANGE))).cdf).pvalue > RARE


def test_rand_augment_draws_one_of_all_operations_at_each_place() -> None:
    draw = jax.jit(jax.vmap(lambda k: rand_augment.drawn(k, jnp.float32(0.5), jnp.float32(2), 4)))
    amounts = np.moveaxis(np.asarray(draw(many(2000))), 2, 1)  # key, kind, place, row
    largest = np.array(list(rand_augment.LARGEST.values()), np.float32)
    assert np.all(amounts[:, :, 2] == 0)
    used = amounts[:, :, :2]
    done = np.count_nonzero(used, axis=1)
    assert done.max() == 1
    counts = [np.count_nonzero(done == 0), *np.count_nonzero(used, axis=(0, 2, 3))[1:]]
    assert stats.chisquare(counts).pvalue > RARE
    for kind, most in enumerate(largest):
        sizes = used[:, kind][used[:, kind] != 0]
        np.testing.assert_allclose(np.abs(sizes), most / 2)
        assert most == 0 or stats.binomtest(int((sizes > 0).sum()), len(sizes)).pvalue > RARE


def ramps(rows: int) -> np.ndarray:
    """Return images whose values say where they are: interpolation is exact in them."""
    places = np.mgrid[:41, :41].astype(np.float32) - 20
    return np.tile(np.moveaxis(places, 0, -1), (rows, 1, 1, 1))


def test_rand_augment_does_one_operation_after_the_other() -> None:
    rows, key = 64, jnp.asarray(seed_key(5))
    wide = Batch(jnp.asarray(ramps(rows)), batch_of(ramps(rows)).targets, jnp.array([-90.0, 90.0]))
    values = {"magnitude": jnp.float32(0.2), "operations": jnp.float32(3)}
    found = find_technique("rand_augment").hooks({}).batch(values, key, wide).inputs
    expected = wide
    amounts = np.asarray(rand_augment.drawn(key, *values.values(), rows))
    same, nowhere = np.tile(np.eye(2), (rows, 1, 1)), np.zeros((rows, 2))
    for _, angles, zooms, down, right, _, _ in amounts:
        maps = (
            (turned(angles), nowhere),
            ((1 + zooms)[:, None, None] * same, nowhere),
            (same, 41 * np.stack([down, right], axis=1)),
        )
        for matrices, shifts in maps:
            moved = warp(expected.inputs, jnp.float32(matrices), jnp.float32(shifts))
            expected = dataclasses.replace(expected, inputs=moved)
    for *_, harder, lighter in amounts:
        expected = brighten(contrast(expected, jnp.asarray(harder)), jnp.asarray(lighter))
    # Near the edge a map that follows sees the edge that another one repeated; so does the mean.
    inner = np.s_[:, 14:27, 14:27]
    plain = (amounts[:, -2:] == 0).all(axis=(0, 1))
    assert 5 < plain.sum() < rows - 5
    difference = np.abs(np.asarray(found) - np.asarray(expected.inputs))[inner]
    assert difference[plain].max() < 1e-4
    assert difference.max() < 1


def test_a_span_of_steps_is_masked() -> None:
    rows, steps = 4, 50
    draw = jax.jit(jax.vmap(lambda k: time_masking.drawn(k, jnp.float32(0.4), (rows, steps, 3))))
    hidden = np.asarray(draw(many(2000))).reshape(-1, steps)
    assert all(np.diff(np.flatnonzero(span)).max(initial=1) == 1 for span in hidden)
    lengths = hidden.sum(axis=1)
    assert lengths.max() <= 20
    # Lengths are uniform between 0 and 20 steps; the ends round.
    counts = np.bincount(lengths, minlength=21)[1:20]
    assert stats.chisquare(counts).pvalue > RARE
    given = np.random.default_rng(0).normal(size=(rows, steps, 3)).astype(np.float32)
    key = jnp.asarray(seed_key(2))
    hook = find_technique("time_masking").hooks({}).batch
    found = np.asarray(hook({"share": jnp.float32(0.4)}, key, batch_of(given)).inputs)
    masked = np.asarray(time_masking.drawn(key, jnp.float32(0.4), given.shape))
    np.testing.assert_array_equal(found, np.where(masked[..., None], 0, given))


def test_channels_are_scaled_by_a_factor_each() -> None:
    given = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)
    key = jnp.asarray(seed_key(2))
    hook = find_technique("time_scaling").hooks({}).batch
    found = np.asarray(hook({"stddev": jnp.float32(0.2)}, key, batch_of(given)).inputs)
    factors = np.asarray(time_scaling.drawn(key, jnp.float32(0.2), given.shape))
    np.testing.assert_allclose(found, given * factors[:, None], rtol=1e-6)


def change(technique: str, options: dict[str, str] | None = None) -> Callable[..., np.ndarray]:
    """Return what changes the images, by a key and strengths."""
    hook = find_technique(technique).hooks(options or {}).batch
    assert hook is not None

    def changed(key: Any, **strengths: float) -> np.ndarray:
        values = {name: jnp.float32(value) for name, value in strengths.items()}
        return np.asarray(hook(values, key, batch_of(images())).inputs)

    return changed


MAPS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "random_rotation": lambda key: (
        turned(np.asarray(random_rotation.drawn(key, jnp.float32(20), ROWS))),
        np.zeros((ROWS, 2)),
    ),
    "random_zoom": lambda key: (
        np.asarray(random_zoom.drawn(key, jnp.float32(0.2), ROWS))[:, None, None] * np.eye(2),
        np.zeros((ROWS, 2)),
    ),
    "random_shift": lambda key: (
        np.tile(np.eye(2), (ROWS, 1, 1)),
        np.asarray(random_shift.drawn(key, jnp.float32(0.2), images().shape)),
    ),
    "random_crop": lambda key: (
        np.tile(np.eye(2), (ROWS, 1, 1)),
        -np.asarray(random_crop.drawn(key, jnp.float32(0.3), images().shape)),
    ),
}
STRENGTHS = {
    "random_rotation": {"degrees": 20.0},
    "random_zoom": {"fraction": 0.2},
    "random_shift": {"fraction": 0.2},
    "random_crop": {"fraction": 0.3},
}


@pytest.mark.parametrize("technique", MAPS)
def test_what_is_drawn_is_what_is_done(technique: str) -> None:
    key = jnp.asarray(seed_key(4))
    matrices, shifts = MAPS[technique](key)
    expected = warp(jnp.asarray(images()), jnp.float32(matrices), jnp.float32(shifts))
    found = change(technique)(key, **STRENGTHS[technique])
    assert np.abs(found - images()).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=CLOSE)


SIDES = images().shape
#: What is drawn for some rows, and its distribution.
DRAWN: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "random_rotation": (
        lambda key: random_rotation.drawn(key, jnp.float32(90), 4),
        stats.uniform(-np.pi / 2, np.pi),
    ),
    "random_zoom": (
        lambda key: random_zoom.drawn(key, jnp.float32(0.2), 4),
        stats.uniform(0.8, 0.4),
    ),
    "random_shift, down": (
        lambda key: random_shift.drawn(key, jnp.float32(0.1), SIDES)[:, 0],
        stats.uniform(-0.1 * HEIGHT, 0.2 * HEIGHT),
    ),
    "random_shift, right": (
        lambda key: random_shift.drawn(key, jnp.float32(0.1), SIDES)[:, 1],
        stats.uniform(-0.1 * WIDTH, 0.2 * WIDTH),
    ),
    # 0.3 of 9 and of 12, rounded.
    "random_crop, down": (
        lambda key: random_crop.drawn(key, jnp.float32(0.3), SIDES)[:, 0],
        stats.randint(-3, 4),
    ),
    "random_crop, right": (
        lambda key: random_crop.drawn(key, jnp.float32(0.3), SIDES)[:, 1],
        stats.randint(-4, 5),
    ),
    "random_contrast": (
        lambda key: random_contrast.drawn(key, jnp.float32(0.4), 4),
        stats.uniform(-0.4, 0.8),
    ),
    "random_brightness": (
        lambda key: random_brightness.drawn(key, jnp.float32(0.2), 4),
        stats.uniform(-0.2, 0.4),
    ),
    "time_scaling": (
        lambda key: time_scaling.drawn(key, jnp.float32(0.2), (2, 9, 2)).reshape(-1),
        stats.norm(1, 0.2),
    ),
    "random_flip": (
        lambda key: random_flip.drawn(key, jnp.float32(0.3), 1, 4).astype(jnp.int32),
        stats.bernoulli(0.3),
    ),
}


@pytest.mark.parametrize("what", DRAWN)
def test_parameters_have_their_distribution_and_rows_are_independent(what: str) -> None:
    draw, distribution = DRAWN[what]
    drawn = np.asarray(jax.jit(jax.vmap(draw))(many(4000)))
    if isinstance(distribution.dist, stats.rv_continuous):
        assert stats.kstest(drawn.ravel(), distribution.cdf).pvalue > RARE
    else:
        values, counts = np.unique(drawn, return_counts=True)
        expected = distribution.pmf(values) * drawn.size
        assert stats.chisquare(counts, expected).pvalue > RARE
    for first in range(drawn.shape[1]):
        for second in range(first):
            assert stats.pearsonr(drawn[:, first], drawn[:, second]).pvalue > RARE
    # From one key to the next, too.
    assert stats.pearsonr(drawn[1:, 0], drawn[:-1, 0]).pvalue > RARE
