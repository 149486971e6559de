"""The one sentence that a study comes down to."""

from __future__ import annotations

from collections.abc import Sequence

from gengap.report.names import named
from gengap.report.numbers import half_width
from gengap.report.verdicts import (
    HELPS,
    HURTS,
    SAME,
    VERDICTS,
    candidates,
    margin,
    measured,
    protocol_scale,
    provisional,
    value_with_interval,
    verdict,
    why_missing,
)
from gengap.results import CandidateResult, Results
from gengap.statistics.records import Interval
from gengap.wording import listed, plural

__all__ = ["existing", "headline", "lead", "winner"]

_NAMED = 3  # candidates that hurt, by name


def headline(results: Results) -> str:
    """Say the result of a study in one sentence.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        What helps and how much; that nothing makes a practical difference; or that it cannot be
        told yet. What the model's own regularization does comes first, where there is some.
        "Provisional:" stands before it where the user let a refusing finding pass.
    """
    own = existing(results)
    sentence = _finding(results) if own is None else f"{own}; {_beside(results)}"
    if own is not None:
        sentence = sentence[0].upper() + sentence[1:]
    return f"Provisional: {sentence}" if provisional(results) else sentence


def lead(results: Results) -> CandidateResult | None:
    """Return the candidate that the headline is about; None where none stands out.

    The refitted one where it (probably) helps. Otherwise, among those that help, or else among
    those that probably do, the one with the best validation score: to choose by the test score
    would flatter the number that is then shown.
    """
    for wanted in HELPS:
        among = [row for row in candidates(results) if row.verdict == wanted]
        for row in among:
            if row.recipe == results.best.recipe:
                return row
        if among:
            sign = 1.0 if results.protocol.direction == "maximize" else -1.0
            return max(
                among,
                key=lambda row: (
                    float("-inf") if row.validation.mean is None else sign * row.validation.mean
                ),
            )
    return None


def winner(results: Results) -> CandidateResult:
    """Return the candidate that the baseline is shown beside: the lead, else the refitted one."""
    refitted = next((row for row in results.recipes if row.recipe == results.best.recipe), None)
    return lead(results) or refitted or results.recipes[0]


def existing(results: Results) -> str | None:
    """Say what the model's own regularization does, as a clause; None where it has none.

    The candidate `none` is the model without it: where `none` helps, what there is costs.
    """
    row = next((row for row in results.recipes if row.recipe == "none"), None)
    if not results.existing or row is None or row.delta is None:
        return None
    own = ", ".join(results.existing)
    thing = f"your {own}" if len(results.existing) == 1 else f"your own regularization ({own})"
    delta = row.delta
    if delta.mean is None:
        return f"{thing}: no comparison without it ({why_missing(row)})"
    probably = "probably " if row.verdict.startswith("probably") else ""
    if row.verdict in SAME:
        return f"{thing} {probably}makes no practical difference"
    if row.verdict == "inconclusive":
        return f"cannot tell yet whether {thing} helps"
    scale = protocol_scale(results.protocol)
    size = Interval(delta.mean, delta.low, delta.high)
    if row.verdict in HURTS:
        size = Interval(
            -delta.mean,
            None if delta.high is None else -delta.high,
            None if delta.low is None else -delta.low,
        )
    verb = "costs" if row.verdict in HELPS else "earns"
    amount = scale.amount(size.mean, half_width(size))
    of_what = "" if scale.change_unit else f" of {scale.label}"
    ends = scale.ends(size)
    return f"{thing} {probably}{verb} you {amount}{of_what}" + (f" ({ends})" if ends else "")


def _comparable(results: Results) -> list[CandidateResult]:
    return [
        row for row in candidates(results) if row.delta is not None and row.delta.mean is not None
    ]


def _beside(results: Results) -> str:
    """Say what the candidates do, as the clause after the model's own regularization."""
    row, comparable = lead(results), _comparable(results)
    if row is None and len(comparable) == len(candidates(results)) == 1:
        row = comparable[0]
    if row is not None and row.delta is not None:
        numbers = measured(results.protocol, row.delta)
        return f"{named(row)} on your data: {VERDICTS[row.verdict]} ({numbers})."
    sentence = _finding(results)
    return sentence[0].lower() + sentence[1:]


def _finding(results: Results) -> str:
    scale = protocol_scale(results.protocol)
    baseline = results.recipes[0] if results.recipes else None
    if baseline is None or baseline.test.mean is None:
        reason = "no trial was finished" if baseline is None else why_missing(baseline)
        return f"Cannot tell yet: the baseline has no score on your data ({reason})."
    row, comparable = lead(results), _comparable(results)
    if row is not None and row.delta is not None:
        spread = half_width(row.delta)
        return (
            f"{named(row)} {VERDICTS[row.verdict]}: {scale.label} "
            f"{scale.value(baseline.test.mean, spread)} to {scale.value(row.test.mean, spread)} "
            f"on your data ({measured(results.protocol, row.delta)})."
        )
    if not candidates(results):
        return (
            f"Nothing was compared: the baseline alone has {scale.label} "
            f"{value_with_interval(scale, baseline.test)} on your data."
        )
    if not comparable:
        return (
            "Cannot tell yet: no candidate can be compared with the baseline on your data "
            f"({why_missing(candidates(results)[0])})."
        )
    if len(candidates(results)) == 1:
        return verdict(comparable[0], results.protocol)
    return _without_a_winner(results, comparable, baseline)


def _without_a_winner(
    results: Results, comparable: Sequence[CandidateResult], baseline: CandidateResult
) -> str:
    protocol, total = results.protocol, len(candidates(results))
    scale = protocol_scale(protocol)
    same = [row for row in comparable if row.verdict in SAME]
    hurting = [row for row in comparable if row.verdict in HURTS]
    sure = [row for row in same if row.verdict == "equivalent"]
    open_rows = [row for row in comparable if row.verdict == "inconclusive"]
    unknown = total - len(same) - len(hurting)
    hurt = _harm(hurting)
    if unknown:
        settled = [hurt] if hurting else []
        if same:
            verb = "makes" if len(same) == 1 else "make"
            settled.append(f"{len(same)} {_how_surely(len(sure), len(same), verb)}")
        example = ""
        largest = max(open_rows, key=_size, default=None)
        if largest is not None and largest.delta is not None:
            example = (
                f" (largest change so far: {named(largest)}, {measured(protocol, largest.delta)})"
            )
        return (
            f"Cannot tell yet: {unknown} of {total} candidates "
            f"{'is' if unknown == 1 else 'are'} not settled on your data{example}"
            + (f"; {' and '.join(settled)}" if settled else "")
            + "."
        )
    score = scale.value(baseline.test.mean, half_width(baseline.test))
    before = f"the baseline's {scale.label} of {score}"
    every = "both candidates" if total == 2 else f"all {total} candidates"
    if not hurting:
        stay = "stay" if sure else "probably stay"
        some = f" ({len(same) - len(sure)} of them probably)" if 0 < len(sure) < len(same) else ""
        return (
            f"No technique makes a practical difference on your data: {every} "
            f"{stay} within {margin(protocol)} of {before}{some}."
        )
    if not same:
        return f"No technique helps on your data: {hurt}, against {before}."
    return (
        f"No technique helps on your data: {hurt}, and {plural(len(same), 'candidate')} "
        f"{'stays' if len(same) == 1 else 'stay'} within {margin(protocol)} of {before}."
    )


def _how_surely(sure: int, count: int, verb: str) -> str:
    """Say "no practical difference" of several candidates, some of them only probably."""
    if sure == count:
        return f"{verb} no practical difference"
    if sure == 0:
        return f"probably {verb} no practical difference"
    return f"{verb} no practical difference ({count - sure} of them probably)"


def _harm(rows: Sequence[CandidateResult]) -> str:
    """Name what hurts, and what probably does, three of each at most."""
    parts = []
    for wanted, probably in (("hurts", ""), ("probably_hurts", "probably ")):
        names = [named(row) for row in rows if row.verdict == wanted]
        if names:
            shown = (
                listed(names)
                if len(names) <= _NAMED
                else (f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more")
            )
            parts.append(f"{shown} {probably}{'hurts' if len(names) == 1 else 'hurt'}")
    return " and ".join(parts)


def _size(row: CandidateResult) -> float:
    return 0.0 if row.delta is None or row.delta.mean is None else abs(row.delta.mean)
