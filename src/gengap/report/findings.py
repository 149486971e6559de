"""The findings of the audit, for a terminal and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gengap.data.dataset import Dataset
from gengap.data.tensors import describe_shape
from gengap.report.terminal import render_audit
from gengap.results import Finding
from gengap.wording import plural

__all__ = ["findings_json", "render_findings"]

_COUNTED = {
    "refuse": ("finding that refuses", "findings that refuse"),
    "warn": ("warning", "warnings"),
    "note": ("note", "notes"),
}


def render_findings(
    findings: Sequence[Finding], console: Console, *, dataset: Dataset | None = None
) -> None:
    """Print what the audit found: what was seen, why it matters, what to do.

    Parameters
    ----------
    findings : sequence of Finding
        In the order in which they are to be read.
    console : rich.console.Console
    dataset : Dataset, optional
        What was looked at, for a heading.

    Examples
    --------
    >>> render_findings([], Console())
    Nothing found that speaks against learning from these data.
    """
    if dataset is not None:
        console.print(Text(_heading(dataset), style="bold"))
    for part in render_audit(findings):
        console.print(part)
    console.print(_summary(findings), highlight=False, markup=False)


def findings_json(findings: Sequence[Finding], dataset: Dataset) -> str:
    """Write what the audit found as one JSON document.

    Parameters
    ----------
    findings : sequence of Finding
    dataset : Dataset
        What was looked at.

    Returns
    -------
    str
        What was looked at, and under ``"audit"`` a list of {code, severity, message, why, action}.
    """
    document = {
        "dataset": dataset.name,
        "source": dataset.source,
        "rows": len(dataset.rows),
        "columns": len(dataset.columns),
        "modality": "several" if dataset.inputs else dataset.modality,
        "shape": None if dataset.columns or dataset.inputs else list(dataset.rows.alone.shape[1:]),
        "task": dataset.task,
        "target": dataset.target_name,
        "classes": list(dataset.classes),
        "test_rows": None if dataset.test is None else len(dataset.test),
        "audit": [dataclasses.asdict(finding) for finding in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _heading(dataset: Dataset) -> str:
    if dataset.inputs:
        parts = [plural(len(dataset.rows), "row"), plural(len(dataset.inputs), "input")]
        parts += [f"{name}: {_what(one)}" for name, one in dataset.by_input().items()]
    elif dataset.columns:
        parts = [plural(len(dataset.rows), "row"), plural(len(dataset.columns), "column")]
    else:
        parts = [f"{plural(len(dataset.rows), dataset.modality)} of {_what(dataset)}"]
    if dataset.test is not None:
        parts.append(plural(len(dataset.test), "test row"))
    classes = f", {plural(len(dataset.classes), 'class', 'classes')}" if dataset.classes else ""
    heading = (
        f"{dataset.name}: {', '.join(parts)}; target '{dataset.target_name}' "
        f"({dataset.task}{classes})"
    )
    # A name from a file must not steer the terminal.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in heading)


def _what(dataset: Dataset) -> str:
    """Say what a row is to one input."""
    if dataset.columns:
        return plural(len(dataset.columns), "column")
    return describe_shape(dataset.rows.alone.shape[1:], dataset.modality)


def _summary(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing found that speaks against learning from these data."
    counts = [
        plural(number, *_COUNTED[severity])
        for severity in _COUNTED
        if (number := sum(finding.severity == severity for finding in findings))
    ]
    return ", ".join(counts) + "."
