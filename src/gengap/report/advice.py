"""What stands around the verdict: honest score, cost, diagnosis, what would change it."""

from __future__ import annotations

import math

from gengap.report.headline import lead
from gengap.report.names import called, named, refit_strength
from gengap.report.numbers import half_width, number, scale_of, seconds
from gengap.report.verdicts import (
    SETTLED,
    candidates,
    change_with_interval,
    margin,
    no_interval,
    protocol_scale,
    provisional,
    settle,
    value_with_interval,
)
from gengap.results import CandidateResult, Protocol, Results
from gengap.statistics.records import Comparison
from gengap.wording import plural

__all__ = ["at_edge", "cost", "diagnosis", "gap_sentence", "holdout", "honest", "what_would_change"]

_NAMED = 3  # candidates of which it is said what would settle them


def gap_sentence(row: CandidateResult, protocol: Protocol) -> str:
    """Say how much worse a candidate is on unseen rows than on its training rows."""
    scale = protocol_scale(protocol)
    if row.gap.mean is None:
        return f"the gap of {row.recipe} is not defined"
    spread = half_width(row.gap)
    ends = scale.ends(row.gap)
    return (
        f"{scale.label} {scale.value(row.train.mean, half_width(row.train))} on training rows and "
        f"{scale.value(row.test.mean, half_width(row.test))} on test rows, a gap of "
        f"{scale.difference(row.gap.mean, spread)}" + (f" ({ends})" if ends else "")
    )


def honest(results: Results) -> str:
    """Say the honest score of the whole procedure, beside what it is not."""
    protocol, best = results.protocol, results.best
    scale = protocol_scale(protocol)
    if best.test.mean is None:
        return "The procedure of choosing by validation has no score: not every fold has a value."
    text = (
        "Choosing the best candidate by validation rows in each fold and scoring it once on test "
        f"rows gives {scale.label} {value_with_interval(scale, best.test)}: the honest score of "
        "the whole procedure."
    )
    if scale.ends(best.test) is None:
        text += f" There is {no_interval(protocol)}."
    back = "the baseline" if best.refit_recipe == "baseline" else called(best.refit_recipe)
    return text + (
        f" The model that is handed back is {back}, trained on all rows for "
        f"{plural(best.epochs, 'epoch')}{_reason(results)}; it has no score of its own."
    )


def _reason(results: Results) -> str:
    """Say why this model is handed back, as the end of a sentence."""
    protocol, best = results.protocol, results.best
    if best.reason != "best":
        return _REASONS.get(best.reason, "").format(margin(protocol))
    scale = protocol_scale(protocol)
    before = results.recipes[0].validation.mean if results.recipes else None
    figures = ""
    if best.refit_validation is not None and before is not None:
        # Digits enough to tell the two apart, where they differ.
        apart = abs(best.refit_validation - before)
        figures = (
            f" ({scale.value(best.refit_validation, apart)}, against "
            f"{scale.value(before, apart)} of the baseline)"
        )
    return (
        f", since its mean {scale.label} on validation rows is the best{figures}; test rows do "
        "not choose among candidates"
    )


_REASONS = {
    "none_beats_baseline": ", since nothing beats it by more than {} on validation rows",
    "verdict_hurts": ", since what is best on validation rows hurts, or probably hurts, on test "
    "rows",
    "no_baseline": ", since the baseline has no score in some fold",
    "all_diverged": ", since no candidate has a score in every fold",
}


def holdout(results: Results) -> str:
    """Say how the refitted best and baseline score on the test part; empty where there is none."""
    part = results.holdout
    if part is None:
        return ""
    protocol = results.protocol
    scale = scale_of(part.metric, {protocol.metric: protocol.direction})
    if results.best.refit_recipe == "baseline":
        return (
            f"On the {plural(part.rows, 'row')} of your own test part the refitted baseline has "
            f"{scale.label} {value_with_interval(scale, part.baseline)}."
        )
    return (
        f"On the {plural(part.rows, 'row')} of your own test part the refitted "
        f"{called(results.best.refit_recipe)} has {scale.label} "
        f"{value_with_interval(scale, part.best)}, the refitted baseline "
        f"{value_with_interval(scale, part.baseline)}: a change of "
        f"{change_with_interval(scale, part.delta)}."
    )


def cost(results: Results, row: CandidateResult) -> str:
    """Say what a candidate costs in training time against the baseline."""
    before, after = results.recipes[0].seconds_per_trial, row.seconds_per_trial
    if row is results.recipes[0]:
        return f"{seconds(after)} a training"
    if not before > 0 or not math.isfinite(after):
        return f"{seconds(after)} a training"
    times = after / before
    if 0.95 <= times <= 1.05:
        return f"{seconds(after)} a training, as long as the baseline's {seconds(before)}"
    return f"{seconds(after)} a training, {number(times)} times the baseline's {seconds(before)}"


def diagnosis(results: Results) -> str:
    """Say whether the baseline overfits, underfits, neither, or is limited by the data.

    Parameters
    ----------
    results : Results
        `diagnosis_code` holds what the analysis found.
    """
    baseline = results.recipes[0] if results.recipes else None
    if baseline is None or baseline.gap.mean is None:
        return "Cannot tell whether the baseline overfits: its gap is not defined."
    code = results.diagnosis_code
    caveat = f" There is {no_interval(results.protocol)}." if baseline.gap.low is None else ""
    numbers = gap_sentence(baseline, results.protocol)
    if code == "underfits" and any(finding.code == "undertrained" for finding in results.audit):
        return (
            f"The baseline underfits: {numbers}, and its curves still improve at the last epoch. "
            f"Train longer, or use a larger network, before regularizing.{caveat}"
        )
    return _DIAGNOSES[code].format(numbers=numbers) + caveat


_DIAGNOSES = {
    "overfits": "The baseline overfits: {numbers}.",
    "limited_by_data": (
        "The baseline overfits, and looks limited by its data: {numbers}, and nothing that was "
        "tried improves the test score. More or better rows are likelier to help than more "
        "regularization."
    ),
    "underfits": (
        "The baseline underfits: {numbers}, hardly better even on training rows than a model that "
        "ignores its inputs. Look at the inputs, the learning rate and the size of the network "
        "before regularizing."
    ),
    "neither": (
        "The baseline neither overfits nor visibly underfits: {numbers}. There is no gap for "
        "regularization to close."
    ),
    "unknown": "Cannot tell yet whether the baseline overfits: {numbers}.",
}


def what_would_change(results: Results) -> tuple[str, ...]:
    """Say what would change the verdict of the headline."""
    protocol = results.protocol
    scale = protocol_scale(protocol)
    reasons = [
        f"{finding.message} Until that is mended, every number here is provisional."
        for finding in provisional(results)
    ]
    row = lead(results)
    if row is not None and row.delta is not None:
        if row.verdict == "helps":
            threshold = _certain_beyond(row.delta, protocol)
            if threshold is not None and threshold > protocol.rope:
                reasons.append(
                    f"Asking for more: {named(row)} would no longer be said to help if only "
                    f"changes above {scale.amount(threshold, half_width(row.delta))} mattered (now "
                    f"{margin(protocol)}, set by --rope)."
                )
        else:
            reasons.append(f"{named(row)}: {_clause(settle(row, protocol))}")
    else:
        settling = [r for r in candidates(results) if r.verdict not in SETTLED]
        reasons += [
            f"{named(other)}: {_clause(settle(other, protocol))}"
            for other in sorted(settling, key=lambda r: -_size(r))[:_NAMED]
        ]
        if len(settling) > _NAMED:
            reasons.append(f"And {len(settling) - _NAMED} more, in “All results”.")
        if not settling:
            reasons.append(
                f"A smaller margin: changes up to {margin(protocol)} count as none here (--rope)."
            )
    edges = at_edge(results)
    if edges:
        reasons.append(
            f"Other strengths: the best of {', '.join(edges)} lies at the edge of what was tried."
        )
    reasons.append("Other rows: the verdict is about data like yours, and only about this network.")
    return tuple(reasons)


def _clause(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _certain_beyond(delta: Comparison, protocol: Protocol) -> float | None:
    """Return the margin at which the posterior of "helps" would fall to 95 %."""
    spread = half_width(delta)
    freedom = protocol.folds * protocol.repeats - 1
    if delta.mean is None or spread is None or freedom < 1:
        return None
    from scipy.stats import t

    return float(delta.mean - spread * t.ppf(0.95, freedom) / t.ppf(0.975, freedom))


def at_edge(results: Results) -> tuple[str, ...]:
    """Name the candidates whose best dose is the weakest or the strongest of its grid."""
    found = []
    for candidate, technique, strength in dict.fromkeys(
        (dose.candidate, dose.technique, dose.strength) for dose in results.doses
    ):
        curve = sorted(
            (dose.value, dose.effect.mean, dose.value == refit_strength(results, dose))
            for dose in results.doses
            if (dose.candidate, dose.technique, dose.strength) == (candidate, technique, strength)
            and dose.effect.mean is not None
        )
        ends = (curve[0], curve[-1]) if len(curve) > 1 else ()
        if any(is_best and mean > results.protocol.rope for _, mean, is_best in ends):
            found.append(candidate)
    return tuple(dict.fromkeys(found))


def _size(row: CandidateResult) -> float:
    return 0.0 if row.delta is None or row.delta.mean is None else abs(row.delta.mean)
