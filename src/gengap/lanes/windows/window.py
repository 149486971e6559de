"""Where a window stands on an image: its cuts, and what goes back from them.

Notation
--------
N   rows of the image axis, O of the result axis
k   size of the window, s its stride, d its dilation
C   channels, B rows of a batch
lo  padding in front of the axis (behind it: hi)

The spatial axes are 1 and 2 of four, whatever the others mean. Result o sees at offset i the
element o*s + i*d - lo.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["Window"]

Array = Any
Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window that slides over two axes.

    Attributes
    ----------
    size, strides, dilation : tuple of int
        One of each axis.
    pads : tuple of tuple of int
        (lo, hi) of each axis.

    Examples
    --------
    >>> window = Window.of((28, 28), size=(3, 3), padding="same")
    >>> window.pads, window.result((28, 28))
    (((1, 1), (1, 1)), (28, 28))
    """

    size: Pair
    strides: Pair
    dilation: Pair
    pads: tuple[Pair, Pair]

    @classmethod
    def of(
        cls,
        image: Sequence[int],
        *,
        size: Sequence[int],
        strides: Sequence[int] = (1, 1),
        dilation: Sequence[int] = (1, 1),
        padding: str = "valid",
    ) -> Window:
        """Make the window that Keras means.

        Parameters
        ----------
        image : sequence of int
            N of each axis.
        size, strides, dilation : sequence of int
        padding : {"valid", "same"}
        """
        spread = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
        pads = jax.lax.padtype_to_pads(image, spread, strides, padding.upper())
        pairs = [(int(lo), int(hi)) for lo, hi in pads]
        return cls(_pair(size), _pair(strides), _pair(dilation), (pairs[0], pairs[1]))

    @property
    def offsets(self) -> tuple[Pair, ...]:
        """Offsets in the window, row by row."""
        return tuple(itertools.product(range(self.size[0]), range(self.size[1])))

    @property
    def disjoint(self) -> bool:
        """Whether neighbouring windows touch without a gap or an overlap."""
        return self.strides == self.size and self.dilation == (1, 1)

    def result(self, image: Sequence[int]) -> Pair:
        """Return O of each axis; 0 where the image is too small."""
        lengths = [
            max(0, (n + lo + hi - (k - 1) * d - 1) // s + 1)
            for n, k, s, d, (lo, hi) in self._axes(image)
        ]
        return lengths[0], lengths[1]

    def by_axis(self) -> tuple[Window, Window]:
        """Return the window over the columns alone, and that over the rows alone."""
        (k, m), (s, t), (d, e), (above, beside) = self.size, self.strides, self.dilation, self.pads
        return (
            Window((1, m), (1, t), (1, e), ((0, 0), beside)),
            Window((k, 1), (s, 1), (d, 1), (above, (0, 0))),
        )

    def cuts(self, image: Array, fill: float = 0.0) -> list[Array]:
        """Return what all windows see at each offset.

        Parameters
        ----------
        image : array (., N, N, .)
        fill : float
            What stands where the image ends.

        Returns
        -------
        list of array (., O, O, .)
            In the order of `offsets`.
        """
        rows, columns = self.result(image.shape[1:3])
        (s, t), (d, e) = self.strides, self.dilation
        value = jnp.asarray(fill, image.dtype)
        image = jax.lax.pad(image, value, ((0, 0, 0), *((*p, 0) for p in self.pads), (0, 0, 0)))
        first, last = image.shape[0], image.shape[3]
        return [
            jax.lax.slice(
                image,
                (0, i * d, j * e, 0),
                (first, i * d + (rows - 1) * s + 1, j * e + (columns - 1) * t + 1, last),
                (1, s, t, 1),
            )
            for i, j in self.offsets
        ]

    def patches(self, image: Array) -> tuple[Array, tuple[int, int, int]]:
        """Return what all windows see, as the rows of a matrix.

        Parameters
        ----------
        image : array (C, N, N, B)

        Returns
        -------
        patches : array (k*k*C, O*P*B)
            Row by offset, then by channel.
        shape : tuple of int
            (O, P, B). P may be more than there are windows: what stands in the columns behind
            them has no meaning.
        """
        channels, *lengths, last = image.shape
        rows, columns = self.result(lengths)
        if self.strides != (1, 1):
            cuts = jnp.concatenate(self.cuts(image))
            return cuts.reshape(cuts.shape[0], -1), (rows, columns, last)
        # Along whole padded rows every offset is one piece of memory. Cut to size, the copies of
        # images of 32 or 64 columns would start where the caches' addresses coincide: four times
        # slower.
        (above, below), (before, behind) = self.pads
        width = lengths[1] + before + behind
        # One more row: the last offsets run over the end.
        pads = ((0, 0, 0), (above, below + 1, 0), (before, behind, 0), (0, 0, 0))
        flat = jax.lax.pad(image, jnp.zeros((), image.dtype), pads).reshape(channels, -1)
        length = rows * width * last
        starts = [
            (i * self.dilation[0] * width + j * self.dilation[1]) * last for i, j in self.offsets
        ]
        pieces = [jax.lax.slice(flat, (0, s), (channels, s + length)) for s in starts]
        patches = jnp.concatenate(pieces)
        if channels > 1:
            # Copied once, not where the product reads.
            patches = jax.lax.optimization_barrier(patches)
        return patches, (rows, width, last)

    def paste(self, cuts: Sequence[Array], image: Sequence[int]) -> Array:
        """Add cuts up where they came from: the transpose of `cuts`.

        Parameters
        ----------
        cuts : sequence of array (., O, O, .)
        image : sequence of int
            N of each axis.
        """
        # Places of one remainder by the stride get theirs from shifted cuts; then all interleave.
        lengths = [-(-(n + lo + hi) // s) for n, _, s, _, (lo, hi) in self._axes(image)]
        phases = []
        for phase in itertools.product(*(range(s) for s in self.strides)):
            terms = [
                self._shifted(cut, offset, lengths)
                for offset, cut in zip(self.offsets, cuts, strict=True)
                if all(
                    (i * d) % s == p
                    for i, d, s, p in zip(offset, self.dilation, self.strides, phase, strict=True)
                )
            ]
            shape = (cuts[0].shape[0], *lengths, cuts[0].shape[3])
            phases.append(
                sum(terms[1:], start=terms[0]) if terms else jnp.zeros(shape, cuts[0].dtype)
            )
        return self.crop(self._interleave(phases), image)

    def crop(self, padded: Array, image: Sequence[int]) -> Array:
        """Return the image that lies in a padded one, with zeros where no window came."""
        pads = [
            (-lo, n + lo - length, 0)
            for n, length, (lo, _) in zip(image, padded.shape[1:3], self.pads, strict=True)
        ]
        zero = jnp.zeros((), padded.dtype)
        return jax.lax.pad(padded, zero, ((0, 0, 0), *pads, (0, 0, 0)))

    def _interleave(self, phases: Sequence[Array]) -> Array:
        """Put element (p, q) of every block of s x t rows and columns to its place."""
        if len(phases) == 1:
            return phases[0]
        first, rows, columns, last = phases[0].shape
        (s, t) = self.strides
        blocks = jnp.stack(
            [jnp.stack(phases[p * t : (p + 1) * t], axis=3) for p in range(s)], axis=2
        )
        return blocks.reshape(first, rows * s, columns * t, last)

    def _shifted(self, cut: Array, offset: Pair, lengths: Sequence[int]) -> Array:
        pads = [
            (i * d // s, length - i * d // s - o, 0)
            for i, o, length, s, d in zip(
                offset, cut.shape[1:3], lengths, self.strides, self.dilation, strict=True
            )
        ]
        return jax.lax.pad(cut, jnp.zeros((), cut.dtype), ((0, 0, 0), *pads, (0, 0, 0)))

    def _axes(self, image: Sequence[int]) -> Sequence[tuple[int, int, int, int, Pair]]:
        return list(zip(image, self.size, self.strides, self.dilation, self.pads, strict=True))


def _pair(values: Sequence[int]) -> Pair:
    first, second = values
    return int(first), int(second)
