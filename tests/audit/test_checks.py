"""What every check keeps to, found by discovery."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from audit.examples import EXAMPLES, ODD, clean_table, subject_of, tensors
from gengap.audit import Subject, all_checks, audit
from gengap.audit.base import SEVERITIES
from gengap.results import Finding

CHECKS = all_checks()


@pytest.mark.parametrize("code", CHECKS)
def test_texts(code: str) -> None:
    check = CHECKS[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    assert check.severity in SEVERITIES
    assert not check.title.endswith(".")
    for text in (check.why, check.action):
        assert text[0].isupper()
        assert text.endswith(".")


def test_every_check_has_an_example() -> None:
    assert set(EXAMPLES) == set(CHECKS)


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_check_speaks_where_it_should(code: str) -> None:
    found = {finding.code: finding for finding in audit(EXAMPLES[code]())}
    assert code in found
    finding = found[code]
    assert finding.message[0] == finding.message[0].upper()
    assert finding.message.endswith(".")
    assert not finding.message.endswith("..")
    assert re.search(r"\d|'", finding.message), "a finding shows its evidence"


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        ("e3.csv is separated by tabs", "e3.csv is separated by tabs."),
        ("columns that vary: 'a'", "Columns that vary: 'a'."),
        ("one-hot y", "One-hot y."),
        ("'a' is constant.", "'a' is constant."),
        ("3 rows are empty", "3 rows are empty."),
    ],
)
def test_a_finding_is_a_sentence_that_leaves_names_as_they_are(seen: str, sentence: str) -> None:
    assert next(iter(CHECKS.values())).finding(seen).message == sentence


@pytest.mark.parametrize(
    "make",
    [
        lambda: subject_of(clean_table()),
        lambda: subject_of(clean_table(regression=True)),
        lambda: Subject(tensors()),
    ],
    ids=["classification", "regression", "tensors"],
)
def test_nothing_is_said_about_clean_data(make) -> None:
    assert audit(make()) == ()


@pytest.mark.parametrize("name", ODD)
def test_no_check_stumbles(name: str) -> None:
    findings = audit(ODD[name]())
    assert all(isinstance(finding, Finding) for finding in findings)


@pytest.mark.parametrize("name", ODD)
def test_what_refuses_comes_first(name: str) -> None:
    places = [SEVERITIES.index(finding.severity) for finding in audit(ODD[name]())]
    assert places == sorted(places)


@pytest.mark.parametrize("code", ["leak", "copies", "conflicting-labels"])
def test_the_same_data_give_the_same_findings(code: str) -> None:
    assert audit(EXAMPLES[code]()) == audit(EXAMPLES[code]())


def test_two_folds_of_three_groups_are_refused_before_they_are_split() -> None:
    table = clean_table().assign(site=np.arange(400) % 3)
    for folds, refused in ((2, True), (3, False)):
        subject = dataclasses.replace(subject_of(table, groups="site"), folds=folds)
        codes = {finding.code for finding in audit(subject)}
        assert ("too-few-groups" in codes) is refused


def test_a_mostly_missing_column_is_named_with_what_fills_it() -> None:
    table = clean_table()
    table["member"] = [True, False] * 200
    table["member"] = table["member"].astype(object)
    table.loc[20:, "member"] = np.nan
    (found,) = CHECKS["missing-values"].findings(subject_of(table))
    assert "'member' (95.0 % missing, filled with the more common answer)" in found.message


def test_advice_on_imbalance_leaves_out_what_was_done() -> None:
    subject = EXAMPLES["imbalance"]()
    check = CHECKS["imbalance"]

    def advice(**changes: Any) -> str:
        (finding,) = check.findings(dataclasses.replace(subject, **changes))
        return finding.action

    assert "here by default" in advice(metric=None)
    assert "--class-weight" in advice(metric=None)
    weighed = advice(metric="log_loss", weighted=True)
    assert "--class-weight" not in weighed
    assert "default" not in weighed
    assert advice(metric="roc_auc", weighted=True).startswith("Nothing")
