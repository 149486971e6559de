"""PNG and JPEG files in class folders, as bytes."""

from __future__ import annotations

import operator
import re
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from gengap.errors import UserError
from gengap.wording import listed, plural

__all__ = [
    "ENDINGS",
    "ClassFolders",
    "class_folders",
    "image_files",
    "is_image",
    "parse_size",
    "read_images",
]

#: Of names of image files, in lower case.
ENDINGS = (".png", ".jpg", ".jpeg")
# 8 GiB of pixels.
_MOST_BYTES = 2**33
_GREY, _GREY_WITH_ALPHA = frozenset({"1", "L"}), frozenset({"LA", "La"})
# Of more than 8 bits: bytes would lose what they hold.
_DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_SIZE = re.compile(r"\s*(\d+)\s*[xX,]\s*(\d+)\s*")

Channels = Literal[1, 3]
Size = tuple[int, int]


@dataclass(frozen=True)
class ClassFolders:
    """The image files of a folder, class by class.

    Attributes
    ----------
    classes : tuple of str
        Names of the folders, numbers in their order, else as text.
    files : tuple of Path
        Class by class, in the order of their names.
    codes : ndarray of int (files,)
        Of the classes.
    notes : tuple of str
        What was ignored.
    """

    classes: tuple[str, ...]
    files: tuple[Path, ...]
    codes: np.ndarray
    notes: tuple[str, ...]


def is_image(path: Path) -> bool:
    """Tell by its name whether a file is an image; hidden ones are what systems leave behind."""
    return path.suffix.lower() in ENDINGS and path.name[0] != "."


def image_files(folder: Path) -> list[Path]:
    """Return all image files of a folder and of the folders in it, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if is_image(path) and path.is_file())


def class_folders(folder: Path) -> ClassFolders | None:
    """Find the image files in the folders of a folder, each of which is a class.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    ClassFolders, optional
        None where no folder in it holds an image.
    """
    inner = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    if all(path.name.isdecimal() for path in inner):
        inner.sort(key=lambda path: (int(path.name), path.name))
    else:
        inner.sort()
    classes: list[str] = []
    files: list[Path] = []
    codes: list[int] = []
    ignored = [path for path in folder.iterdir() if path.is_file() and path.name[0] != "."]
    for path in inner:
        held = sorted(path.iterdir())
        images = [file for file in held if is_image(file) and file.is_file()]
        if not images:
            ignored.append(path)
            continue
        ignored += [file for file in held if file not in images and file.name[0] != "."]
        codes += [len(classes)] * len(images)
        classes.append(path.name)
        files += images
    if not files:
        return None
    notes: tuple[str, ...] = ()
    if ignored:
        names = listed([str(path.relative_to(folder)) for path in ignored])
        notes = (f"ignored in {folder.name}, since they are no images of a class: {names}",)
    return ClassFolders(tuple(classes), tuple(files), np.array(codes), notes)


def parse_size(size: Any) -> Size | None:
    """Return height and width in pixels.

    Parameters
    ----------
    size : str or pair of int, optional

    Raises
    ------
    UserError
        ``bad-image-size``.

    Examples
    --------
    >>> parse_size("32x48"), parse_size((32, 48)), parse_size(None)
    ((32, 48), (32, 48), None)
    """
    if size is None:
        return None
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    try:
        height, width = map(int, match.groups()) if match else map(operator.index, size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1 or max(height, width) > 10_000:
        raise UserError(
            "bad-image-size",
            f"{size!r} is no size of images",
            "write height and width in pixels, such as 64x64",
        )
    return height, width


def read_images(
    files: Sequence[Path],
    *,
    where: str,
    size: Size | None = None,
    channels: Channels | None = None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read image files of one size, or bring them to one.

    Parameters
    ----------
    files : sequence of Path
        At least one.
    where : str
        What they are called in messages.
    size : tuple of int, optional
        Height and width that images of another size are resized to, by linear interpolation.
    channels : {1, 3}, optional
        Grey or colour; where it is left out, grey if all of them are.

    Returns
    -------
    images : ndarray of uint8 (files, height, width, channels)
    notes : tuple of str
        What was done to them.

    Raises
    ------
    UserError
        ``image-sizes``, ``damaged-image``, ``deep-image`` or ``too-many-pixels``.
    """
    heads = [_head(path) for path in files]
    sizes = Counter(head.size for head in heads)
    if size is None and len(sizes) > 1:
        smallest, largest = min(sizes, key=_area), max(sizes, key=_area)
        raise UserError(
            "image-sizes",
            f"the images of {where} have {len(sizes)} sizes, from {_written(smallest)} to "
            f"{_written(largest)} pixels",
            f"give one that all are resized to: --image-size {_typical(sizes)}",
        )
    height, width = size or next(iter(sizes))
    if channels is None:
        channels = 1 if all(head.is_grey for head in heads) else 3
    if len(files) * height * width * channels > _MOST_BYTES:
        raise UserError(
            "too-many-pixels",
            f"{len(files)} images of {height} x {width} pixels are too much to hold",
            "make them smaller: --image-size 64x64",
        )
    images = np.empty((len(files), height, width, channels), np.uint8)
    for image, path in zip(images, files, strict=True):
        image[:] = _pixels(path, (height, width), channels)
    return images, tuple(_notes(heads, (height, width), channels))


def _notes(heads: Sequence[_Head], size: Size, channels: Channels) -> list[str]:
    notes = []
    resized = sum(head.size != size for head in heads)
    if resized:
        notes.append(
            f"{resized:,} of {plural(len(heads), 'image')} are resized to {_written(size)} pixels"
        )
    grey = sum(head.is_grey for head in heads)
    if channels == 3 and grey:
        notes.append(f"{grey:,} of {plural(len(heads), 'image')} are grey among coloured ones")
    if channels == 1 and grey < len(heads):
        notes.append(
            f"{len(heads) - grey:,} of {plural(len(heads), 'image')} have colours, and are made "
            "grey as those learned from are"
        )
    clear = sum(head.transparent for head in heads)
    if clear:
        notes.append(f"{plural(clear, 'image')} have transparency, which is ignored")
    turned = sum(head.turned for head in heads)
    if turned:
        notes.append(
            f"{turned:,} of {plural(len(heads), 'image')} are turned by viewers (EXIF), and are "
            "read as they are stored, as keras.utils.load_img reads them"
        )
    return notes


@dataclass(frozen=True)
class _Head:
    """What is known of an image file without its pixels.

    Attributes
    ----------
    size : tuple of int
        Height and width.
    is_grey, transparent : bool
    turned : bool
        Whether the camera was held otherwise, and viewers turn it.
    """

    size: Size
    is_grey: bool
    transparent: bool
    turned: bool


def _head(path: Path) -> _Head:
    """Look at the beginning of a file, without its pixels."""
    with _opened(path) as image:
        if image.mode in _DEEP:
            raise UserError(
                "deep-image",
                f"{path} has pixels of more than 8 bits",
                "convert it to 8 bits, or give the numbers as arrays",
            )
        return _Head(
            (image.height, image.width),
            image.mode in _GREY | _GREY_WITH_ALPHA,
            image.has_transparency_data,
            _is_turned(image),
        )


def _is_turned(image: Image.Image) -> bool:
    """Tell whether a camera noted that it was held otherwise; only JPEG files begin with that."""
    if "exif" not in image.info:
        return False
    try:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1))
    except (OSError, SyntaxError, ValueError, struct.error):
        return False  # notes that cannot be read turn nothing


def _pixels(path: Path, size: Size, channels: Channels) -> np.ndarray:
    with _opened(path) as image:
        try:
            # Pillow warns of palettes with transparency unless they go by way of it.
            if image.mode == "P" and "transparency" in image.info:
                whole = image.convert("RGBA").convert("L" if channels == 1 else "RGB")
            else:
                whole = image.convert("L" if channels == 1 else "RGB")
            if (whole.height, whole.width) != size:
                whole = whole.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        except (OSError, SyntaxError, ValueError) as error:
            raise _damaged(path, error) from error
        return np.asarray(whole).reshape(*size, channels)


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise UserError(
            "damaged-image",
            f"{path} is no image, although its name says so",
            "fetch it again, or remove it",
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        "damaged-image", f"{path} cannot be read: {error}", "fetch it again, or remove it"
    )


def _area(size: Size) -> int:
    return size[0] * size[1]


def _written(size: Size) -> str:
    return f"{size[0]} x {size[1]}"


def _typical(sizes: Counter[Size]) -> str:
    height, width = sizes.most_common(1)[0][0]
    return f"{height}x{width}"
