"""What is suggested for a name that there is not."""

from __future__ import annotations

import pytest

from gengap.errors import suggest

COLUMNS = [f"A{i}" for i in range(1, 41)]


@pytest.mark.parametrize(
    ("received", "choices", "meant"),
    [
        ("A51", COLUMNS, "A15"),  # rather than A5, which lacks a letter
        ("wien.csv", ["wind.csv", "wine.csv"], "wine.csv"),
        ("Quality", ["alcohol", "quality"], "quality"),
        ("grop", ["drop", "group"], "group"),
        ("wines.csv.gz", ["wine.csv.gz"], "wine.csv.gz"),
        ("wine", ["wine.csv"], None),
        ("nothere.csv", ["one.csv"], None),
        ("a.csv", ["b.csv"], None),
        ("x", ["y"], None),
        ("", ["y"], None),
        ("A3", [], None),
    ],
)
def test_the_closest(received: str, choices: list[str], meant: str | None) -> None:
    hint = suggest(received, choices)
    assert hint.startswith("did you mean" if meant else "choices: ")
    assert meant is None or f"'{meant}'" in hint


def test_what_cannot_have_been_meant() -> None:
    assert "did you mean 'A13'" in suggest("A3", ["A13", "B"])
    assert suggest("A3", ["A13", "B"], never={"A13"}) == "choices: A13, B"
