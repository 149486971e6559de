"""compare() from data to run folder, and what it says about what it found."""

from __future__ import annotations

import ast
import gzip
import json
import math
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, root_mean_squared_error

import gengap
from gengap import UnfinishedError, UserError
from gengap.audit.duplicates import Copies, find_copies
from gengap.costs import Besides
from gengap.data.dataset import Dataset
from gengap.design import design_study
from gengap.lanes.layout import CORE, Breadth
from gengap.predict import predict
from gengap.reading import read, settle_copies
from gengap.run_folder import FILES
from gengap.wording import plural
from study.cases import (
    Listener,
    Subclassed,
    figures,
    measurements,
    one_logit,
    people,
    regularized,
)

METRICS = {"accuracy", "balanced_accuracy", "roc_auc", "log_loss", "brier", "ece"}
INTERVAL = {"mean", "low", "high"}

PEOPLE: dict[str, Any] = {
    "target": "bought",
    "groups": "site",
    "weight": "importance",
    "class_weight": "balanced",
    "metric": "balanced_accuracy",
    "rope": 0.02,
    "folds": 3,
    "repeats": 2,
    "epochs": 8,
    "batch_size": 16,
    "learning_rate": 0.02,
    "model": "mlp:8",
    "techniques": "l2, dropout=0.3, early_stopping(patience=1), "
    "l2=1e-3+early_stopping(patience=1), l2=10",
}
NAMES = [
    "baseline",
    "l2",
    "dropout=0.3",
    "early_stopping=1",
    "l2=1e-3 + early_stopping=1",
    "l2=10",
]


def test_people() -> pd.DataFrame:
    return people(60, seed=9)


test_people.__test__ = False  # type: ignore[attr-defined]


def trains_nothing(*_: Any, **__: Any) -> Any:
    raise AssertionError("something was trained again")


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> tuple[gengap.Study, Listener]:
    """A study of a table with everything: groups, weights, a test part, missing cells."""
    listener = Listener()
    folder = tmp_path_factory.mktemp("people") / "run"
    study = gengap.compare(people(), test=test_people(), out=folder, progress=listener, **PEOPLE)
    return study, listener


@pytest.fixture(scope="module")
def document(bought: Any) -> dict[str, Any]:
    """Its results.json."""
    return json.loads((bought[0].folder / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> gengap.Study:
    """A regression with a network of the user's own that is regularized already."""
    inputs, target = measurements()
    return gengap.compare(
        inputs,
        target,
        regularized(),
        ["dropout=0.1"],
        folds=3,
        epochs=10,
        batch_size=16,
        sample_weight=np.linspace(0.5, 1.5, len(target)),
        test=measurements(40, seed=2),
        out=tmp_path_factory.mktemp("measured"),
    )


class TestResults:
    def test_every_promised_field_is_there(self, document: dict[str, Any]) -> None:
        assert document.keys() >= {
            "schema", "gengap", "dataset", "protocol", "audit", "recipes", "best", "holdout",
        }  # fmt: skip
        assert document["protocol"].keys() >= {
            "metric", "direction", "rope", "folds", "repeats", "epochs", "seed", "rows_trained",
            "lane_width", "versions",
        }  # fmt: skip
        for row in document["recipes"]:
            assert row.keys() >= {
                "recipe", "strengths", "test", "train", "gap", "delta", "verdict", "zero_weights",
                "weight_norm", "robustness", "epochs", "seconds_per_trial", "folds_to_settle",
                "rows_to_settle", "status",
            }  # fmt: skip
            for part in ("test", "gap", "robustness"):
                assert row[part].keys() >= INTERVAL
            assert "mean" in row["train"]
            if row["delta"] is not None:
                assert row["delta"].keys() >= INTERVAL | {
                    "p", "p_holm", "p_better", "p_equivalent", "p_worse",
                }  # fmt: skip
        assert document["best"].keys() >= {
            "recipe", "strengths", "epochs", "test", "chosen_in", "files",
        }  # fmt: skip
        for finding in document["audit"]:
            assert finding.keys() >= {"code", "severity", "message"}

    def test_the_study_holds_what_the_file_holds(self, bought: Any) -> None:
        study, _ = bought
        written = (study.folder / "results.json").read_text(encoding="utf-8")
        assert written == study.results.to_json()

    def test_protocol(self, document: dict[str, Any]) -> None:
        protocol = document["protocol"]
        assert document["schema"] == 1
        assert document["gengap"] == gengap.__version__
        for name in ("metric", "rope", "folds", "repeats", "epochs", "batch_size"):
            assert protocol[name] == PEOPLE[name]
        assert protocol["direction"] == "maximize"
        assert (protocol["rows"], protocol["rows_tested"]) == (150, 50)
        assert protocol["rows_trained"] + protocol["rows_validated"] == 100
        # Six folds; a run a fold for the baseline, four strengths of l2, l2=10 and dropout.
        assert protocol["runs"] == 6 * 7
        assert protocol["trials"] == 6 * 9
        assert protocol["programs"] == 1
        assert protocol["lane_width"] >= 1
        assert protocol["versions"]["keras"] == keras.__version__
        assert protocol["versions"]["backend"] == "jax"
        assert protocol["network"] == "mlp 8, Adam(0.02)"

    def test_dataset(self, document: dict[str, Any]) -> None:
        dataset = document["dataset"]
        kinds = {column["name"]: column["kind"] for column in dataset["columns"]}
        assert kinds == {
            "age": "numeric",
            "income": "numeric",
            "city": "categorical",
            "member": "boolean",
        }
        missing = {column["name"]: column["missing"] for column in dataset["columns"]}
        table = people()
        assert missing == {name: int(table[name].isna().sum()) for name in kinds}
        assert missing["city"] > 0
        assert dataset["classes"] == ["no", "yes"]
        assert (dataset["rows"], dataset["test_rows"]) == (150, 60)
        # No word is missing from training, whatever cells are empty.
        said = [finding["message"] for finding in document["audit"]]
        assert not any("words that the training data lack" in message for message in said)

    def test_what_was_decided_on_the_data_is_said_once(self, measured: gengap.Study) -> None:
        read = [f.message for f in measured.results.audit if f.code == "as-read"]
        assert not set(read) & set(measured.results.notes)

    def test_audit_notes_the_missing_cells(self, document: dict[str, Any]) -> None:
        assert "missing-values" in {finding["code"] for finding in document["audit"]}

    def test_the_baseline_comes_first(self, document: dict[str, Any]) -> None:
        first, *others = document["recipes"]
        assert [row["recipe"] for row in document["recipes"]] == NAMES
        assert (first["verdict"], first["delta"], first["strengths"]) == ("baseline", None, {})
        assert all(row["delta"] is not None and row["verdict"] != "baseline" for row in others)

    def test_figures_of_a_candidate_fit_together(self, document: dict[str, Any]) -> None:
        baseline = document["recipes"][0]
        for row in document["recipes"]:
            assert row["status"] == "finished"
            assert len(row["fold_scores"]) == 6
            assert row["test"]["mean"] == pytest.approx(np.mean(row["fold_scores"]))
            assert row["gap"]["mean"] == pytest.approx(row["train"]["mean"] - row["test"]["mean"])
            for part in ("test", "gap", "robustness"):
                assert row[part]["low"] <= row[part]["mean"] <= row[part]["high"]
            assert 0 < row["epochs"] <= 8
            assert row["seconds_per_trial"] > 0
            assert row["weight_norm"] > 0
            assert row["other_metrics"].keys() == METRICS - {"balanced_accuracy"}
            if row["delta"] is None:
                continue
            paired = np.subtract(row["fold_scores"], baseline["fold_scores"])
            assert row["delta"]["mean"] == pytest.approx(paired.mean())
            shares = [row["delta"][name] for name in ("p_better", "p_equivalent", "p_worse")]
            assert sum(shares) == pytest.approx(1)
            assert row["delta"]["p"] <= row["delta"]["p_holm"] <= 1

    def test_strengths_are_chosen_fold_by_fold(self, document: dict[str, Any]) -> None:
        rows = {row["recipe"]: row for row in document["recipes"]}
        choice = rows["l2"]["strengths"]["l2"]
        grid = {1e-5, 1e-4, 1e-3, 1e-2}
        assert len(choice["chosen"]) == 6
        assert {*choice["chosen"], choice["refit"]} <= grid
        assert rows["dropout=0.3"]["strengths"]["dropout"]["chosen"] == [0.3] * 6
        assert rows["l2"]["trials"] == 4 * 6

    def test_what_kills_every_weight_hurts(self, bought: Any) -> None:
        study, _ = bought
        assert study.verdicts["l2=10"] == "hurts"
        rows = {row.recipe: row for row in study.results.recipes}
        assert rows["l2=10"].test.mean == pytest.approx(0.5)
        assert rows["baseline"].test.mean > 0.7
        assert rows["l2=10"].weight_norm < rows["baseline"].weight_norm
        # Noise on the inputs costs something, and less than the inputs are worth.
        assert 0.55 < rows["baseline"].robustness.mean < rows["baseline"].test.mean

    def test_the_epochs_that_runs_needed_are_counted_once_a_run(self, bought: Any) -> None:
        needed = bought[0].trials.groupby("run")["epochs"].max()
        protocol = bought[0].results.protocol
        assert len(needed) == protocol.runs
        assert protocol.epochs_needed == needed.sum() <= protocol.runs * protocol.epochs

    def test_early_stopping_takes_no_more_epochs(self, bought: Any) -> None:
        rows = {row.recipe: row for row in bought[0].results.recipes}
        assert rows["early_stopping=1"].epochs <= rows["baseline"].epochs == 8

    def test_best(self, document: dict[str, Any], bought: Any) -> None:
        best = document["best"]
        assert best["recipe"] in NAMES
        assert best["recipe"] != "l2=10"
        assert sum(best["chosen_in"].values()) == 6
        assert set(best["chosen_in"]) <= set(NAMES)
        assert 1 <= best["epochs"] <= 8
        assert {Path(path).name for path in best["files"].values()} == set(FILES.values())
        assert all(Path(path).stat().st_size > 0 for path in best["files"].values())

    def test_the_test_part_is_scored_by_what_is_handed_back(self, bought: Any) -> None:
        study, _ = bought
        holdout = study.results.holdout
        table = test_people()
        guessed = study.best.predict(table).argmax(axis=1)
        score = balanced_accuracy_score(table["bought"] == "yes", guessed)
        assert holdout.rows == 60
        assert holdout.metric == "balanced_accuracy"
        assert holdout.best.mean == pytest.approx(score)
        assert holdout.best.low <= holdout.best.mean <= holdout.best.high
        assert holdout.delta.mean == pytest.approx(holdout.best.mean - holdout.baseline.mean)


class TestStudy:
    def test_table_has_a_row_a_candidate(self, bought: Any) -> None:
        table = bought[0].table()
        assert list(table["recipe"]) == NAMES
        assert list(table["verdict"]) == list(bought[0].verdicts.values())
        assert np.isnan(table["change"][0])
        assert (table["test_low"] <= table["test"]).all()
        assert (table["test"] <= table["test_high"]).all()
        assert table["strength"][5] == {"l2": 10.0}

    def test_trials_have_a_row_a_trial(self, bought: Any) -> None:
        trials = bought[0].trials
        assert len(trials) == 54
        assert set(trials) >= {
            "run", "recipe", "fold", "repeat", "seed", "status", "epochs", "seconds",
        }  # fmt: skip
        for part in ("train", "validation", "test"):
            scores = trials[[f"{part}_{metric}" for metric in METRICS]]
            assert np.isfinite(scores.to_numpy(float)).all()
        assert (trials["status"] == "finished").all()
        assert sorted(trials.groupby(["repeat", "fold"]).size()) == [9] * 6
        assert (trials.groupby(["repeat", "fold"])["seed"].nunique() == 1).all()
        assert trials["seed"].nunique() == 6

    def test_judgements_of_one_run_share_it(self, bought: Any) -> None:
        trials = bought[0].trials
        assert trials["run"].nunique() == 42
        judged = trials[
            trials["recipe"].isin(["baseline", "early_stopping(patience=1, min_delta=0)"])
        ]
        pairs = judged.groupby(["repeat", "fold"])["run"].nunique()
        assert len(judged) == 12
        assert (pairs == 1).all()

    def test_chosen_trials_make_the_scores(self, bought: Any) -> None:
        study, _ = bought
        trials = study.trials
        row = study.results.recipes[0]
        scores = trials[trials["recipe"] == "baseline"]["test_balanced_accuracy"]
        assert list(scores) == pytest.approx(list(row.fold_scores))

    def test_representations(self, bought: Any) -> None:
        study, _ = bought
        assert study.results.headline in repr(study)
        page = study._repr_html_()
        for name in NAMES:
            assert name.split("(")[0] in page

    def test_figures(self, bought: Any) -> None:
        import matplotlib.figure

        study, _ = bought
        for draw in ("effects", "gap", "curves", "doses", "choices", "cost"):
            figure = getattr(study, f"plot_{draw}")()
            assert isinstance(figure, matplotlib.figure.Figure)

    def test_report(self, bought: Any, tmp_path: Path) -> None:
        study, _ = bought
        path = study.report(tmp_path / "mine.html")
        assert path.read_text(encoding="utf-8") == (study.folder / "report.html").read_text(
            encoding="utf-8"
        )

    def test_progress_counts_trials(self, bought: Any) -> None:
        _, listener = bought
        assert listener.total == 54
        assert listener.done == sorted(listener.done)
        assert listener.done[-1] == 54
        assert listener.finished
        assert any(
            "54 trials (5 candidates and the baseline, 3 folds x 2 repeats)" in s
            for s in listener.said
        )

    def test_progress_counts_the_epochs_of_every_training_on_all_rows(self, bought: Any) -> None:
        study, listener = bought
        trained = [(str(study.best.recipe.training), study.best.epochs)]
        if not study.best.recipe.is_baseline:  # for the test part
            trained.append(("baseline", 8))
        assert listener.epochs == [(epochs, epochs) for _, epochs in trained]
        assert listener.finished == 1 + len(trained)
        assert [text for text in listener.said if text.startswith("training ")] == [
            f"training {recipe} on all rows, for {plural(epochs, 'epoch')}"
            for recipe, epochs in trained
        ]

    def test_a_progress_that_knows_of_trials_only_is_told_of_trials(self) -> None:
        class OfTrials(Listener):
            def start(self, total_trials: int) -> None:  # type: ignore[override]
                super().start(total_trials)

        listener = OfTrials()
        study = gengap.compare(
            *measurements(60), techniques="l2=1", folds=3, epochs=2, progress=listener
        )
        assert (listener.total, listener.done[-1], listener.finished) == (6, 6, 1)
        assert listener.epochs == []
        words = f"training {study.best.recipe} on all rows"
        assert any(text.startswith(words) for text in listener.said)


class TestBest:
    def test_it_predicts_rows_as_they_come(self, bought: Any) -> None:
        study, _ = bought
        table = test_people()
        probabilities = study.best.predict(table.drop(columns=["bought", "site"]))
        assert probabilities.shape == (60, 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)

    def test_its_network_takes_the_rows_that_its_preprocessing_prepared(self, bought: Any) -> None:
        best, table = bought[0].best, test_people()
        outputs = best.model.predict(best.preprocessing.transform(table), verbose=0)
        assert outputs.argmax(axis=1).tolist() == best.predict(table).argmax(axis=1).tolist()
        with pytest.raises(UserError, match=r"predict\(rows\)"):
            best.predict_features(table)
        with pytest.raises(UserError, match=r"predict\(rows\)"):
            best.predict_features(np.ones((3, 5)))

    def test_it_is_shown_by_its_recipe(self, bought: Any) -> None:
        best = bought[0].best
        assert repr(best) == f"FinishedModel('{best.recipe}', epochs={best.epochs})"

    def test_the_files_say_the_same(self, bought: Any) -> None:
        study, _ = bought
        table = test_people()
        expected = study.best.predict(table)
        told = predict(study.folder, table).table
        np.testing.assert_allclose(told[["probability_no", "probability_yes"]], expected, atol=1e-6)
        loaded = keras.models.load_model(study.folder / "model.keras")
        assert isinstance(study.best.model, keras.Model)
        for mine, theirs in zip(loaded.get_weights(), study.best.model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)

    def test_its_recipe_has_every_strength(self, bought: Any) -> None:
        study, _ = bought
        best = study.results.best
        assert not study.best.recipe.open_strengths
        assert study.best.recipe.strengths_record() == best.strengths
        assert str(study.best.recipe) == best.refit_recipe

    def test_source_is_python(self, bought: Any) -> None:
        study, _ = bought
        source = (study.folder / "recipe.py").read_text(encoding="utf-8")
        assert source == study.best.source
        imported = [
            alias.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        assert "keras" in imported
        assert "gengap" not in imported


class TestRunFolder:
    def test_trials_and_curves_are_tables(self, bought: Any) -> None:
        study, _ = bought
        trials = pd.read_csv(study.folder / "trials.csv")
        assert list(trials.columns) == list(study.trials.columns)
        assert len(trials) == 54
        with gzip.open(study.folder / "curves.csv.gz", "rt", encoding="utf-8") as file:
            curves = pd.read_csv(file)
        epochs = curves.groupby("trial")["epoch"].max()
        assert dict(epochs) == dict(zip(trials["trial"], trials["epochs"], strict=True))
        assert np.isfinite(curves.drop(columns="trial").to_numpy()).all()

    def test_curves_end_where_the_scores_are(self, bought: Any) -> None:
        study, _ = bought
        with gzip.open(study.folder / "curves.csv.gz", "rt", encoding="utf-8") as file:
            last = pd.read_csv(file).groupby("trial").last()
        trials = study.trials[study.trials["best_epoch"] == study.trials["epochs"]]
        ends = last.loc[trials["trial"]]
        for curve, score in (("metric", "accuracy"), ("loss", "loss")):
            np.testing.assert_allclose(
                ends[f"validation_{curve}"], trials[f"validation_{score}"], rtol=1e-4
            )

    def test_the_same_input_gives_the_same_figures(self, bought: Any, tmp_path: Path) -> None:
        study, _ = bought
        again = gengap.compare(people(), test=test_people(), out=tmp_path / "run", **PEOPLE)
        assert figures(again.results.to_json()) == figures(study.results.to_json())
        assert again.best.source == study.best.source
        for name in ("curves.csv.gz", "preprocess.json"):
            assert (again.folder / name).read_bytes() == (study.folder / name).read_bytes()

    def test_the_same_study_again_trains_nothing(
        self, bought: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        study, _ = bought
        monkeypatch.setattr("gengap.training.train_lanes", trains_nothing)
        monkeypatch.setattr("gengap.refit.train_lanes", trains_nothing)
        listener = Listener()
        again = gengap.compare(
            people(), test=test_people(), out=study.folder, progress=listener, **PEOPLE
        )
        assert (listener.done, listener.epochs) == ([54], [])
        assert figures(again.results.to_json()) == figures(study.results.to_json())
        # What the trainings took then, not what reading them took now.
        longest = study.trials.groupby("run")["seconds"].max()
        assert again.results.protocol.seconds == pytest.approx(longest.sum(), abs=1e-3)

    def test_a_study_of_the_same_setting_goes_on_and_replaces_the_results(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trained: list[list[str]] = []

        def train(*given: Any, **settings: Any) -> Any:
            trained.append([str(run.recipe) for run in given[1]])
            return original(*given, **settings)

        original = gengap.training.train_lanes
        monkeypatch.setattr("gengap.training.train_lanes", train)
        asked: dict[str, Any] = {"folds": 3, "epochs": 3, "model": "mlp:4", "out": tmp_path / "run"}
        gengap.compare("sklearn:iris", techniques="l2=1e-3, dropout=0.2", **asked)
        assert len([run for program in trained for run in program]) == 3 * 3
        trained.clear()
        more = gengap.compare("sklearn:iris", techniques="l2=1e-3, weight_decay=0.1", **asked)
        assert [run for program in trained for run in program] == ["weight_decay=0.1"] * 3
        assert list(more.verdicts) == ["baseline", "l2=1e-3", "weight_decay=0.1"]
        written = (more.folder / "results.json").read_text(encoding="utf-8")
        assert written == more.results.to_json()
        assert "dropout" not in (more.folder / "trials.csv").read_text(encoding="utf-8")
        trained.clear()
        fewer = gengap.compare("sklearn:iris", techniques="dropout=0.2", **asked, metric="brier")
        assert not trained
        assert list(fewer.verdicts) == ["baseline", "dropout=0.2"]
        gengap.compare("sklearn:iris", techniques="dropout=0.2", **asked, repeats=2)
        assert (
            sorted(run for program in trained for run in program)
            == ["baseline"] * 3 + ["dropout=0.2"] * 3
        )

    @pytest.mark.parametrize(
        "other", [{"seed": 1}, {"epochs": 4}, {"batch_size": 16}, {"model": "mlp:5"}]
    )
    def test_a_study_of_another_setting_does_not_fit_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]
    ) -> None:
        monkeypatch.setattr("gengap.training.train_lanes", trains_nothing)
        asked: dict[str, Any] = {
            "techniques": "l2=1", "folds": 3, "epochs": 3, "model": "mlp:4", "out": tmp_path,
        }  # fmt: skip
        with pytest.raises(AssertionError):
            gengap.compare("sklearn:iris", **asked)
        with pytest.raises(UserError, match="holds another study") as caught:
            gengap.compare("sklearn:iris", **{**asked, **other})
        assert caught.value.code == "run-folder-taken"
        with pytest.raises(UserError, match="holds another study"):
            gengap.compare("sklearn:wine", **asked)

    def test_another_study_does_not_fit_in(self, bought: Any) -> None:
        study, _ = bought
        before = (study.folder / "results.json").read_bytes()
        with pytest.raises(UserError, match="holds another study") as caught:
            gengap.compare(people(), out=study.folder, **{**PEOPLE, "seed": 1})
        assert caught.value.code == "run-folder-taken"
        assert (study.folder / "results.json").read_bytes() == before


class TestPlanning:
    def test_a_dry_run_trains_and_writes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("gengap.training.train_lanes", trains_nothing)
        study = gengap.compare("sklearn:iris", techniques="l2", folds=3, dry_run=True)
        assert study.plan.trials == 3 * 5
        assert "15 trials" in repr(study)
        assert not list(tmp_path.iterdir())
        with pytest.raises(UserError, match="only planned"):
            study.results  # noqa: B018

    def test_a_dry_run_plans_as_a_study_goes_on_and_leaves_its_folder_as_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gengap.planning.process_bytes", lambda: 0)
        monkeypatch.setattr("gengap.pace.slowness", lambda devices: 1.0)
        monkeypatch.setattr("gengap.training.train_lanes", trains_nothing)
        asked: dict[str, Any] = {"techniques": "l2", "folds": 3, "out": tmp_path / "run"}

        def started() -> list[str]:
            """Return what is said where training would begin."""
            listener = Listener()
            with pytest.raises(AssertionError):
                gengap.compare("sklearn:iris", **asked, progress=listener)
            return listener.said

        fresh = gengap.compare("sklearn:iris", **asked, dry_run=True).plan
        assert not list(tmp_path.iterdir())
        with monkeypatch.context() as patched:
            patched.setattr("gengap.costs.CORE", Breadth(2, CORE.touched_bytes))
            started()
        before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*.*")}
        plan = gengap.compare("sklearn:iris", **asked, dry_run=True).plan
        assert plan.width == 2 < fresh.width
        assert "x 2 lanes" in plan.explain()
        assert json.loads(plan.to_json())["layouts"][0]["lanes_a_group"] == 2
        after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*.*")}
        assert after == before
        assert plan.describe() in started()
        assert plan.explain() != fresh.explain()
        with pytest.raises(UserError, match="holds another study"):
            gengap.compare("sklearn:iris", **asked, seed=1, dry_run=True)

    def test_a_study_whose_lanes_do_not_fit_any_more_says_so_before_it_trains(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: dict[str, Any] = {
            "techniques": "l2", "folds": 3, "epochs": 2, "out": tmp_path / "run",
        }  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr("gengap.training.train_lanes", trains_nothing)
            with pytest.raises(AssertionError):
                gengap.compare("sklearn:iris", **asked)
            patched.setattr("gengap.planning.available_bytes", lambda devices: 10 * 2.0**20)
            with pytest.raises(UnfinishedError, match="and 10 MiB are free") as refused:
                gengap.compare("sklearn:iris", **asked)
            assert (refused.value.code, refused.value.exit_code) == ("memory-short", 3)
        study = gengap.compare("sklearn:iris", **asked)
        # With nothing to train it needs none.
        monkeypatch.setattr("gengap.planning.available_bytes", lambda devices: 10 * 2.0**20)
        again = gengap.compare("sklearn:iris", **asked)
        assert again.results.recipes == study.results.recipes

    def test_fewer_devices_may_be_asked_for_and_no_more_than_there_are(self) -> None:
        asked: dict[str, Any] = {"techniques": "l2=1e-3", "folds": 3, "dry_run": True}
        plan = gengap.compare("sklearn:iris", **asked, devices=1).plan
        assert plan.devices == 1
        assert {planned.layout.devices for planned in plan.programs} == {1}
        with pytest.raises(UserError, match="1000 devices are wanted") as refused:
            gengap.compare("sklearn:iris", **asked, devices=1000)
        assert "--devices" in refused.value.hint
        with pytest.raises(UserError, match="devices"):
            gengap.compare("sklearn:iris", **asked, devices=0)

    @pytest.mark.parametrize(
        ("share", "grid_points", "folds"), [(0.7, range(1, 4), 10), (0.02, [1], 2)]
    )
    def test_a_budget_gives_up_grid_points_and_then_folds(
        self, share: float, grid_points: Any, folds: int
    ) -> None:
        asked: dict[str, Any] = {"techniques": "l2", "epochs": 50_000, "dry_run": True}
        whole = gengap.compare("sklearn:iris", **asked).plan
        listener = Listener()
        study = gengap.compare(
            "sklearn:iris", budget=share * whole.nominal_seconds, progress=listener, **asked
        )
        (_, l2) = study.plan.candidates
        assert len(l2.grid) in grid_points
        splits = {run.split for planned in study.plan.programs for run in planned.runs}
        assert len(splits) == folds
        (said,) = [text for text in listener.said if text.startswith("to keep within")]
        assert f"at most {len(l2.grid)} grid point" in said
        assert ("2 folds instead of 10" in said) == (folds == 2)
        if folds == 10:
            assert study.plan.nominal_seconds <= share * whole.nominal_seconds

    def test_a_budget_keeps_as_many_folds_as_the_groups_need(self) -> None:
        inputs, target = measurements(60)
        study = gengap.compare(
            inputs, target, techniques="l2=1", groups=np.arange(60) % 3, folds=3, epochs=50_000,
            budget=1, dry_run=True,
        )  # fmt: skip
        splits = {run.split for planned in study.plan.programs for run in planned.runs}
        assert len(splits) == 3

    def test_a_budget_that_will_not_suffice_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gengap.training.train_lanes", trains_nothing)
        monkeypatch.setattr("gengap.pace.slowness", lambda devices: 3.0)
        asked: dict[str, Any] = {"techniques": "l2=1", "folds": 3, "epochs": 5}
        plan = gengap.compare("sklearn:iris", **asked, dry_run=True).plan
        listener = Listener()
        with pytest.raises(AssertionError):
            gengap.compare(
                "sklearn:iris", **asked, budget=2 * plan.nominal_seconds, progress=listener
            )
        (said,) = [text for text in listener.said if "trials (" in text]
        assert "(more than the budget of" in said
        assert "this machine takes 3.0 times what budgets reckon with)" in said

    def test_a_wide_budget_changes_nothing(self) -> None:
        listener = Listener()
        study = gengap.compare(
            "sklearn:iris", techniques="l2", budget=1e6, dry_run=True, progress=listener
        )
        assert study.plan.trials == 10 * 5
        assert not any("to keep within" in text for text in listener.said)

    def test_the_seconds_of_a_plan_count_the_rows_and_a_test_part(self) -> None:
        inputs, target = measurements(2000)
        asked: dict[str, Any] = {"techniques": "l2=1", "folds": 3, "epochs": 5, "dry_run": True}

        def besides(x: Any, y: Any, **more: Any) -> Besides:
            return gengap.compare(x, y, **asked, **more).plan.besides

        small = besides(inputs, target)
        wide = besides(np.hstack([inputs] * 3), target)
        assert wide.preparing == pytest.approx(3 * small.preparing)
        more = besides(inputs, target, repeats=3)
        assert small.preparing < more.preparing < 3 * small.preparing
        tested = besides(inputs, target, test=measurements(1000, seed=2))
        assert tested.preparing == pytest.approx(1.5 * small.preparing)
        assert tested.refit == pytest.approx(2 * small.refit)
        # A tensor goes to the network as it is.
        model = keras.Sequential(
            [keras.Input((5, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
        )
        model.compile("adam", "mse")
        assert besides(inputs[:, :, None], target, model=model).preparing == 0

    def test_default_candidates_by_task(self) -> None:
        names = {}
        for task, source in (("classification", "iris"), ("regression", "diabetes")):
            plan = gengap.compare(f"sklearn:{source}", dry_run=True).plan
            names[task] = [candidate.name for candidate in plan.candidates]
        expected = [
            "baseline", "l1", "l2", "weight_decay", "dropout", "batch_norm", "early_stopping",
            "label_smoothing", "l2 + dropout + early_stopping",
        ]  # fmt: skip
        assert names["classification"] == expected
        assert names["regression"] == [name for name in expected if name != "label_smoothing"]

    def test_a_sampled_grid_is_said(self) -> None:
        listener = Listener()
        plan = gengap.compare(
            "sklearn:iris", techniques="elastic_net + dropout", dry_run=True, progress=listener
        ).plan
        assert len(plan.candidates[1].grid) == 16
        assert any("of the 64 combinations of its strengths 16" in text for text in listener.said)

    def test_normalization_is_no_regularization_that_none_could_switch_off(self) -> None:
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(4),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        plan = gengap.compare("sklearn:iris", None, model, "l2", dry_run=True).plan
        assert [candidate.name for candidate in plan.candidates] == ["baseline", "l2"]

    def test_a_table_takes_its_test_part_as_a_table(self) -> None:
        table = people()
        pair = (table.drop(columns="bought"), table["bought"])
        with pytest.raises(UserError, match="test is a pair"):
            gengap.compare(table, target="bought", test=pair, dry_run=True)

    def test_label_smoothing_needs_classes(self) -> None:
        with pytest.raises(UserError, match="label_smoothing is not defined for regression"):
            gengap.compare("sklearn:diabetes", techniques="l2, label_smoothing", dry_run=True)

    def test_techniques_that_do_not_serve_such_rows_name_those_that_do(self) -> None:
        with pytest.raises(UserError, match=r"for tables \(only for sequences\)") as caught:
            gengap.compare("sklearn:wine", techniques="l2, recurrent_dropout", dry_run=True)
        assert caught.value.code == "technique-not-for-data"
        assert "for tables: " in (caught.value.hint or "")
        assert "batch_norm" in (caught.value.hint or "")
        assert "recurrent_dropout" not in (caught.value.hint or "")

    def test_groups_stay_on_one_side_and_weights_reach_the_loss(self) -> None:
        raw = read(
            people(), None, target="bought", task=None, test=None, groups="site",
            weight="importance", sample_weight=None,
        )  # fmt: skip
        design = design_study(
            settle_copies(raw, None), model="mlp:4", techniques="l2=1", metric=None, folds=3,
            repeats=2, epochs=1, batch_size=16, learning_rate=None, class_weight="balanced",
            seed=0, budget=None,
        )  # fmt: skip
        sites = people()["site"].to_numpy()
        for split in design.splits:
            parts = [set(sites[rows]) for rows in (split.training, split.validation, split.test)]
            assert sum(map(len, parts)) == len(set.union(*parts)) == 30
        data = design.material.data
        np.testing.assert_allclose(data.row_weights, people()["importance"], rtol=1e-6)
        yes = (people()["bought"] == "yes").to_numpy()
        for split, weights in zip(design.splits, data.folds["class_weights"], strict=True):
            shares = np.array([(~yes)[split.training].sum(), yes[split.training].sum()])
            np.testing.assert_allclose(weights * shares, len(split.training) / 2, rtol=1e-5)


class TestMemory:
    def test_what_the_audit_needed_is_gone_when_training_starts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Which rows are equal, and the rows as they came where copies are dropped."""
        held: list[weakref.ref[Any]] = []

        def found(dataset: Dataset) -> Copies:
            copies = find_copies(dataset)
            assert copies.extra == 20
            held.extend(map(weakref.ref, (copies, dataset, dataset.rows.features)))
            return copies

        monkeypatch.setattr("gengap.audit.base.find_copies", found)

        class Starting(Listener):
            def start(self, total: int, unit: str = "trials") -> None:
                super().start(total, unit)
                left.append([what() is None for what in held])

        left: list[list[bool]] = []
        table = pd.concat([people(60), people(60).head(20)])
        gengap.compare(
            table, target="bought", techniques="l2=1", folds=3, epochs=1, duplicates="drop",
            progress=Starting(),
        )  # fmt: skip
        assert left == [[True] * 3] * 2  # the trials' start, and that of the refit


class TestRegression:
    def test_what_the_network_brings_along_is_listed_and_replaced(
        self, measured: gengap.Study
    ) -> None:
        existing = " ".join(measured.results.existing)
        assert "Dropout(0.3)" in existing
        assert "L2(0.001)" in existing
        off = {
            str(run.recipe): planned.variant.off
            for planned in measured.plan.programs
            for run in planned.runs
        }
        assert off == {
            "baseline": (),
            "none": ("dropout", "kernel_l2"),
            "dropout=0.1": ("dropout",),
        }

    def test_none_is_compared(self, measured: gengap.Study) -> None:
        rows = {row.recipe: row for row in measured.results.recipes}
        assert list(rows) == ["baseline", "none", "dropout=0.1"]
        scores = [rows[name].fold_scores for name in rows]
        assert len(set(scores)) == 3

    def test_scores_are_in_the_targets_own_unit(self, measured: gengap.Study) -> None:
        _, target = measurements()
        results = measured.results
        assert results.protocol.metric == "rmse"
        assert results.protocol.direction == "minimize"
        assert results.protocol.rope == pytest.approx(0.01 * target.std())
        for row in results.recipes:
            assert 5 < row.test.mean < target.std()
        assert set(results.recipes[0].other_metrics) == {"mae", "r2"}

    def test_an_effect_is_positive_where_the_error_is_smaller(self, measured: gengap.Study) -> None:
        baseline, *others = measured.results.recipes
        for row in others:
            assert row.delta.mean == pytest.approx(baseline.test.mean - row.test.mean)
        for row in measured.results.recipes:
            assert row.gap.mean == pytest.approx(row.test.mean - row.train.mean)

    def test_the_finished_model_predicts_in_that_unit(self, measured: gengap.Study) -> None:
        inputs, target = measurements(40, seed=2)
        predicted = measured.best.predict(inputs)
        holdout = measured.results.holdout
        assert holdout.best.mean == pytest.approx(root_mean_squared_error(target, predicted))
        told = predict(measured.folder, inputs).table["prediction"]
        np.testing.assert_allclose(told, predicted, rtol=1e-6)

    def test_the_users_network_is_left_alone(self, tmp_path: Path) -> None:
        model = regularized()
        before = [np.array(weight) for weight in model.get_weights()]
        gengap.compare(*measurements(), model, ["none"], folds=3, dry_run=True)
        for left, right in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(left, right)
        assert model.layers[2].rate == 0.3

    def test_a_network_built_anew_goes_on_where_it_was(
        self, measured: gengap.Study, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its optimizer, and layers without a name, are called otherwise in the same process."""
        monkeypatch.setattr("gengap.training.train_lanes", trains_nothing)
        monkeypatch.setattr("gengap.refit.train_lanes", trains_nothing)
        inputs, target = measurements()
        again = gengap.compare(
            inputs, target, regularized(), ["dropout=0.1"], folds=3, epochs=10, batch_size=16,
            sample_weight=np.linspace(0.5, 1.5, len(target)), test=measurements(40, seed=2),
            out=measured.folder,
        )  # fmt: skip
        assert figures(again.results.to_json()) == figures(measured.results.to_json())


class TestNetworks:
    def test_one_unit_that_gives_a_logit(self) -> None:
        table = people()
        inputs = table[["income", "member"]].assign(age=table["age"].fillna(45)).to_numpy(float)
        study = gengap.compare(
            inputs, table["bought"], one_logit(3), "label_smoothing=0.2",
            folds=3, epochs=10, batch_size=16, test=(inputs[:30], table["bought"][:30]),
        )  # fmt: skip
        assert study.folder is None
        assert [row.recipe for row in study.results.recipes] == [
            "baseline", "none", "label_smoothing=0.2",
        ]  # fmt: skip
        assert study.results.recipes[0].test.mean > 0.65
        probabilities = study.best.predict(inputs)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        right = np.array(["no", "yes"])[probabilities.argmax(axis=1)] == table["bought"]
        assert study.results.holdout.best.mean == pytest.approx(right[:30].mean())

    def test_a_function_and_arrays_in_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sklearn.datasets import load_iris

        monkeypatch.chdir(tmp_path)
        Path("a_network_of_mine.py").write_text(
            "import keras\n"
            "def build(input_shape, outputs):\n"
            "    layers = [keras.Input(input_shape), keras.layers.Dense(8, 'relu')]\n"
            "    return keras.Sequential([*layers, keras.layers.Dense(outputs)])\n",
            encoding="utf-8",
        )
        inputs, target = load_iris(return_X_y=True)
        held = np.arange(150) % 5 == 0
        np.savez(
            "flowers.npz", x_train=inputs[~held], y_train=target[~held], x_test=inputs[held],
            y_test=target[held],
        )  # fmt: skip
        study = gengap.compare(
            "flowers.npz", model="a_network_of_mine:build", folds=3, epochs=15, batch_size=16,
            learning_rate=0.05, techniques="early_stopping(patience=2)",
        )  # fmt: skip
        assert study.folder is not None
        assert study.folder.parent == Path("gengap-runs")
        assert study.folder.name.startswith("flowers-")
        assert (study.folder / "model.keras").exists()
        results = study.results
        assert results.protocol.rows == 120
        assert results.holdout is not None
        assert results.holdout.rows == 30
        assert results.recipes[0].test.mean > 0.8
        assert results.protocol.command.startswith("gengap compare flowers.npz --model a_network")
        assert study.best.predict(inputs).shape == (150, 3)

    def test_a_saved_network_with_one_sigmoid(self, tmp_path: Path) -> None:
        path = tmp_path / "net.keras"
        model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile(keras.optimizers.RMSprop(0.05), "binary_crossentropy")
        model.optimizer.build(model.trainable_variables)
        model.save(path)
        table = people().drop(columns=["site", "importance"])
        study = gengap.compare(
            table, None, path, "l1=0.1", target="bought", folds=3, epochs=20, batch_size=16
        )
        baseline, l1 = study.results.recipes
        assert baseline.test.mean > 0.7
        assert l1.zero_weights > 0.2 > baseline.zero_weights
        probabilities = study.best.predict(table)
        assert probabilities.shape == (150, 2)
        right = np.array(["no", "yes"])[probabilities.argmax(axis=1)] == table["bought"]
        assert right.mean() > 0.7

    def test_a_network_may_take_no_arguments_at_all(self) -> None:
        class Plain(Subclassed):
            def __init__(self) -> None:
                super().__init__()

        study = gengap.compare(*measurements(), Plain(), "l2=1", folds=3, dry_run=True)
        assert study.plan.runs == 6

    def test_the_instance_that_was_given_stays_as_it_was(self) -> None:
        model = regularized()
        inputs, target = measurements(60)
        model.fit(inputs, target, verbose=0)
        parts = (model.optimizer, model.loss)
        values = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        rate = float(model.optimizer.learning_rate)
        study = gengap.compare(
            inputs, target, model, "batch_norm", folds=3, epochs=2, learning_rate=0.25
        )
        assert (model.optimizer, model.loss) == parts
        assert float(model.optimizer.learning_rate) == rate == pytest.approx(0.02)
        after = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        for value, old in zip(after, values, strict=True):
            np.testing.assert_array_equal(value, old)
        assert study.best.model is not model

    def test_a_network_that_cannot_be_built_again_is_refused_at_once(self) -> None:
        class Secretive(Subclassed):
            def __init__(self, what: object) -> None:
                super().__init__()
                self.what = what

            def get_config(self) -> dict[str, Any]:
                raise NotImplementedError

        with pytest.raises(UserError, match="cannot be built again") as caught:
            gengap.compare(*measurements(), Secretive(object()), "l2=1", folds=3, dry_run=True)
        assert caught.value.code == "network-cannot-be-rebuilt"
        assert "get_config()" in caught.value.hint


class TestDivergence:
    @staticmethod
    def compare(**settings: Any) -> gengap.Study:
        model = Subclassed()
        model.compile(keras.optimizers.SGD(0.2), "mse")
        return gengap.compare(
            *measurements(60), model, "l2=10", folds=3, epochs=12, batch_size=8, **settings
        )

    def test_a_candidate_that_diverges_is_a_result(self) -> None:
        study = self.compare()
        baseline, diverged = study.results.recipes
        assert (baseline.status, baseline.diverged) == ("finished", 0)
        assert (diverged.status, diverged.diverged) == ("diverged", 3)
        assert diverged.test.mean is None
        assert diverged.verdict == "inconclusive"
        assert set(study.trials["status"]) == {"finished", "diverged"}
        lost = study.trials[study.trials["status"] == "diverged"]
        assert (lost["epochs"] < 12).all()
        assert study.best.recipe.is_baseline
        assert np.isfinite(study.best.predict(measurements(60)[0])).all()

    def test_a_study_that_diverges_is_a_result(self, tmp_path: Path) -> None:
        study = self.compare(learning_rate=1e3, out=tmp_path, test=measurements(20, seed=2))
        assert study.results.holdout.best.mean is None
        for row in study.results.recipes:
            assert (row.status, row.test.mean) == ("diverged", None)
        assert (study.trials["status"] == "diverged").all()
        assert study.results.headline
        document = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
        assert not any(
            isinstance(value, float) and not math.isfinite(value)
            for row in document["recipes"]
            for value in row.values()
        )
        assert (tmp_path / "report.html").exists()
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.count_params() == study.best.model.count_params() > 0
