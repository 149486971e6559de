"""docs/images-and-sequences.md says of files, networks and numbers what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gengap.cli.commands import cli
from gengap.data.image_files import ENDINGS
from gengap.data.npz import array_name
from gengap.data.text import FEWEST_ROWS, MOST_TERMS
from gengap.networks.cnn import DENSE_UNITS
from gengap.networks.sequences import WINDOW
from gengap.networks.words import KINDS, default_words

TEXT = (Path(__file__).parents[1] / "docs" / "images-and-sequences.md").read_text(encoding="utf-8")


def test_every_default_network_is_described() -> None:
    for name, kind in KINDS.items():
        assert f"`{name}:" in TEXT
        assert kind.numbers
    for axes in (2, 3):
        assert f"`{default_words(axes)}`" in TEXT
    assert f"convolution over {WINDOW} x {WINDOW} pixels" in TEXT
    assert f"Convolutions over {WINDOW} steps" in TEXT
    assert f"a hidden layer of {DENSE_UNITS} units" in TEXT


@pytest.mark.parametrize("name", ["x_test", "images", "train_images", "lengths", "len", "classes"])
def test_names_of_arrays_are_known(name: str) -> None:
    assert f"`{name}`" in TEXT
    assert array_name(name) is not None


def test_numbers_and_files() -> None:
    assert f"the {MOST_TERMS:,} most frequent ones" in TEXT
    assert FEWEST_ROWS == 2
    assert "in two rows" in TEXT
    assert set(ENDINGS) == {".png", ".jpg", ".jpeg"}
    assert "PNG and JPEG" in TEXT


def test_the_commands_are_commands() -> None:
    lines = re.findall(r"^\$ (gengap .*)$", TEXT, re.MULTILINE)
    assert len(lines) > 5
    options = {name for line in lines for name in re.findall(r"--[a-z-]+", line)}
    help_text = CliRunner().invoke(cli, ["compare", "--help"]).output
    assert all(option in help_text for option in options)
