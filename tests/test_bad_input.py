"""Wrong input ends with exit code 2, one clear message, a hint, and nothing half-written.

Every case makes its files in an empty folder, which is the working directory, and runs one command
there, once in words and once as JSON.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import gengap
from bad_input import (
    MODELS,
    OPTIONS,
    OTHER_COMMANDS,
    PLACES,
    READING,
    REFUSED,
    SETTINGS,
    Case,
    write_table,
)
from gengap.cli.edge import run


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return what is in a folder: the content of every file."""
    paths = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in paths}


def check_words(text: str) -> None:
    """See that one error and one hint stand at the end; the plan may stand before them."""
    starts = [line.partition(" ")[0] for line in text.splitlines()]
    assert starts[-2:] == ["error:", "hint:"], text
    assert starts.count("error:") == starts.count("hint:") == 1, text
    assert "Traceback" not in text


def check_refusal(case: Case, folder: Path, monkeypatch, capfd, command: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    arguments = [command, *case.make(folder)]
    before = snapshot(folder)

    assert run(arguments) == 2
    words = capfd.readouterr()
    assert words.out == ""
    check_words(words.err)
    for text in case.says:
        assert text in words.err

    assert run([*arguments, "--json"]) == 2
    document = json.loads(capfd.readouterr().out)
    assert set(document) == {"error"}
    assert document["error"]["code"] == case.code
    assert f"error: {document['error']['message']}\n" in words.err
    assert snapshot(folder) == before


def by_name(cases: Sequence[Case]):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@by_name(READING)
@pytest.mark.parametrize("command", ["audit", "compare"])
def test_unreadable_data(case: Case, command: str, tmp_path, monkeypatch, capfd) -> None:
    check_refusal(case, tmp_path, monkeypatch, capfd, command)


@by_name([*REFUSED, *OPTIONS, *MODELS, *PLACES, *SETTINGS, *OTHER_COMMANDS])
def test_wrong_input(case: Case, tmp_path, monkeypatch, capfd) -> None:
    check_refusal(case, tmp_path, monkeypatch, capfd, case.command)


@by_name(REFUSED)
def test_the_audit_shows_what_compare_refuses(case: Case, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["audit", *case.make(tmp_path)]
    assert run(arguments) == 2
    assert case.code in capfd.readouterr().out
    assert run([*arguments, "--json"]) == 2
    findings = json.loads(capfd.readouterr().out)["audit"]
    assert case.code in {f["code"] for f in findings if f["severity"] == "refuse"}


def test_there_are_enough_cases() -> None:
    cases = [*READING, *REFUSED, *OPTIONS, *MODELS, *PLACES, *SETTINGS, *OTHER_COMMANDS]
    assert len({case.name for case in cases}) == len(cases) >= 45


def test_a_column_without_values_is_no_error(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.csv", empty="")
    assert run(["audit", "data.csv", "--target", "y"]) == 0
    assert "'empty'" in capfd.readouterr().out


def run_process(
    folder: Path, *arguments: str, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    return subprocess.run(
        [*before, sys.executable, "-m", "gengap", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_process_ends_with_2_and_says_why(tmp_path) -> None:
    write_table(tmp_path / "data.csv")
    ended = run_process(tmp_path, "compare", "data.csv", "--target", "yy")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "error: no column 'yy' in data.csv (given as target)",
        "hint: did you mean 'y'? (5 columns: a, b, c, y, z)",
    ]
    assert snapshot(tmp_path).keys() == {"data.csv"}


def test_a_full_disk_leaves_no_run_folder_behind(tmp_path, tmp_path_factory, monkeypatch) -> None:
    """A limit on the size of files fails like a full disk, and needs no rights to set up."""
    monkeypatch.setenv("GENGAP_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    write_table(tmp_path / "data.csv")

    full = ["bash", "-c", 'ulimit -f 0; exec "$0" "$@"']
    command = ["compare", "data.csv", "--target", "y", "--out", "run"]
    ended = run_process(tmp_path, *command, before=full)
    assert ended.returncode == 2, ended.stderr
    check_words(ended.stderr)
    assert "error: cannot write to the run folder run" in ended.stderr
    assert "--out" in ended.stderr
    assert snapshot(tmp_path).keys() == {"data.csv"}


def test_a_run_folder_of_another_study_is_left_as_it_is(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.csv")
    quick = ["--target", "y", "--folds", "2", "--epochs", "1", "--techniques", "l2=0.1"]
    quick += ["--out", "run", "--quiet"]
    assert run(["compare", "data.csv", *quick]) == 0
    before = snapshot(tmp_path / "run")
    capfd.readouterr()
    write_table(tmp_path / "other.csv", b=1.5)
    assert run(["compare", "other.csv", *quick]) == 2
    words = capfd.readouterr().err
    check_words(words)
    assert "--out" in words
    assert snapshot(tmp_path / "run") == before


def test_an_allowed_finding_lets_compare_go_on(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.csv", y="no")
    arguments = ["compare", "data.csv", "--target", "y", "--dry-run"]
    assert run(arguments) == 2
    assert "--allow one-class-target" in capfd.readouterr().err
    assert run([*arguments, "--allow", "one-class-target"]) == 0
    assert snapshot(tmp_path).keys() == {"data.csv"}


def test_predict_refuses_what_is_no_run_folder(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.csv")
    (tmp_path / "empty").mkdir()
    for folder in ("nowhere", "empty", "data.csv"):
        assert run(["predict", folder, "data.csv"]) == 2
        words = capfd.readouterr()
        assert words.out == ""
        check_words(words.err)


def test_every_error_that_a_user_can_cause_has_a_hint() -> None:
    """Whoever raises one says how to mend it: code, message and hint are all given."""
    without = []
    for path in Path(gengap.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "UserError":
                given = len(node.args) + len(node.keywords)
                without += [f"{path.name}:{node.lineno}"] if given < 3 else []
    assert without == []
