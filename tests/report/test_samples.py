"""Images side by side, in the text of a PNG file."""

from __future__ import annotations

import base64
import io

import matplotlib.image
import numpy as np
import pytest

from gengap.report.samples import shown_side, side_by_side


def drawn(images: np.ndarray, **asked: int) -> np.ndarray:
    """Return the strip that is shown, (height, width, 4) between 0 and 1."""
    png = base64.b64decode(side_by_side(images, (0.0, 255.0), **asked))
    return matplotlib.image.imread(io.BytesIO(png))


@pytest.mark.parametrize(("side", "between"), [(8, 1), (28, 2), (64, 4)])
def test_images_stand_apart_and_nothing_is_drawn_between_them(side: int, between: int) -> None:
    images = np.linspace(0, 255, 3 * side * side).reshape(3, side, side, 1)
    strip = drawn(images)
    assert strip.shape == (side, 3 * side + 2 * between, 4)
    pitch = side + between
    for place, image in enumerate(images):
        shown = strip[:, place * pitch : place * pitch + side]
        np.testing.assert_allclose(
            shown[..., :3], np.repeat(image / 255, 3, axis=-1), atol=0.5 / 255
        )
        assert (shown[..., 3] == 1).all()
        assert (strip[:, place * pitch + side : (place + 1) * pitch, 3] == 0).all()


def test_colours_stay_and_large_images_are_means_over_squares() -> None:
    images = np.zeros((1, 4, 4, 3))
    images[0, :2, :2, 0] = 255
    strip = drawn(images, side=2)
    assert strip.shape == (2, 2, 4)
    assert strip[0, 0].tolist() == [1, 0, 0, 1]
    assert strip[1, 1].tolist() == [0, 0, 0, 1]


def test_many_images_are_smaller() -> None:
    assert shown_side(8) > shown_side(40) > shown_side(104) >= 1
