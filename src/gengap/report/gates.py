"""Gates: what a user wants a study to end with, so that a build can fail where it does not."""

from __future__ import annotations

from dataclasses import dataclass

from gengap.report.numbers import Scale, half_width
from gengap.report.verdicts import protocol_scale
from gengap.results import Results
from gengap.statistics.records import Comparison, Interval

__all__ = ["Gate", "check_gates"]


@dataclass(frozen=True)
class Gate:
    """A gate and what it was held to.

    Attributes
    ----------
    gate : {"require-gain", "fail-if-gap-above"}
    limit : float
        As it was asked for, in the metric's unit.
    value, low, high : float or None
        The mean over folds that was compared with it, and its 95 % interval.
    passed : bool
        False, too, where there is no value.
    message : str
        The same in one line.
    """

    gate: str
    limit: float
    value: float | None
    low: float | None
    high: float | None
    passed: bool
    message: str


def check_gates(
    results: Results, *, require_gain: float | None = None, fail_if_gap_above: float | None = None
) -> tuple[Gate, ...]:
    """Hold a study to the gates that were asked for.

    The gain is that of the whole procedure, `best.delta`: in each fold the candidate that is best
    on validation rows, scored on test rows that chose nothing, against the baseline there. The gap
    is that of the candidate that is handed back, over the folds. Both are means; the intervals say
    how sure they are.

    Parameters
    ----------
    results : Results
    require_gain : float, optional
        Passes where the gain is at least this much; positive is better, whatever the metric.
    fail_if_gap_above : float, optional
        Passes where the gap is at most this much; overfitting is positive.

    Returns
    -------
    tuple of Gate
        Those that were asked for.
    """
    if require_gain is None and fail_if_gap_above is None:
        return ()
    scale = protocol_scale(results.protocol)
    gates = []
    if require_gain is not None:
        delta = results.best.delta
        gain = Interval(None, None, None) if delta is None else delta
        gates.append(
            _gate(
                "require-gain",
                require_gain,
                gain,
                gain.mean is not None and gain.mean >= require_gain,
                f"choosing by validation gains {_figure(scale, gain)} of {scale.label} over the "
                f"baseline, at least {scale.difference(require_gain)} asked for",
            )
        )
    if fail_if_gap_above is not None:
        name = results.best.recipe
        gap = next(row.gap for row in results.recipes if row.recipe == name)
        gates.append(
            _gate(
                "fail-if-gap-above",
                fail_if_gap_above,
                gap,
                gap.mean is not None and gap.mean <= fail_if_gap_above,
                f"the gap of {name} is {_figure(scale, gap)} of {scale.label}, at most "
                f"{scale.difference(fail_if_gap_above)} allowed",
            )
        )
    return tuple(gates)


def _gate(
    gate: str, limit: float, found: Interval | Comparison, passed: bool, message: str
) -> Gate:
    return Gate(gate, limit, found.mean, found.low, found.high, passed, f"--{gate}: {message}")


def _figure(scale: Scale, found: Interval | Comparison) -> str:
    if found.mean is None:
        return "nothing that could be measured (some fold has no score)"
    text = scale.difference(found.mean, half_width(found))
    ends = scale.ends(found)
    return text if ends is None else f"{text} ({ends})"
