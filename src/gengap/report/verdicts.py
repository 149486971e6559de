"""Verdicts in words: what a candidate does, against what, on whose data, and what would settle it.

An effect is positive where the candidate is better. In text a metric keeps its natural sign, so a
lower RMSE is a negative change, and the word beside it says that it is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gengap.report.names import named
from gengap.report.numbers import Scale, half_width, number, scale_of
from gengap.results import CandidateResult, Finding, Protocol, Results
from gengap.statistics.records import Comparison, Interval, Verdict
from gengap.wording import plural

__all__ = [
    "HELPS",
    "HURTS",
    "SAME",
    "SETTLED",
    "SEVERITIES",
    "SYMBOLS",
    "VERDICTS",
    "by_severity",
    "candidates",
    "change_with_interval",
    "curve_scale",
    "diverged",
    "margin",
    "measured",
    "no_interval",
    "protocol_scale",
    "provisional",
    "settle",
    "severity",
    "value_with_interval",
    "verdict",
    "why_missing",
]

VERDICTS: Mapping[Verdict, str] = {
    "baseline": "baseline",
    "helps": "helps",
    "probably_helps": "probably helps",
    "equivalent": "no practical difference",
    "probably_equivalent": "probably no practical difference",
    "probably_hurts": "probably hurts",
    "hurts": "hurts",
    "inconclusive": "cannot tell yet",
}
SYMBOLS: Mapping[Verdict, str] = {
    "baseline": "•",
    "helps": "▲",
    "probably_helps": "△",
    "equivalent": "=",
    "probably_equivalent": "≈",
    "probably_hurts": "▽",
    "hurts": "▼",
    "inconclusive": "?",
}
SEVERITIES: Mapping[str, str] = {"refuse": "Refused", "warn": "Warning", "note": "Note"}

HELPS: tuple[Verdict, ...] = ("helps", "probably_helps")
HURTS: tuple[Verdict, ...] = ("hurts", "probably_hurts")
SAME: tuple[Verdict, ...] = ("equivalent", "probably_equivalent")
SETTLED: tuple[Verdict, ...] = ("helps", "hurts", "equivalent")


def candidates(results: Results) -> tuple[CandidateResult, ...]:
    """Return the rows that are compared with the baseline, without `none`."""
    return tuple(row for row in results.recipes[1:] if row.recipe != "none")


def provisional(results: Results) -> tuple[Finding, ...]:
    """Return the refusing findings that the user let pass."""
    return tuple(
        finding
        for finding in results.audit
        if finding.severity == "refuse" and finding.code in results.allowed
    )


def severity(finding: Finding, let_pass: Sequence[str] = ()) -> str:
    """Write how grave a finding is, and whether the user let it pass (``"Refused, let pass"``)."""
    word = SEVERITIES.get(finding.severity, finding.severity)
    passed = finding.severity == "refuse" and finding.code in let_pass
    return f"{word}, let pass" if passed else word


def protocol_scale(protocol: Protocol) -> Scale:
    """Return how the deciding metric is written."""
    return scale_of(protocol.metric, {protocol.metric: protocol.direction})


def curve_scale(quantity: str, results: Results) -> Scale:
    """Return how a quantity of learning curves is written; "metric" is accuracy or RMSE."""
    if quantity == "metric":
        quantity = "rmse" if results.dataset.get("task") == "regression" else "accuracy"
    return scale_of(quantity, {results.protocol.metric: results.protocol.direction})


def margin(protocol: Protocol) -> str:
    """Write r, the largest change that is too small to matter (``"1 point"``)."""
    scale = protocol_scale(protocol)
    size = number(protocol.rope * scale.factor, trim=True)
    return size + (scale.change_unit if size != "1" else scale.change_unit.removesuffix("s"))


def no_interval(protocol: Protocol) -> str:
    """Say why there is no interval."""
    if protocol.folds * protocol.repeats < 2:
        return "no interval: one fold only"
    return "no interval: it is not defined here"


def value_with_interval(scale: Scale, interval: Interval) -> str:
    """Write a score (``"74.2 % (73.0 to 75.4)"``)."""
    text = scale.value(interval.mean, half_width(interval))
    ends = scale.score_ends(interval)
    return text if ends is None else f"{text} ({ends})"


def change_with_interval(scale: Scale, delta: Comparison | Interval | None) -> str:
    """Write an effect in the metric's own direction (``"+1.9 points (0.8 to 3.0)"``)."""
    if delta is None:
        return ""
    text = scale.change(delta.mean, half_width(delta))
    ends = scale.ends(delta, effect=True)
    return text if ends is None else f"{text} ({ends})"


def measured(protocol: Protocol, delta: Comparison) -> str:
    """Write an effect as a sentence needs it, with the comparator."""
    scale = protocol_scale(protocol)
    ends = scale.ends(delta, effect=True)
    spread = f"95 % interval {ends}" if ends else no_interval(protocol)
    return f"{scale.change(delta.mean, half_width(delta))} against the baseline, {spread}"


def verdict(row: CandidateResult, protocol: Protocol) -> str:
    """Say a candidate's verdict in a sentence.

    Parameters
    ----------
    row : CandidateResult
    protocol : Protocol

    Returns
    -------
    str
        With the comparator, the numbers and "on your data".
    """
    name, label = named(row), protocol_scale(protocol).label
    if row.delta is None:
        return f"{name}: what everything else is compared with on your data."
    if row.delta.mean is None:
        return f"{name}: no comparison with the baseline on your data ({why_missing(row)})."
    numbers = measured(protocol, row.delta)
    if row.verdict in SAME:
        probably = "probably " if row.verdict == "probably_equivalent" else ""
        return (
            f"{name} {probably}makes no practical difference to {label} on your data ({numbers})."
        )
    if row.verdict == "inconclusive":
        return f"Cannot tell yet what {name} does to {label} on your data ({numbers})."
    return f"{name} {VERDICTS[row.verdict]} {label} on your data ({numbers})."


def why_missing(row: CandidateResult) -> str:
    """Say why a candidate has no number."""
    if row.trials == 0:
        return "no trial was finished"
    if row.diverged:
        return f"{row.diverged:,} of {plural(row.trials, 'training')} diverged"
    count = row.delta.missing if row.delta is not None else row.test.missing
    if count:
        return f"the metric is not defined in {plural(count, 'fold')}"
    return "the metric is not defined"


def by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings from the gravest to the lightest, each kind in its order."""
    order = list(SEVERITIES)
    return tuple(
        sorted(
            findings,
            key=lambda f: order.index(f.severity) if f.severity in order else len(order),
        )
    )


def diverged(results: Results) -> tuple[str, ...]:
    """List the candidates of which a training diverged."""
    return tuple(
        f"{row.recipe}: {row.diverged:,} of {plural(row.trials, 'training')} diverged"
        for row in results.recipes
        if row.diverged
    )


def settle(row: CandidateResult, protocol: Protocol) -> str:
    """Say what would settle a candidate's verdict; empty where it is settled.

    Parameters
    ----------
    row : CandidateResult
    protocol : Protocol

    Returns
    -------
    str
        More folds, more rows, or that neither will do.
    """
    if row.delta is None or row.verdict in SETTLED:
        return ""
    if row.delta.mean is None:
        return f"Nothing can be said before every fold has a value: {why_missing(row)}."
    done = protocol.folds * protocol.repeats
    if row.folds_to_settle is not None:
        more = max(row.folds_to_settle - done, 1)
        repeats = math.ceil((done + more) / protocol.folds)
        return f"About {plural(more, 'more fold')} would probably settle it (--repeats {repeats})."
    if row.rows_to_settle is not None:
        return (
            "More folds of the same rows will not settle it; about "
            f"{_rounded_up(row.rows_to_settle):,} rows would (there are {protocol.rows:,})."
        )
    if done < 2:
        return "One fold says nothing about chance: use at least --folds 10."
    return (
        "Neither more folds nor more rows will settle it: the change lies at the edge of what "
        f"matters ({margin(protocol)})."
    )


def _rounded_up(rows: int) -> int:
    step = 10 ** max(len(str(rows)) - 2, 0)
    return math.ceil(rows / step) * step
