"""Find the checks, run them over a subject, and stop a study that a finding refuses."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from gengap.audit import checks
from gengap.audit.base import SEVERITIES, Check, Subject
from gengap.errors import UserError, suggest
from gengap.results import Finding

__all__ = ["all_checks", "audit", "refuse"]


@cache
def all_checks() -> Mapping[str, Check]:
    """Return every check by its code: refusing ones first, then warnings, then notes.

    Each module of `gengap.audit.checks` holds exactly one module-level ``CHECK``.

    Returns
    -------
    mapping of str to Check

    Raises
    ------
    TypeError
        If a module has no ``CHECK``, or two checks have one code.
    """
    found: dict[str, Check] = {}
    for module_info in pkgutil.iter_modules(checks.__path__):
        module = importlib.import_module(f"{checks.__name__}.{module_info.name}")
        check = getattr(module, "CHECK", None)
        if not isinstance(check, Check):
            raise TypeError(f"{module.__name__} must define CHECK, a Check")
        if check.code in found:
            raise TypeError(f"{module.__name__}: another check has the code {check.code!r}")
        found[check.code] = check
    order = sorted(found.values(), key=lambda c: (SEVERITIES.index(c.severity), c.code))
    return MappingProxyType({check.code: check for check in order})


def audit(subject: Subject) -> tuple[Finding, ...]:
    """Look at data, target and protocol before anything is trained.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    tuple of Finding
        What refuses first, then warnings, then notes; within these by code.

    Examples
    --------
    >>> from gengap.data.load import load
    >>> [finding.code for finding in audit(Subject(load("sklearn:wine")))]
    ['small-test-folds']
    """
    if not len(subject.dataset.rows):
        # Nothing else can be asked of no rows.
        return all_checks()["all-missing-target"].findings(subject)
    return tuple(found for check in all_checks().values() for found in check.findings(subject))


def refuse(findings: Sequence[Finding], allow: Iterable[str] = ()) -> None:
    """Stop where a refusing finding was not allowed.

    Parameters
    ----------
    findings : sequence of Finding
    allow : iterable of str
        Codes of refusing findings that the user lets pass. Those that were not made change
        nothing.

    Raises
    ------
    UserError
        With the code of the first finding that refuses and the messages of all of them, or
        ``unknown-finding`` for a code that no check has, ``not-let-pass`` for one that refuses
        nothing or with which no study can go on (`Check.final`).
    """
    allowed = frozenset(allow)
    for code in allowed:
        _check_allowed(code)
    refused = [f for f in findings if f.severity == "refuse" and f.code not in allowed]
    if not refused:
        return
    hint = refused[0].action
    final = {check.code for check in all_checks().values() if check.final}
    if not any(finding.code in final for finding in refused):
        options = " ".join(f"--allow {finding.code}" for finding in refused)
        hint += f" To go on all the same: {options}"
    message = "; ".join(_clause(finding.message) for finding in refused)
    raise UserError(refused[0].code, message, hint)


def _check_allowed(code: str) -> None:
    checks = all_checks()
    choices = [c.code for c in checks.values() if c.severity == "refuse" and not c.final]
    if code in choices:
        return
    hint = suggest(code, choices, noun="findings that can be let pass", show=len(choices))
    if code not in checks:
        raise UserError("unknown-finding", f"no finding is called {code!r}", hint)
    why = "no study can go on with it" if checks[code].final else "it refuses nothing"
    raise UserError("not-let-pass", f"{code!r} cannot be let pass: {why}", hint)


def _clause(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].removesuffix(".")
