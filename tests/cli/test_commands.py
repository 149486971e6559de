"""The command line parses, makes one call, and maps every end to an exit code and one message."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gengap.cli.edge import run
from gengap.errors import UnfinishedError, UserError
from gengap.report import words
from gengap.report.numbers import scale_of
from gengap.statistics.records import Comparison
from report.examples import holdout, typical

EXAMPLE = typical()

Compare = Callable[..., Any]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run where there is nothing but some data, with no settings in the environment."""
    for name in os.environ:
        if name.startswith("GENGAP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.chdir(tmp_path)
    for name in ("a", "x.csv", "wine.csv", "test.csv"):
        Path(name).write_text("read by nobody here\n")


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Callable[[Compare], None]:
    """Put a function in the place of `gengap.compare.compare`."""

    def replace(function: Compare) -> None:
        module = types.ModuleType("gengap.compare")
        module.compare = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "gengap.compare", module)

    return replace


@pytest.fixture
def calls(compare: Callable[[Compare], None]) -> list[dict[str, Any]]:
    """Collect what `compare` is called with."""
    seen: list[dict[str, Any]] = []

    def record(source: str, **settings: Any) -> Any:
        seen.append({"source": source, **settings})
        print("what a user's model prints")
        results = types.SimpleNamespace(
            headline="l2 helps", holdout=None, to_json=lambda: '{"schema": 1}\n'
        )
        plan = types.SimpleNamespace(
            describe=lambda budget: "80 trials",
            explain=lambda budget: "80 trials in 16 lanes",
            to_json=lambda: '{"trials": 80}',
        )
        return types.SimpleNamespace(results=results, plan=plan)

    compare(record)
    return seen


class TestCompare:
    def test_the_defaults(self, calls: list[dict[str, Any]]) -> None:
        assert run(["compare", "sklearn:wine", "--quiet"]) == 0
        (call,) = calls
        progress = call.pop("progress")
        assert type(progress).__name__ == "SilentProgress"
        assert call == {
            "source": "sklearn:wine",
            "target": None,
            "task": None,
            "model": None,
            "techniques": None,
            "metric": None,
            "rope": None,
            "folds": 10,
            "repeats": 1,
            "epochs": 100,
            "batch_size": 32,
            "learning_rate": None,
            "class_weight": None,
            "weight": None,
            "groups": None,
            "test": None,
            "duplicates": None,
            "image_size": None,
            "seed": 0,
            "out": None,
            "budget": None,
            "devices": None,
            "allow": (),
            "dry_run": False,
        }

    def test_every_option(self, calls: list[dict[str, Any]]) -> None:
        line = (
            "compare wine.csv --target quality --task regression --model mlp:8 --techniques "
            "l2,l1+dropout=0.3 --metric mae --rope 0.02 --folds 5 --repeats 2 --epochs 7 "
            "--batch-size 16 --learning-rate 0.01 --class-weight balanced --weight w --groups g "
            "--test test.csv --duplicates drop --image-size 8x8 --seed 3 --out run "
            "--budget 5m --devices 2 --allow a --allow b --dry-run"
        )
        assert run(line.split()) == 0
        (call,) = calls
        del call["progress"]
        assert call == {
            "source": "wine.csv",
            "target": "quality",
            "task": "regression",
            "model": "mlp:8",
            "techniques": "l2,l1+dropout=0.3",
            "metric": "mae",
            "rope": 0.02,
            "folds": 5,
            "repeats": 2,
            "epochs": 7,
            "batch_size": 16,
            "learning_rate": 0.01,
            "class_weight": "balanced",
            "weight": "w",
            "groups": "g",
            "test": "test.csv",
            "duplicates": "drop",
            "image_size": "8x8",
            "seed": 3,
            "out": "run",
            "budget": 300.0,
            "devices": 2,
            "allow": ("a", "b"),
            "dry_run": True,
        }

    @pytest.mark.parametrize(
        ("flags", "printed"),
        [
            (["--quiet"], "l2 helps\n"),
            (["--json"], '{"schema": 1}\n'),
            (["--dry-run"], "80 trials\n"),
            (["--dry-run", "--json"], '{"trials": 80}\n'),
            (["--explain-plan"], "80 trials in 16 lanes\n"),
            (["--explain-plan", "--json"], '{"trials": 80}\n'),
        ],
    )
    def test_standard_output_holds_the_result_only(
        self,
        calls: list[dict[str, Any]],
        capsys: pytest.CaptureFixture[str],
        flags: list[str],
        printed: str,
    ) -> None:
        assert run(["compare", "x.csv", *flags]) == 0
        captured = capsys.readouterr()
        assert captured.out == printed
        assert captured.err == "what a user's model prints\n"

    def test_quiet_prints_the_headline_and_the_score_on_the_test_part(
        self, compare: Callable[[Compare], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        results = dataclasses.replace(holdout(), headline="l2 helps")
        compare(lambda source, **settings: types.SimpleNamespace(results=results))
        assert run(["compare", "x.csv", "--quiet"]) == 0
        headline, score = capsys.readouterr().out.splitlines()
        assert headline == "l2 helps"
        assert score == words.holdout(results)

    @pytest.mark.parametrize(
        ("text", "seconds"), [("60", 60), ("60s", 60), ("1.5m", 90), ("2 min", 120), ("1H", 3600)]
    )
    def test_budgets(self, calls: list[dict[str, Any]], text: str, seconds: float) -> None:
        assert run(["compare", "x.csv", "-q", "--budget", text]) == 0
        assert calls[0]["budget"] == seconds

    @pytest.mark.parametrize(
        ("took", "said"),
        [
            (48.2, "took 48 s of the 1 min given"),
            (75, "took 1 min 15 s, more than the 1 min given"),
        ],
    )
    def test_what_was_taken_of_a_budget_is_said_in_the_end(
        self,
        compare: Callable[[Compare], None],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        took: float,
        said: str,
    ) -> None:
        now = [100.0]
        monkeypatch.setattr("time.perf_counter", lambda: now[0])

        def work(source: str, **settings: Any) -> Any:
            now[0] += took
            return types.SimpleNamespace(results=EXAMPLE)

        compare(work)
        for flags, heard in (["--json"], said + "\n"), ([], said + "\n"), (["-q"], ""):
            assert run(["compare", "x.csv", "--budget", "60s", *flags]) == 0
            captured = capsys.readouterr()
            assert captured.out
            assert "took" not in captured.out
            assert captured.err == heard
        assert run(["compare", "x.csv"]) == 0
        assert capsys.readouterr().err == ""

    def test_a_plan_takes_nothing_of_a_budget(
        self, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["compare", "x.csv", "--dry-run", "--budget", "60s"]) == 0
        assert "took" not in capsys.readouterr().err

    def test_another_backend_is_noted(
        self,
        calls: list[dict[str, Any]],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
        assert run(["compare", "x.csv", "--dry-run"]) == 0
        assert os.environ["KERAS_BACKEND"] == "jax"
        assert "note: KERAS_BACKEND is 'tensorflow'" in capsys.readouterr().err


class TestGates:
    @pytest.fixture(autouse=True)
    def study(self, compare: Callable[[Compare], None]) -> None:
        """Let `compare` return a study that has its results."""

        def found(source: str, **settings: Any) -> Any:
            assert not {"require_gain", "fail_if_gap_above"} & settings.keys()
            return types.SimpleNamespace(results=EXAMPLE, plan=types.SimpleNamespace())

        compare(found)

    def test_a_gate_that_holds_says_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        gain, gap = EXAMPLE.best.delta.mean, handed_back().gap.mean
        line = ["compare", "x.csv", "-q", "--require-gain", str(gain)]
        assert run([*line, "--fail-if-gap-above", str(gap)]) == 0
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("flags", [[], ["-q"], ["--json"]])
    def test_a_gain_below_what_is_required_exits_with_1(
        self, capsys: pytest.CaptureFixture[str], flags: list[str]
    ) -> None:
        limit = EXAMPLE.best.delta.mean + 0.01
        assert run(["compare", "x.csv", *flags, "--require-gain", str(limit)]) == 1
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert line.startswith("gate failed: --require-gain: choosing by validation gains ")
        scale = scale_of("accuracy")
        assert f"at least {scale.difference(limit)} asked for" in line
        assert captured.out
        if flags == ["--json"]:
            document = json.loads(captured.out)
            (gate,) = document.pop("gates")
            assert document == json.loads(EXAMPLE.to_json())
            assert gate["message"] in line
            assert (gate["gate"], gate["passed"]) == ("require-gain", False)
            assert (gate["limit"], gate["value"]) == (limit, EXAMPLE.best.delta.mean)
            assert (gate["low"], gate["high"]) == (EXAMPLE.best.delta.low, EXAMPLE.best.delta.high)

    def test_a_gap_above_the_limit_exits_with_1(self, capsys: pytest.CaptureFixture[str]) -> None:
        row = handed_back()
        limit = row.gap.mean - 0.001
        line = ["compare", "x.csv", "-q", "--require-gain", "9", "--fail-if-gap-above", str(limit)]
        assert run(line) == 1
        first, second = capsys.readouterr().err.splitlines()
        assert first.startswith("gate failed: --require-gain")
        assert second.startswith(f"gate failed: --fail-if-gap-above: the gap of {row.recipe} is ")

    def test_what_could_not_be_measured_passes_no_gate(
        self, compare: Callable[[Compare], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        nothing = Comparison(None, *(None,) * 7, missing=1)
        best = dataclasses.replace(EXAMPLE.best, delta=nothing)
        results = dataclasses.replace(EXAMPLE, best=best)
        compare(lambda source, **settings: types.SimpleNamespace(results=results))
        assert run(["compare", "x.csv", "-q", "--require-gain", "-1"]) == 1
        assert "some fold has no score" in capsys.readouterr().err

    def test_a_plan_has_nothing_to_hold_to_a_gate(self, calls: list[dict[str, Any]]) -> None:
        assert run(["compare", "x.csv", "--dry-run", "--require-gain", "9"]) == 0

    @pytest.mark.parametrize("word", ["nan", "inf", "much"])
    def test_a_gate_is_a_number(self, capsys: pytest.CaptureFixture[str], word: str) -> None:
        assert run(["compare", "x.csv", "--require-gain", word]) == 2
        assert word in capsys.readouterr().err


def handed_back() -> Any:
    (row,) = [row for row in EXAMPLE.recipes if row.recipe == EXAMPLE.best.recipe]
    return row


class TestErrors:
    def raising(self, error: BaseException) -> Compare:
        def fail(source: str, **settings: Any) -> Any:
            raise error

        return fail

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (
                UserError("bad", "no column 'x'", "use 'y'"),
                2,
                "error: no column 'x'\nhint: use 'y'\n",
            ),
            (UnfinishedError("full", "no space"), 3, "error: no space\n"),
        ],
    )
    def test_a_message_and_a_code(
        self,
        compare: Callable[[Compare], None],
        capsys: pytest.CaptureFixture[str],
        error: Exception,
        code: int,
        message: str,
    ) -> None:
        compare(self.raising(error))
        assert run(["compare", "x.csv"]) == code
        captured = capsys.readouterr()
        assert captured.err == message
        assert captured.out == ""

    def test_as_one_json_document(
        self, compare: Callable[[Compare], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        compare(self.raising(UserError("bad", "no column 'größe'", "use 'y'")))
        assert run(["compare", "x.csv", "--json"]) == 2
        captured = capsys.readouterr()
        assert json.loads(captured.out) == {
            "error": {"code": "bad", "message": "no column 'größe'", "hint": "use 'y'"}
        }
        assert captured.err == ""

    @pytest.mark.parametrize("extra", [[], ["--json"]])
    def test_a_fault_keeps_its_traceback_in_a_file(
        self,
        compare: Callable[[Compare], None],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        extra: list[str],
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        compare(self.raising(KeyError("lane")))
        assert run(["compare", "x.csv", *extra]) == 70
        captured = capsys.readouterr()
        (file,) = tmp_path.glob("gengap-fault-*.txt")
        assert "KeyError: 'lane'" in file.read_text()
        assert "Traceback" not in captured.err
        if extra:
            error = json.loads(captured.out)["error"]
            assert error["code"] == "internal"
            assert str(file) in error["hint"]
        else:
            assert "a fault of gengap, not of your input: KeyError: 'lane'" in captured.err
            assert str(file) in captured.err

    def test_an_interruption_says_how_to_go_on(
        self, compare: Callable[[Compare], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        compare(self.raising(KeyboardInterrupt()))
        assert run(["compare", "x.csv"]) == 130
        captured = capsys.readouterr()
        assert "the same command again goes on where it was" in captured.err
        assert "Traceback" not in captured.err

    @pytest.mark.parametrize(
        ("line", "message", "hint"),
        [
            ("compare", "missing argument 'DATA'", "gengap compare --help"),
            ("compare a b", "unexpected extra argument", "gengap compare --help"),
            ("compare a --folds many", "'--folds': 'many' is not a valid integer", "--help"),
            ("compare a --epochs 0", "'--epochs': 0 is not in the range x>=1", "--help"),
            ("compare a --flods 3", "no option --flods", "did you mean '--folds'"),
            ("compare a --task regresion", "--task cannot be", "did you mean 'regression'"),
            ("compare a --duplicates grop", "--duplicates cannot be", "did you mean 'group'"),
            ("compare a --budget soon", "'soon' is not a duration", "60s, 5m or 1h"),
            ("compare a --budget 0s", "'0s' is not a duration", "60s, 5m or 1h"),
            ("compere a", "no command 'compere'", "did you mean 'compare'"),
            ("techniques dropuot", "unknown technique 'dropuot'", "did you mean 'dropout'"),
            ("audit missing.csv --target y", "missing.csv", ""),
            ("--flods", "no option --flods", "--version"),
        ],
    )
    def test_usage(
        self, capsys: pytest.CaptureFixture[str], line: str, message: str, hint: str
    ) -> None:
        assert run(line.split()) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        first, second, *others = captured.err.splitlines()
        assert first.startswith("error: ")
        assert message in first
        assert second.startswith("hint: ")
        assert hint in second
        assert others == []

    @pytest.mark.parametrize(
        "line",
        [
            "audit mising.csv",
            "compare mising.csv",
            "compare x.csv --test mising.csv",
            "predict . mising.csv",
        ],
    )
    def test_data_that_are_not_there_are_refused_before_anything_is_imported(
        self, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("missing.csv").write_text("a,y\n1,2\n")
        for name in ("compare", "audit", "predict"):
            monkeypatch.setitem(sys.modules, f"gengap.{name}", None)
        assert run(line.split()) == 2
        captured = capsys.readouterr()
        assert "no file mising.csv" in captured.err
        assert "did you mean 'missing.csv'" in captured.err

    def test_usage_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["compare", "a", "--flods", "3", "--json"]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "unknown-option"
        assert "did you mean '--folds'" in error["hint"]

    def test_without_a_command_there_is_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run([]) == 2
        assert "Commands:" in capsys.readouterr().err


class TestSettings:
    def folds(self, calls: list[dict[str, Any]], *arguments: str) -> Any:
        assert run(["compare", "x.csv", "-q", *arguments]) == 0
        return calls[-1]["folds"]

    def test_the_line_goes_before_the_environment_before_the_file(
        self, calls: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.folds(calls) == 10
        (tmp_path / "pyproject.toml").write_text("[tool.gengap]\nfolds = 3\n")
        assert self.folds(calls) == 3
        (tmp_path / "gengap.toml").write_text("folds = 4\n")
        assert self.folds(calls) == 4
        monkeypatch.setenv("GENGAP_FOLDS", "5")
        assert self.folds(calls) == 5
        assert self.folds(calls, "--folds", "6") == 6

    def test_lists_and_both_spellings(self, calls: list[dict[str, Any]], tmp_path: Path) -> None:
        (tmp_path / "gengap.toml").write_text(
            'techniques = ["l2", "dropout=0.3"]\nallow = ["a", "b"]\nbatch-size = 8\nbudget = 60\n'
            "class_weight = 'balanced'\n"
        )
        self.folds(calls)
        assert calls[0]["techniques"] == "l2,dropout=0.3"
        assert calls[0]["allow"] == ("a", "b")
        assert calls[0]["batch_size"] == 8
        assert calls[0]["budget"] == 60
        assert calls[0]["class_weight"] == "balanced"

    def test_one_code_needs_no_list(self, calls: list[dict[str, Any]], tmp_path: Path) -> None:
        (tmp_path / "gengap.toml").write_text('allow = "too-few-rows"\n')
        self.folds(calls)
        assert calls[0]["allow"] == ("too-few-rows",)

    def test_a_pyproject_of_others_is_left_alone(
        self, calls: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        (tmp_path / "pyproject.toml").write_text("[tool.other]\nflods = 3\n")
        assert self.folds(calls) == 10

    @pytest.mark.parametrize(
        ("file", "text", "message", "hint"),
        [
            ("gengap.toml", "flods = 3", "unknown setting 'flods'", "did you mean 'folds'"),
            ("gengap.toml", "json = true", "unknown setting 'json'", "settings: "),
            ("gengap.toml", "folds = 'many'", "'many' is not a valid integer", "gengap.toml"),
            ("gengap.toml", "folds = [3]", "folds in", "as on the command line"),
            ("gengap.toml", "task = 'regresion'", "--task cannot be", "did you mean 'regression'"),
            ("gengap.toml", "folds = ", "is not a TOML file", "mend or remove it"),
            ("pyproject.toml", "[tool]\ngengap = 3", "settings in", None),
        ],
    )
    def test_refusals(
        self,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        file: str,
        text: str,
        message: str,
        hint: str | None,
    ) -> None:
        (tmp_path / file).write_text(text)
        assert run(["compare", "x.csv"]) == 2
        shown = capsys.readouterr().err
        assert message in shown
        assert hint is None or hint in shown

    def test_an_unknown_variable(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GENGAP_CACHE_DIR", "anywhere")
        monkeypatch.setenv("GENGAP_FLODS", "3")
        assert run(["techniques"]) == 2
        assert "did you mean 'GENGAP_FOLDS'" in capsys.readouterr().err

    def test_a_wrong_variable_is_named(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GENGAP_FOLDS", "many")
        assert run(["compare", "x.csv"]) == 2
        assert "environment variable GENGAP_FOLDS" in capsys.readouterr().err


class TestAudit:
    def test_findings_and_notes(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["audit", "sklearn:iris"]) == 0
        assert "[small-test-folds]" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("option", "said"),
        [("--folds=0", "at least 2"), ("--folds=-3", "at least 2"), ("--metric=rmse", "rmse")],
    )
    def test_what_compare_refuses_is_refused(
        self, capsys: pytest.CaptureFixture[str], option: str, said: str
    ) -> None:
        assert run(["audit", "sklearn:iris", option]) == 2
        assert said in capsys.readouterr().err

    def test_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["audit", "sklearn:iris", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["rows"] == 150
        assert {"code", "severity", "message", "why", "action"} == set(document["audit"][0])

    def test_what_refuses_ends_with_2(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        rows = "".join(f"{i * 1.7},same\n" for i in range(60))
        (tmp_path / "one.csv").write_text("a,label\n" + rows)
        assert run(["audit", "one.csv", "--target", "label"]) == 2
        assert "class" in capsys.readouterr().out


class TestTechniques:
    def test_the_list_names_every_one(self, capsys: pytest.CaptureFixture[str]) -> None:
        from gengap.techniques.discovery import techniques

        assert run(["techniques"]) == 0
        shown = capsys.readouterr().out
        assert run(["techniques", "--json"]) == 0
        records = json.loads(capsys.readouterr().out)
        assert [record["name"] for record in records] == list(techniques())
        wanted = {"name", "family", "summary", "modalities", "tasks", "strengths", "cost", "source"}
        assert all(wanted <= record.keys() for record in records)
        for technique in techniques().values():
            assert technique.name in shown
            assert technique.family in shown

    def test_one_is_described_with_examples_that_can_be_read(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from gengap.recipe import parse_candidates
        from gengap.techniques.discovery import techniques

        for name in techniques():
            assert run(["techniques", name]) == 0
            shown = capsys.readouterr().out
            examples = " ".join(shown.partition("Write it as: ")[2].split())
            assert parse_candidates(examples)[0].names == (name,)
            assert max(map(len, shown.splitlines())) <= 80

    def test_what_early_stopping_looks_at_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["techniques", "early_stopping"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert "metric is the error rate there, or the rmse of a regression" in shown
        assert "whatever --metric decides" in shown


class TestCompletion:
    def test_a_script_a_shell(self, capsys: pytest.CaptureFixture[str]) -> None:
        for shell in ("bash", "zsh", "fish"):
            assert run(["completion", shell]) == 0
            assert "_GENGAP_COMPLETE" in capsys.readouterr().out

    def test_options_and_techniques_are_completed(self) -> None:
        def complete(*words: str) -> str:
            return subprocess.run(
                [sys.executable, "-c", "from gengap.cli import main; main()"],
                env={
                    **os.environ,
                    "_GENGAP_COMPLETE": "bash_complete",
                    "COMP_WORDS": " ".join(["gengap", *words]),
                    "COMP_CWORD": str(len(words)),
                },
                capture_output=True,
                text=True,
                check=True,
            ).stdout

        assert "--techniques" in complete("compare", "--tech")
        assert "dropout" in complete("techniques", "drop")
        assert complete("audit", "win").startswith("file")


class TestStart:
    @pytest.mark.parametrize("arguments", [["--help"], ["compare", "--help"], ["techniques"]])
    def test_help_loads_nothing_heavy(self, arguments: list[str]) -> None:
        code = (
            "import sys\nfrom gengap.cli.edge import run\n"
            f"assert run({arguments!r}) == 0\n"
            "heavy = {'keras', 'jax', 'sklearn', 'pandas', 'matplotlib', 'scipy', 'pyarrow'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def test_the_installed_command(self) -> None:
        command = Path(sys.executable).with_name("gengap")
        done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"gengap {__import__('gengap').__version__}\n"

    def test_an_ascii_terminal_is_no_reason_to_fail(self, tmp_path: Path) -> None:
        (tmp_path / "größe.csv").write_text("größe,y\n")
        done = subprocess.run(
            [Path(sys.executable).with_name("gengap"), "audit", "größe.csv", "--target", "farbe"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(b"error: ")
