"""The part of a program that opens archives of arrays, IDX files and image files."""

from __future__ import annotations

from collections.abc import Iterator

from gengap.data.image_files import ENDINGS
from gengap.data.row_form import RowForm
from gengap.export.expressions import literal
from gengap.export.origin import Source

__all__ = ["EQUAL_ARRAYS", "READ_IDX", "open_arrays", "reads_lengths"]

#: The function that reads an array of an IDX file.
READ_IDX = '''\
def read_idx(path):
    """Read the array of an IDX file, gzipped or not."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)'''

#: Codes of images and sequences.
EQUAL_ARRAYS = "pd.factorize(np.array([row.tobytes() for row in rows], dtype=object))[0]"


def reads_lengths(source: Source, form: RowForm | None) -> bool:
    """Tell whether an archive says how many steps its rows have, and that matters."""
    ragged = form is not None and form.padding is not None
    return ragged and bool({"lengths", "lengths_test"} & source.keys.keys())


def open_arrays(source: Source, form: RowForm) -> Iterator[str]:
    """Yield the lines that read images or sequences into ``rows``; images into ``files``, too."""
    if source.kind == "images":
        yield from _open_images(form)
        return
    idx = source.kind == "idx"
    yield "path = Path(path)" if idx else "arrays = np.load(path)"
    shape = ", ".join(map(str, form.shape))
    whole = f".reshape(-1, {shape})" if form.modality == "image" else ""
    yield f"rows = {'read_idx(path / x)' if idx else 'arrays[x]'}{whole}"
    if reads_lengths(source, form):
        yield "there = np.arange(rows.shape[1]) < arrays[lengths].reshape(-1, 1)"
        yield "rows = np.where(there[:, :, None], rows, np.float32(np.nan))"


def _open_images(form: RowForm) -> Iterator[str]:
    endings = literal(ENDINGS)
    mode = literal("grayscale" if len(form.shape) == 2 or form.shape[2] == 1 else "rgb")
    size = literal(form.shape[:2])
    shape = ", ".join(map(str, form.shape))
    yield 'files = sorted(Path(path).glob("*/*"))'
    yield "files = [file for file in files if file.parent.name in CLASSES]"
    yield f"files = [file for file in files if file.suffix.lower() in {endings}]"
    yield 'files = [file for file in files if not file.name.startswith(".")]'
    yield "files.sort(key=lambda file: CLASSES.index(file.parent.name))"
    yield (f'load = {{"color_mode": {mode}, "target_size": {size}, "interpolation": "bilinear"}}')
    yield "images = [keras.utils.load_img(file, **load) for file in files]"
    yield f"rows = np.stack([np.asarray(image) for image in images]).reshape(-1, {shape})"
