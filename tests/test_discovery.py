"""A file in the package of techniques is a technique, without any list."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gengap.techniques
from gengap.errors import UserError
from gengap.recipe import Recipe
from gengap.techniques.discovery import find_technique, techniques

_NEW = """
from gengap.techniques.base import PlainKeras, Strength, Technique

TECHNIQUE = Technique(
    name="{name}", summary="", formula="", source="", family="noise",
    strengths=(Strength("rate", 0.0, 1.0, 0.0, (0.5,)),),
    plain_keras=lambda strengths, options: PlainKeras(),
)
"""


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder whose modules are found among the techniques."""
    found = [*gengap.techniques.__path__, str(tmp_path)]
    monkeypatch.setattr(gengap.techniques, "__path__", found)
    techniques.cache_clear()
    yield tmp_path
    techniques.cache_clear()
    sys.modules.pop("gengap.techniques.extra", None)
    vars(gengap.techniques).pop("extra", None)


def test_every_file_is_found_under_its_name() -> None:
    folder = Path(gengap.techniques.__file__).parent
    others = {"__init__", "base", "discovery", "hooks", "plain_keras"}
    files = {path.stem for path in folder.glob("*.py")} - others
    assert set(techniques()) == files
    assert list(techniques()) == sorted(techniques())
    assert all(find_technique(name) is technique for name, technique in techniques().items())


def test_a_new_file_is_enough(extra: Path) -> None:
    (extra / "extra.py").write_text(_NEW.format(name="extra"))
    assert "extra" in techniques()
    assert str(Recipe.parse("extra=0.25 + l2").grid()[0]).startswith("extra=0.25 + l2=")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X = 1", r"gengap\.techniques\.extra must define TECHNIQUE"),
        (_NEW.format(name="l2"), "another technique is called 'l2'"),
    ],
)
def test_a_file_that_is_none_is_a_fault(extra: Path, text: str, message: str) -> None:
    (extra / "extra.py").write_text(text)
    with pytest.raises(TypeError, match=message):
        techniques()


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(UserError, match="did you mean 'dropout'") as caught:
        find_technique("Dropuot")
    assert caught.value.code == "unknown-technique"


def test_grids_and_neutral_values_lie_within_their_bounds() -> None:
    for technique in techniques().values():
        for strength in technique.strengths:
            given = [*strength.grid, *([] if strength.neutral is None else [strength.neutral])]
            for value in given:
                assert strength.low <= value <= strength.high
                Recipe.parse(f"{technique.name}({strength.name}={value!r})")
