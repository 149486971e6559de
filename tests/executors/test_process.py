"""A study in a child process is the study that it would be here."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import gengap
from executors.beside import ON_JAX, compare_beside
from gengap.run_folder import FILES
from gengap.store import Store
from study.cases import Listener, figures, measurements, people, regularized

MEASURED: dict[str, Any] = {
    "techniques": ["dropout=0.1", "l2"],
    "folds": 3,
    "epochs": 10,
    "batch_size": 16,
    "sample_weight": np.linspace(0.5, 1.5, 120),
}
BOUGHT: dict[str, Any] = {
    "target": "bought",
    "groups": "site",
    "weight": "importance",
    "class_weight": "balanced",
    "folds": 3,
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.02,
    "model": "mlp:8",
    "techniques": "l2=1e-3, early_stopping(patience=1)",
}


@pytest.fixture(scope="module", autouse=True)
def as_many_devices() -> Iterator[None]:
    """Let children have the devices of this process: a study on others has other lane widths."""
    flag = f"--xla_force_host_platform_device_count={jax.local_device_count()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", flag)
        yield


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[gengap.Study, Listener]:
    """A regression with a network of the user's own, of this process' backend."""
    inputs, target = measurements()
    listener = Listener()
    study = compare_beside(
        inputs,
        target,
        regularized(),
        progress=listener,
        test=measurements(40, seed=2),
        out=tmp_path_factory.mktemp("measured") / "run",
        **MEASURED,
    )
    return study, listener


class TestStudy:
    def test_progress_is_told(self, measured: Any) -> None:
        study, listener = measured
        assert any(text.startswith(f"{study.plan.trials} trials (") for text in listener.said)
        assert listener.total == study.plan.trials
        assert listener.done[-1] == study.plan.trials
        assert listener.epochs[0] == (study.best.epochs,) * 2
        assert listener.finished == 2 + (not study.best.recipe.is_baseline)
        if not ON_JAX:
            backend = keras.config.backend()
            assert listener.said[0] == (
                f"Keras runs on {backend} here: a process of its own trains, on JAX"
            )

    def test_records_come_back_as_they_were(self, measured: Any) -> None:
        study, _ = measured
        written = (study.folder / FILES["results"]).read_text(encoding="utf-8")
        assert study.results.to_json() == written
        assert study.results.protocol.versions["backend"] == "jax"
        with Store.open(study.folder) as store:
            kept = store.get(trial.key for trial in study.all_trials)
        assert tuple(kept.values()) == study.all_trials
        assert len(study.trials) == study.plan.trials
        assert json.loads(study.plan.to_json())["trials"] == study.plan.trials
        assert str(study.plan.programs[0].runs[0].recipe)

    def test_what_a_study_shows(self, measured: Any, tmp_path: Path) -> None:
        study, _ = measured
        assert study.table()["recipe"].tolist() == ["baseline", "none", "dropout=0.1", "l2"]
        assert study.verdicts["baseline"] == "baseline"
        report = study.report(tmp_path / "report.html").read_bytes()
        assert report == (study.folder / FILES["report"]).read_bytes()
        assert isinstance(study.plot_effects(), Figure)
        assert isinstance(study.plot_curves(), Figure)
        assert "<svg" in study._repr_html_()
        assert study.results.holdout.rows == 40

    def test_the_model_predicts_here_what_it_predicts_on_jax(self, measured: Any) -> None:
        study, _ = measured
        inputs, _ = measurements(50, seed=3)
        table = pd.DataFrame(inputs, columns=[f"x{i}" for i in range(5)])
        rows = study.folder / "rows.csv"
        table.to_csv(rows, index=False)
        done = subprocess.run(
            [sys.executable, "-m", "gengap", "predict", study.folder, rows, "--quiet"],
            env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        theirs = pd.read_csv(io.StringIO(done.stdout))["prediction"].to_numpy()
        assert np.ptp(theirs) > 10
        np.testing.assert_allclose(study.best.predict(inputs), theirs, rtol=1e-5)
        assert isinstance(study.best.model, keras.Model)
        assert study.best.model.predict(inputs, verbose=0).shape == (50, 1)

    def test_the_model_trains_on(self, measured: Any) -> None:
        model = measured[0].best.model
        inputs, target = measurements(64, seed=4)
        before = model.get_weights()
        history = model.fit(inputs, target, epochs=1, verbose=0)
        model.set_weights(before)
        assert np.isfinite(history.history["loss"]).all()

    @pytest.mark.skipif(not ON_JAX, reason="the same study here needs JAX here")
    def test_it_is_the_study_that_it_would_be_here(self, measured: Any) -> None:
        inputs, target = measurements()
        here = gengap.compare(
            inputs, target, regularized(), test=measurements(40, seed=2), **MEASURED
        )
        assert figures(here.results.to_json()) == figures(measured[0].results.to_json())
        for mine, theirs in zip(
            here.best.model.get_weights(), measured[0].best.model.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
        assert here.results.protocol.command.startswith("gengap.compare(x, y, model=...")

    @pytest.mark.skipif(not ON_JAX, reason="the same study here needs JAX here")
    def test_a_table_of_every_kind_of_column(self) -> None:
        given = {**BOUGHT, "test": people(60, seed=9)}
        here, beside = gengap.compare(people(), **given), compare_beside(people(), **given)
        assert figures(beside.results.to_json()) == figures(here.results.to_json())
        assert beside.results.protocol.command == here.results.protocol.command
        assert beside.best.source == here.best.source
        rows = people(30, seed=5)
        np.testing.assert_array_equal(beside.best.predict(rows), here.best.predict(rows))

    def test_a_path_goes_over_as_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        people().to_csv("people.csv", index=False)
        given = {**BOUGHT, "techniques": [gengap.Recipe.parse("l2=1e-3")], "epochs": np.int64(2)}
        beside = compare_beside(Path("people.csv"), **given)
        assert beside.folder is not None
        assert beside.folder.parent == Path("gengap-runs")
        assert {path.name for path in beside.folder.iterdir()} >= set(FILES.values())
        assert beside.results.dataset["source"] == "people.csv"
        assert beside.results.protocol.command.startswith("gengap compare people.csv --model")
