from __future__ import annotations

import dataclasses
import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from gengap.report import words
from gengap.report.terminal import print_results, render_audit
from report.examples import CASES, FINDINGS, hostile_names, hundred_recipes, regression, typical


def printed(results, width=80, *, encoding="utf-8", **options):
    buffer = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_results(results, Console(file=buffer, width=width, color_system=None), **options)
    buffer.seek(0)
    return buffer.read()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [80, 140])
def test_every_line_fits(case, width):
    lines = printed(CASES[case](), width).splitlines()
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("case", CASES)
def test_the_headline_comes_first_and_every_candidate_has_its_verdict_in_words(case):
    results = CASES[case]()
    text = printed(results, 1000)
    if case != "hostile_names":
        assert text.startswith(results.headline)
    for row in results.recipes:
        assert f"{words.SYMBOLS[row.verdict]} {words.VERDICTS[row.verdict]}" in text


@pytest.mark.parametrize("case", [typical, regression])
def test_rows_take_two_lines_at_80_columns(case):
    text = printed(case())
    body = text[text.index("──") :].splitlines()[1:]
    rows = body[: next(i for i, line in enumerate(body) if line.startswith("Change:"))]
    assert len(rows) <= 2 * len(case().recipes)


def test_a_verdict_takes_one_line_where_there_is_room():
    text = printed(typical(), 120)
    assert "≈ probably no practical difference" in text
    row = next(line for line in text.splitlines() if line.startswith("dropout "))
    assert row.split()[-1] == "0.13"


def test_intervals_are_not_cropped_at_80_columns():
    text = printed(typical())
    row = next(line for line in text.splitlines() if line.startswith("dropout "))
    assert row.split() == ["dropout", "0.3", "77.0", "%", "+3.4", "9.1", "▲", "helps"]
    assert "74.6 to 79.4" in text
    assert "−0.8 to 1.6" in text


def test_a_study_on_a_minimized_metric_says_that_lower_is_better():
    assert "a lower RMSE is better" in " ".join(printed(regression()).split())


def test_markup_and_control_characters_are_text():
    text = printed(hostile_names(), 200)
    assert "\x1b" not in text
    assert "[bold red]markup[/]" in text
    assert "<script>alert('x')</script>" in text


def test_an_interim_table_is_provisional_and_has_no_verdicts():
    text = printed(typical(), verdicts=False)
    assert text.startswith("Provisional")
    assert "helps" not in text
    assert "dropout" in text


def test_a_terminal_without_unicode_gets_ascii():
    text = printed(typical(), encoding="ascii")
    assert "^ helps" in text
    assert "-0.8 to 1.6" in text


def test_a_hundred_rows_are_all_there():
    text = printed(hundred_recipes(), 200)
    assert sum(line.startswith("l2=") for line in text.splitlines()) == 101


def test_findings_say_what_why_and_what_to_do():
    console = Console(file=io.StringIO(), width=80)
    console.print(*render_audit(FINDINGS), sep="\n")
    text = console.file.getvalue()
    for part in ("Warning: 240 of 1,599 rows", "[duplicates-copies]", "Why: A copy", "Note: "):
        assert part in text


def test_what_was_let_pass_is_called_so():
    refusing = dataclasses.replace(FINDINGS[0], code="one-class-target", severity="refuse")
    results = dataclasses.replace(typical(), audit=(refusing,), allowed=("one-class-target",))
    assert "Refused, let pass: " in printed(results)
    assert "Refused: " in printed(dataclasses.replace(results, allowed=()))


def test_files_are_named():
    text = printed(typical())
    assert "report   gengap-runs/wine-9f2c9f2c/report.html" in text
