"""The record of a finished study, put together from what its stages found."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import keras
import numpy as np

from gengap import __version__
from gengap.analysis.analyse import Analysis
from gengap.data.dataset import Dataset
from gengap.data.sequences import lengths_of
from gengap.design import Design
from gengap.networks.models import describe
from gengap.report.words import with_words
from gengap.results import Augmented, Finding, Holdout, Protocol, Results
from gengap.run_folder import FILES
from gengap.wording import plural

__all__ = ["assemble_results"]

PACKAGES = ("keras", "jax", "numpy", "scipy", "scikit-learn", "pandas")


def assemble_results(
    design: Design,
    analysis: Analysis,
    findings: Sequence[Finding],
    *,
    allowed: Sequence[str],
    holdout: Holdout | None,
    folder: Path | None,
    command: str,
    seconds: float,
    epochs_needed: int,
    augmented: Sequence[Augmented] = (),
) -> Results:
    """Put the record together.

    Parameters
    ----------
    design : Design
    analysis : Analysis
    findings : sequence of Finding
        Of the audit; those of the analysis follow.
    allowed : sequence of str
        Codes of refusing findings that the user let pass.
    holdout : Holdout, optional
    folder : Path, optional
        Of the run.
    command : str
        What reproduces the study.
    seconds : float
        That the trainings took, whenever they were done; compiling aside.
    epochs_needed : int
        Of all runs, until the last of their judgements was done.
    augmented : sequence of Augmented
    """
    files = {what: str(folder / name) for what, name in FILES.items()} if folder else {}
    refused = {finding.code for finding in findings if finding.severity == "refuse"}
    results = Results(
        headline="",
        dataset=_describe_dataset(design.dataset),
        protocol=_protocol(design, analysis, command, seconds, epochs_needed),
        audit=(*findings, *analysis.findings),
        allowed=tuple(code for code in allowed if code in refused),
        diagnosis_code=analysis.diagnosis,
        diagnosis="",
        recipes=analysis.recipes,
        best=dataclasses.replace(analysis.best, files=files),
        holdout=holdout,
        doses=analysis.doses,
        curves=analysis.curves,
        existing=tuple(str(part) for part in design.existing),
        augmented=tuple(augmented),
        notes=design.notes,  # those of the data are findings of the audit
        gengap=__version__,
    )
    return with_words(results)


def _describe_dataset(dataset: Dataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "source": dataset.source,
        "task": dataset.task,
        "target": dataset.target_name,
        "classes": list(dataset.classes),
        **_outputs(dataset),
        "rows": len(dataset.rows),
        "test_rows": len(dataset.test) if dataset.test else 0,
        **_inputs(dataset),
        "columns": [dataclasses.asdict(column) for column in dataset.columns],
    }


def _outputs(dataset: Dataset) -> dict[str, object]:
    """Say what each of several outputs predicts; nothing where there is one."""
    if not dataset.outputs:
        return {}
    return {
        "outputs": [{**dataclasses.asdict(o), "classes": [*o.classes]} for o in dataset.outputs]
    }


def _inputs(dataset: Dataset) -> dict[str, object]:
    """Say what a row is: to the one input, or to each of several."""
    if dataset.inputs:
        return {
            "modality": "several",
            "shape": None,
            "steps": None,
            "inputs": [
                {"name": name, **_inputs(one), "columns": len(one.columns)}
                for name, one in dataset.by_input().items()
            ],
        }
    return {
        "modality": dataset.modality,
        "shape": None if dataset.columns else list(dataset.rows.alone.shape[1:]),
        "steps": _steps(dataset),
    }


def _steps(dataset: Dataset) -> list[int] | None:
    """Return the fewest and the most steps of a sequence; None where the rows are none."""
    features = dataset.rows.alone
    if dataset.modality != "sequence" or not isinstance(features, np.ndarray):
        return None
    lengths = lengths_of(features)
    return [int(lengths.min()), int(lengths.max())]


def _protocol(
    design: Design, analysis: Analysis, command: str, seconds: float, epochs_needed: int
) -> Protocol:
    splits = design.splits
    material = design.material
    return Protocol(
        metric=analysis.metric,
        direction=analysis.direction,
        rope=analysis.rope,
        folds=design.folds,
        repeats=design.repeats,
        epochs=design.settings.epochs,
        batch_size=design.settings.batch_size,
        seed=design.settings.seed,
        rows=len(design.dataset.rows),
        rows_trained=min(planned.program.rows for planned in design.plan.programs),
        rows_validated=min(len(split.validation) for split in splits),
        rows_tested=min(len(split.test) for split in splits),
        lane_width=design.plan.width,
        programs=len(design.plan.programs),
        trials=design.plan.trials,
        runs=design.plan.runs,
        network=describe(material.model),
        optimizer=type(material.model.optimizer).__name__,
        command=command,
        machine=f"{platform.machine()}, {plural(os.cpu_count() or 1, 'core')}, "
        f"{plural(design.plan.devices, 'JAX device')}",
        versions=_versions(),
        data_hash=design.dataset.fingerprint,
        seconds=round(seconds, 3),
        epochs_needed=epochs_needed,
    )


def _versions() -> Mapping[str, str]:
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
        "backend": keras.config.backend(),
    }
