"""The findings of the audit on a terminal and as JSON."""

from __future__ import annotations

import io
import json

import pandas as pd
from rich.console import Console

from gengap.audit import Subject, audit
from gengap.data.load import load
from gengap.report.findings import findings_json, render_findings


def _dataset():
    rows = 120
    table = pd.DataFrame(
        {
            "[red]x[/red]": [k / 7 for k in range(rows)],
            "evil\x1b[2Jname": ["k"] * rows,
            "y": ["a", "b", "c"] * 40,
        }
    )
    return load(table, target="y")


def _rendered(findings, **options: object) -> str:
    console = Console(width=100, color_system=None, file=io.StringIO())
    render_findings(findings, console, **options)
    return console.file.getvalue()


def test_every_finding_is_printed_with_why_and_what_to_do() -> None:
    dataset = _dataset()
    findings = audit(Subject(dataset))
    text = " ".join(_rendered(findings, dataset=dataset).split())
    assert "table: 120 rows, 2 columns; target 'y' (classification, 3 classes)" in text
    assert len(findings) >= 2
    for finding in findings:
        assert finding.code in text
        assert finding.why in text
        assert finding.action in text
    assert text.endswith("2 warnings.")


def test_names_do_not_steer_the_terminal() -> None:
    text = _rendered(audit(Subject(_dataset())))
    assert "\x1b" not in text


def test_nothing_found_is_said() -> None:
    assert _rendered([]).strip() == "Nothing found that speaks against learning from these data."


def test_json_holds_what_the_findings_say() -> None:
    dataset = _dataset()
    findings = audit(Subject(dataset))
    document = json.loads(findings_json(findings, dataset))
    assert document["rows"] == 120
    assert document["classes"] == ["a", "b", "c"]
    assert [finding["code"] for finding in document["audit"]] == [f.code for f in findings]
    assert set(document["audit"][0]) == {"code", "severity", "message", "why", "action"}
