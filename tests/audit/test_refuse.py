"""Findings that end a study, and the codes that let them pass."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.datasets import load_wine

from audit.examples import EXAMPLES, clean_table, subject_of
from gengap.audit import all_checks, audit, refuse
from gengap.errors import UserError

REFUSING = [check.code for check in all_checks().values() if check.severity == "refuse"]


@pytest.mark.parametrize("code", REFUSING)
def test_a_refusing_finding_ends_the_study(code: str) -> None:
    findings = audit(EXAMPLES[code]())
    with pytest.raises(UserError) as raised:
        refuse(findings)
    refused = [finding.code for finding in findings if finding.severity == "refuse"]
    assert code in refused
    assert raised.value.code == refused[0]
    assert "\n" not in raised.value.message
    hint = str(raised.value.hint)
    if all_checks()[code].final:
        assert "--allow" not in hint
        with pytest.raises(UserError, match="no study can go on with it"):
            refuse(findings, allow=[code])
    else:
        assert f"--allow {code}" in hint
        refuse(findings, allow=refused)


def test_one_allowed_code_does_not_let_another_pass() -> None:
    findings = audit(subject_of(clean_table(6).assign(y="yes"), folds=5))
    codes = [finding.code for finding in findings if finding.severity == "refuse"]
    assert codes == ["one-class-target", "too-few-rows", "too-many-folds"]
    with pytest.raises(UserError) as raised:
        refuse(findings, allow=["one-class-target"])
    assert raised.value.code == "too-few-rows"
    assert str(raised.value.hint).endswith("--allow too-few-rows --allow too-many-folds")


@pytest.mark.parametrize("code", [c for c in all_checks() if c not in REFUSING])
def test_warnings_and_notes_end_nothing(code: str) -> None:
    refuse(audit(EXAMPLES[code]()))


def test_an_unknown_code_is_answered_with_the_closest() -> None:
    with pytest.raises(UserError, match="one-clas-target") as raised:
        refuse((), allow=["one-clas-target"])
    assert raised.value.code == "unknown-finding"
    assert "did you mean 'one-class-target'?" in str(raised.value.hint)


def test_what_refuses_nothing_cannot_be_let_pass() -> None:
    with pytest.raises(UserError, match="'small-test-folds' cannot be let pass") as raised:
        refuse((), allow=["small-test-folds"])
    assert raised.value.code == "not-let-pass"


def test_only_what_can_be_let_pass_is_offered() -> None:
    with pytest.raises(UserError) as raised:
        refuse((), allow=["all-missing-targets"])
    hint = str(raised.value.hint)
    assert "did you mean" not in hint
    for code, check in all_checks().items():
        assert (code in hint) == (check.severity == "refuse" and not check.final)


def test_labels_coerced_to_numbers_are_refused() -> None:
    """Words turned into numbers are all missing, and compared with a number all alike."""
    table = load_wine(as_frame=True).data
    words = load_wine().target.astype(str)
    quality = pd.to_numeric(pd.Series(words).map({"0": "good", "1": "bad", "2": "bad"}), "coerce")
    for coerced, code in ((quality, "all-missing-target"), (quality > 5, "one-class-target")):
        findings = audit(subject_of(table.assign(quality=coerced), "quality"))
        with pytest.raises(UserError) as raised:
            refuse(findings)
        assert raised.value.code == code


@pytest.mark.parametrize(
    ("rows", "folds", "refused"), [(20, 10, False), (20, 11, True), (9, 4, True), (10, 5, False)]
)
def test_folds_are_at_most_half_the_rows(rows: int, folds: int, refused: bool) -> None:
    codes = {f.code for f in audit(subject_of(clean_table(rows, regression=True), folds=folds))}
    assert ("too-many-folds" in codes or "too-few-rows" in codes) == refused


@pytest.mark.parametrize(("folds", "refused"), [(5, False), (6, True)])
def test_folds_are_at_most_the_rows_of_the_largest_class(folds: int, refused: bool) -> None:
    table = clean_table(60).assign(y=[f"class {k}" for k in range(12)] * 5)
    codes = [finding.code for finding in audit(subject_of(table, folds=folds))]
    assert ("too-many-folds" in codes) == refused
