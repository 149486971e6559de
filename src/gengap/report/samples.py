"""Images side by side, as the text of a PNG file that a page can hold."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

__all__ = ["shown_side", "side_by_side"]

#: Pixels of a side that images are shown with, and bytes that all of a page may take, at most.
SIDE, BYTES = 64, 150_000

#: What of an image's width is left between two of them: nothing is drawn there.
BETWEEN = 1 / 16


def shown_side(images: int) -> int:
    """Return with how many pixels of a side so many images of a page are shown at most.

    Examples
    --------
    >>> shown_side(8), shown_side(40), shown_side(104)
    (64, 35, 21)
    """
    return max(1, min(SIDE, int((BYTES / (3 * images)) ** 0.5)))


def side_by_side(images: np.ndarray, value_range: tuple[float, float], side: int = SIDE) -> str:
    """Return images in a row as a PNG file in base64.

    Parameters
    ----------
    images : ndarray (n, height, width, channels)
        One channel is shown in grey, three in colours; of another number the first one.
    value_range : tuple of float
        What is black and what is white.
    side : int
        Pixels of a side at most: of larger images means over squares are shown.

    Returns
    -------
    str
        The same images give the same text.
    """
    import matplotlib.image

    shown = _smaller(images.astype(np.float64), -(-max(images.shape[1:3]) // side))
    if shown.shape[-1] != 3:
        shown = np.repeat(shown[..., :1], 3, axis=-1)
    low, high = value_range
    shown = np.clip((shown - low) / ((high - low) or 1.0), 0, 1)
    count, height, width, _ = shown.shape
    between = max(1, round(BETWEEN * width))
    strip = np.zeros((height, count * (width + between) - between, 4))
    for place, image in enumerate(shown):
        left = place * (width + between)
        strip[:, left : left + width, :3] = image
        strip[:, left : left + width, 3] = 1
    buffer = io.BytesIO()
    pixels = np.round(255 * strip).astype(np.uint8)
    unsigned: dict[str, Any] = {"Software": None}
    matplotlib.image.imsave(buffer, pixels, format="png", metadata=unsigned)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _smaller(images: np.ndarray, step: int) -> np.ndarray:
    """Return means over squares; what is left over at the edges is left out."""
    count, height, width, channels = images.shape
    if step == 1 or min(height, width) < step:
        return images
    rows, columns = height // step, width // step
    whole = images[:, : rows * step, : columns * step]
    return whole.reshape(count, rows, step, columns, step, channels).mean(axis=(2, 4))
