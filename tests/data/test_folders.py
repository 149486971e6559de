"""Folders of IDX files and of class folders with images."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image

from gengap.data.idx import idx_files, is_idx, read_idx
from gengap.data.image_files import parse_size
from gengap.data.load import load
from gengap.data.prediction import files_to_predict, parse_like
from gengap.data.row_form import RowForm
from gengap.errors import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (12, 5, 4)).astype(np.uint8)
LABELS = (np.arange(12) % 3).astype(np.uint8)


def write_idx(path, values, *, packed=False):
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    content = head + values.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.fixture
def mnist(tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    write_idx(folder / "train-images-idx3-ubyte", IMAGES)
    write_idx(folder / "train-labels-idx1-ubyte", LABELS)
    write_idx(folder / "t10k-images-idx3-ubyte.gz", IMAGES[:6], packed=True)
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", LABELS[:6], packed=True)
    return folder


def write_classes(folder, *, mode="L", ending=".png", size=None):
    """Write images of three classes."""
    for number, image in enumerate(IMAGES):
        path = folder / f"kind {LABELS[number]}" / f"{number:02}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = Image.fromarray(image).convert(mode)
        (whole if size is None or number % 3 else whole.resize(size)).save(path)
    return folder


class TestIdx:
    def test_the_names_of_mnist_are_training_rows_and_a_test_part(self, mnist):
        dataset = load(mnist)
        assert (dataset.name, dataset.target_name, dataset.modality) == ("mnist", "label", "image")
        np.testing.assert_array_equal(dataset.rows.features, IMAGES[..., None])
        np.testing.assert_array_equal(dataset.rows.target, LABELS)
        np.testing.assert_array_equal(dataset.test.features, IMAGES[:6, ..., None])

    @pytest.mark.parametrize(
        "name",
        ["train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte", "emnist-test-images-idx3-ubyte"],
    )
    def test_names_are_known_in_their_spellings(self, tmp_path, name):
        assert is_idx(tmp_path / name)

    def test_one_part_is_the_rows_whatever_it_is_called(self, tmp_path):
        for what, values in (("images", IMAGES), ("labels", LABELS)):
            write_idx(tmp_path / f"letters-{what}-idx{values.ndim}-ubyte", values)
        dataset = load(tmp_path)
        assert len(dataset.rows) == 12
        assert dataset.test is None

    @pytest.mark.parametrize("option", ["target", "test", "groups", "weight"])
    def test_columns_are_refused(self, mnist, option):
        with pytest.raises(UserError, match=f"no columns for {option}") as caught:
            load(mnist, **{option: "a"})
        assert caught.value.code == "folder-brings-its-own"

    def test_a_size_is_for_image_files(self, mnist):
        with pytest.raises(UserError) as caught:
            load(mnist, image_size="8x8")
        assert caught.value.code == "image-size-of-arrays"

    def test_labels_that_are_not_there(self, mnist):
        (mnist / "train-labels-idx1-ubyte").unlink()
        with pytest.raises(UserError, match="no labels of train") as caught:
            load(mnist)
        assert caught.value.code == "missing-idx-files"

    @pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "more-images-idx3-ubyte"])
    def test_files_that_leave_open_which_are_meant(self, mnist, name):
        write_idx(mnist / name, IMAGES)
        write_idx(mnist / "more-labels-idx1-ubyte", LABELS)
        with pytest.raises(UserError) as caught:
            idx_files(mnist)
        assert caught.value.code in {"ambiguous-idx-files", "missing-idx-files"}

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "not-idx"),
            (b"\0\0\x0d\x01" + bytes(8), "not-idx"),
            (b"\0\0\x08\x01\0\0", "damaged-file"),
            (b"\0\0\x08\x01\0\0\0\x05" + bytes(4), "damaged-file"),
        ],
        ids=["empty", "floats", "half a head", "too short"],
    )
    def test_damaged_files(self, tmp_path, content, code):
        path = tmp_path / "train-images-idx1-ubyte"
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            read_idx(path)
        assert caught.value.code == code
        assert caught.value.hint

    def test_what_is_packed_must_be(self, tmp_path):
        path = tmp_path / "train-images-idx1-ubyte.gz"
        path.write_bytes(b"\0\0\x08\x01")
        with pytest.raises(UserError) as caught:
            read_idx(path)
        assert caught.value.code == "damaged-file"

    def test_tables_are_no_images(self, mnist):
        write_idx(mnist / "train-images-idx3-ubyte", IMAGES[:, 0])
        with pytest.raises(UserError) as caught:
            load(mnist)
        assert caught.value.code == "not-images"


class TestClassFolders:
    def test_a_class_is_a_folder(self, tmp_path):
        dataset = load(write_classes(tmp_path / "kinds"))
        assert (dataset.name, dataset.target_name) == ("kinds", "class")
        assert dataset.classes == ("kind 0", "kind 1", "kind 2")
        order = np.argsort(LABELS, kind="stable")
        np.testing.assert_array_equal(dataset.rows.features, IMAGES[order, ..., None])
        np.testing.assert_array_equal(dataset.rows.target, LABELS[order])
        assert dataset.notes == ("taken as images of 5 x 4 pixels with 1 channel",)

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "1", "CMYK"])
    def test_pixels_are_bytes_in_one_or_three_channels(self, tmp_path, mode):
        ending = ".jpg" if mode == "CMYK" else ".png"
        dataset = load(write_classes(tmp_path, mode=mode, ending=ending))
        channels = 1 if mode in {"LA", "1"} else 3
        assert dataset.rows.features.shape == (12, 5, 4, channels)
        assert dataset.rows.features.dtype == np.uint8
        assert ("transparency" in dataset.notes[0]) == mode.endswith("A")

    def test_numbers_are_in_their_order_and_a_class_may_be_called_none(self, tmp_path):
        for name in ("10", "9", "2"):
            (tmp_path / "numbers" / name).mkdir(parents=True)
            Image.fromarray(IMAGES[0]).save(tmp_path / "numbers" / name / "a.png")
        assert load(tmp_path / "numbers").classes == ("2", "9", "10")
        (tmp_path / "numbers" / "10").rename(tmp_path / "numbers" / "none")
        assert load(tmp_path / "numbers").classes == ("2", "9", "none")

    def test_what_is_ignored_is_said(self, tmp_path):
        write_classes(tmp_path)
        (tmp_path / "README").write_text("about")
        (tmp_path / "kind 0" / "Thumbs.db").write_text("")
        (tmp_path / "kind 0" / "._00.png").write_text("left behind by a system")
        (tmp_path / "empty").mkdir()
        dataset = load(tmp_path)
        assert len(dataset.rows) == 12
        for name in ("README", "Thumbs.db", "empty"):
            assert name in dataset.notes[0]

    def test_sizes_must_agree_or_are_resized(self, tmp_path):
        write_classes(tmp_path, size=(9, 7))
        with pytest.raises(UserError, match="2 sizes, from 5 x 4 to 7 x 9") as caught:
            load(tmp_path)
        assert caught.value.code == "image-sizes"
        assert "--image-size 5x4" in caught.value.hint
        dataset = load(tmp_path, image_size="5x4")
        assert dataset.rows.features.shape == (12, 5, 4, 1)
        assert dataset.notes[0] == "4 of 12 images are resized to 5 x 4 pixels"
        kept = np.sort(np.flatnonzero(np.argsort(LABELS, kind="stable") % 3))
        order = np.argsort(LABELS, kind="stable")
        np.testing.assert_array_equal(dataset.rows.features[kept, ..., 0], IMAGES[order][kept])
        assert load(tmp_path, image_size=(8, 6)).rows.features.shape == (12, 8, 6, 1)

    def test_images_that_viewers_turn_are_told(self, tmp_path):
        write_classes(tmp_path)
        assert not any("EXIF" in note for note in load(tmp_path).notes)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        for name, notes in (("90", exif), ("91", b"Exif\0\0damaged")):
            Image.fromarray(IMAGES[0]).save(tmp_path / "kind 0" / f"{name}.jpg", exif=notes)
        assert load(tmp_path).notes[0].startswith("1 of 14 images are turned by viewers (EXIF)")

    def test_a_test_part_beside_or_within(self, tmp_path):
        rows, test = tmp_path / "all" / "train", tmp_path / "all" / "Test"
        write_classes(rows)
        write_classes(test, mode="RGB")
        (tmp_path / "all" / "validation" / "kind 0").mkdir(parents=True)
        beside = load(rows, test=test)
        within = load(tmp_path / "all")
        assert within.fingerprint == beside.fingerprint
        assert within.test.features.shape == (12, 5, 4, 1)
        assert any("made grey" in note for note in within.notes)
        assert any("validation" in note for note in within.notes)
        with pytest.raises(UserError) as caught:
            load(tmp_path / "all", test=test)
        assert caught.value.code == "folder-brings-its-own"

    def test_a_test_part_has_no_classes_of_its_own(self, tmp_path):
        write_classes(tmp_path / "rows")
        write_classes(tmp_path / "test")
        (tmp_path / "test" / "kind 2").rename(tmp_path / "test" / "kind 3")
        with pytest.raises(UserError, match="'kind 3'") as caught:
            load(tmp_path / "rows", test=tmp_path / "test")
        assert caught.value.code == "unknown-class"
        with pytest.raises(UserError) as caught:
            load(tmp_path / "rows", test=tmp_path / "rows" / "kind 0" / "00.png")
        assert caught.value.code == "test-part"

    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda path: path.write_text("no image"), "damaged-image"),
            (lambda path: path.write_bytes(path.read_bytes()[:40]), "damaged-image"),
            (
                lambda path: Image.fromarray(IMAGES[0].astype(np.uint16) * 200).save(path),
                "deep-image",
            ),
        ],
        ids=["text", "cut off", "16 bits"],
    )
    def test_files_that_cannot_be_read_are_named(self, tmp_path, spoil, code):
        write_classes(tmp_path)
        spoil(tmp_path / "kind 1" / "04.png")
        with pytest.raises(UserError, match=r"04\.png") as caught:
            load(tmp_path)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        "size", ["8", "8x", "0x4", "axb", (8,), (8, 2.5), 8, (8, 4, 1), "9x99999"]
    )
    def test_sizes_that_are_none(self, size):
        with pytest.raises(UserError) as caught:
            parse_size(size)
        assert caught.value.code == "bad-image-size"

    def test_images_without_class_folders(self, tmp_path):
        Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
        with pytest.raises(UserError) as caught:
            load(tmp_path)
        assert caught.value.code == "is-a-directory"


class TestPrediction:
    def test_images_are_read_as_in_training(self, tmp_path):
        write_classes(tmp_path, mode="RGB", size=(9, 7))
        form = RowForm("image", (5, 4, 1), "bytes", 255.0)
        features, notes = parse_like((), tmp_path, form=form)
        assert features.shape == (12, 5, 4, 1)
        assert any("resized" in note for note in notes)
        files = files_to_predict(tmp_path)
        assert [file.name for file in files[:2]] == ["00.png", "03.png"]
        one, _ = parse_like((), files[1], form=form)
        np.testing.assert_array_equal(one[0], features[1])
        assert files_to_predict(tmp_path / "rows.csv") is None

    def test_idx_files_are_read_as_in_training(self, mnist):
        form = RowForm("image", (5, 4, 1), "bytes", 255.0)
        features, notes = parse_like((), mnist, form=form)
        np.testing.assert_array_equal(features, IMAGES[:6, ..., None])
        assert notes == ("predicted are the images of t10k-images-idx3-ubyte.gz",)
        one, _ = parse_like((), mnist / "train-images-idx3-ubyte", form=form)
        assert len(one) == 12

    def test_what_is_no_image_is_refused(self, tmp_path):
        with pytest.raises(UserError) as caught:
            parse_like((), tmp_path, form=RowForm("image", (5, 4, 1), "bytes", 255.0))
        assert caught.value.code == "is-a-directory"
        write_classes(tmp_path)
        with pytest.raises(UserError) as caught:
            parse_like((), tmp_path, form=RowForm("sequence", (5, 4)))
        assert caught.value.code == "shape-mismatch"
