"""How numbers are written: natural sign, true minus, no more digits than the interval supports.

Notation
--------
x   a value of a metric, in the metric's own unit
s   the half-width of an interval around it, in the same unit
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gengap.statistics.records import Comparison, Interval
from gengap.wording import duration

__all__ = [
    "MINUS",
    "MISSING",
    "SUPERSCRIPTS",
    "Scale",
    "common_spread",
    "half_width",
    "number",
    "scale_of",
    "seconds",
    "share",
]

MINUS = "\N{MINUS SIGN}"
MISSING = "n/a"

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PERCENT = ("accuracy", "balanced_accuracy")
_LABELS = {
    "roc_auc": "ROC AUC",
    "r2": "R²",
    "brier": "Brier score",
    "ece": "calibration error",
    "rmse": "RMSE",
    "mae": "MAE",
}
_BOUNDS = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "roc_auc", "brier", "ece"), (0.0, 1.0)),
    **dict.fromkeys(("log_loss", "rmse", "mae"), (0.0, math.inf)),
    "r2": (-math.inf, 1.0),
}
_MINIMIZED = ("log_loss", "brier", "ece", "rmse", "mae", "loss")


def number(
    x: float | None, decimals: int | None = None, *, signed: bool = False, trim: bool = False
) -> str:
    """Write a number for people.

    Parameters
    ----------
    x : float or None
    decimals : int, optional
        Digits behind the point; a negative count rounds to tens, hundreds, ... By default three
        significant digits.
    signed : bool
        Whether a positive number carries its sign, too.
    trim : bool
        Whether zeros at the end, behind the point, are left out.

    Returns
    -------
    str
        With commas between thousands, U+2212 as the minus, and a power of ten where the number is
        too large or too small to be read otherwise. A number that rounds to zero has no sign.

    Examples
    --------
    >>> number(48321.7, -2), number(-0.5, 1), number(1.234e12), number(None)
    ('48,300', '−0.5', '1.23 × 10¹²', 'n/a')
    """
    if x is None or not math.isfinite(x):
        return MISSING
    if x != 0 and not 1e-5 <= abs(x) < 1e7:
        digits = 2 if decimals is None else min(max(decimals + _exponent(x), 0), 2)
        mantissa, _, exponent = f"{x:.{digits}e}".partition("e")
        mantissa = _trimmed(mantissa) if trim else mantissa
        text = f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
        if decimals is not None and round(x, decimals) == 0:
            text = f"{0:.{max(decimals, 0)}f}"
    else:
        if decimals is None:
            decimals = 2 - _exponent(x) if x else 0
        text = f"{round(x, decimals):,.{max(decimals, 0)}f}"
        text = _trimmed(text) if trim else text
    is_zero = not any(digit in text for digit in "123456789")
    text = text.removeprefix("-")
    if is_zero:
        return text
    return (MINUS if x < 0 else "+" if signed else "") + text


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(x: float | None) -> str:
    """Write a share between 0 and 1 as whole percents, never rounding to a false certainty.

    Examples
    --------
    >>> share(0.256), share(0.9996), share(0.0001), share(1.0)
    ('26 %', '> 99 %', '< 1 %', '100 %')
    """
    if x is None or not math.isfinite(x):
        return MISSING
    if 0 < x < 0.005:
        return "< 1 %"
    if 0.995 <= x < 1:
        return "> 99 %"
    return f"{number(100 * x, 0)} %"


def seconds(x: float | None) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(0.123), seconds(42.0), seconds(75.0), seconds(7300.0)
    ('0.12 s', '42 s', '1 min 15 s', '2 h 2 min')
    """
    if x is None or not math.isfinite(x):
        return MISSING
    if x < 9.95:
        return f"{number(x, 1 if x >= 0.995 else 2)} s"
    return duration(x)


@dataclass(frozen=True)
class Scale:
    """How one metric is written.

    Attributes
    ----------
    metric : str
    label : str
        Its name in a sentence.
    maximize : bool
        Whether larger is better.
    factor : float
        What a value is multiplied with.
    unit, change_unit : str
        What follows a value, and a change; with its leading blank.
    bounds : (float, float)
        Between which a value can lie.
    """

    metric: str
    label: str
    maximize: bool
    factor: float = 1.0
    unit: str = ""
    change_unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def clamped(self, interval: Interval) -> Interval:
        """Return the part of an interval of values in which the metric can lie.

        It covers as often as the whole: nothing true is cut off.
        """
        lowest, highest = self.bounds

        def inside(end: float | None) -> float | None:
            return None if end is None else min(max(end, lowest), highest)

        return dataclasses.replace(
            interval,
            low=inside(interval.low),
            high=inside(interval.high),
            low50=inside(interval.low50),
            high50=inside(interval.high50),
        )

    def natural(self, effect: float) -> float:
        """Turn an effect, for which positive is better, into the metric's own direction."""
        return effect if self.maximize else -effect

    def decimals(self, x: float | None, s: float | None) -> int:
        """Count the digits worth writing: two of the half-width `s`, else three of the value.

        Percents have one at least, so that a column of them lines up.
        """
        is_percent = self.unit == " %"
        if s is not None and math.isfinite(s) and s > 0:
            digits = -_exponent(s * self.factor)
            return min(max(1, digits), 6) if is_percent else min(1 + digits, 12)
        if is_percent:
            return 1
        return 2 - _exponent(x * self.factor) if x else 2

    def value(self, x: float | None, s: float | None = None) -> str:
        """Write a value of the metric with its unit (``"74.2 %"``)."""
        return self._written(x, s, self.unit, signed=False)

    def change(self, effect: float | None, s: float | None = None, *, unit: bool = True) -> str:
        """Write an effect with its natural sign (``"+1.9 points"``)."""
        x = None if effect is None else self.natural(effect)
        return self._written(x, s, self.change_unit if unit else "", signed=True)

    def amount(self, x: float | None, s: float | None = None) -> str:
        """Write the size of a difference, without a sign (``"1.2 points"``)."""
        return self._written(None if x is None else abs(x), s, self.change_unit, signed=False)

    def difference(self, x: float | None, s: float | None = None) -> str:
        """Write a difference that has a direction of its own, such as a gap (``"−0.3 points"``)."""
        return self._written(x, s, self.change_unit, signed=False)

    def _written(self, x: float | None, s: float | None, unit: str, *, signed: bool) -> str:
        if x is None or not math.isfinite(x):
            return MISSING
        return number(x * self.factor, self.decimals(x, s), signed=signed) + unit

    def score_ends(self, interval: Interval, s: float | None = None) -> str | None:
        """Write the ends of a score's 95 % interval, where the metric can lie; None without one."""
        spread = half_width(interval) if s is None else s
        clamped = self.clamped(interval)
        return self.ends(clamped, s=spread)

    def ends(
        self, interval: Interval | Comparison, *, effect: bool = False, s: float | None = None
    ) -> str | None:
        """Write the ends of a 95 % interval (``"0.8 to 3.0"``); None where there is none.

        `effect` says that positive is better there, so that a metric that is minimized has its
        ends turned round. `s` is the half-width that decides on the digits, by default the
        interval's own.
        """
        low, high = interval.low, interval.high
        if low is None or high is None:
            return None
        if effect and not self.maximize:
            low, high = -high, -low
        decimals = self.decimals(interval.mean, half_width(interval) if s is None else s)
        return " to ".join(number(end * self.factor, decimals) for end in (low, high))


def half_width(interval: Interval | Comparison) -> float | None:
    """Return half the length of the 95 % interval; None where there is none."""
    if interval.low is None or interval.high is None:
        return None
    return (interval.high - interval.low) / 2


def common_spread(intervals: Iterable[Interval | Comparison | None]) -> float | None:
    """Return the middle half-width of a column's intervals, which gives all of it one precision.

    Parameters
    ----------
    intervals : iterable of Interval or Comparison
        None, and those without ends, do not count.
    """
    widths = [half_width(interval) for interval in intervals if interval is not None]
    found = sorted(width for width in widths if width)
    return found[len(found) // 2] if found else None


def scale_of(metric: str, directions: Mapping[str, str] | None = None) -> Scale:
    """Return how a metric is written.

    Parameters
    ----------
    metric : str
    directions : mapping of str to {"maximize", "minimize"}, optional
        Directions that are known better than by the metric's name.

    Examples
    --------
    >>> scale_of("accuracy").value(0.742), scale_of("rmse").change(0.21)
    ('74.2 %', '−0.210')
    """
    direction = (directions or {}).get(metric)
    maximize = direction == "maximize" if direction else metric not in _MINIMIZED
    bounds = _BOUNDS.get(metric, (-math.inf, math.inf))
    label = _LABELS.get(metric, metric.replace("_", " "))
    if metric in _PERCENT:
        return Scale(metric, label, maximize, 100.0, " %", " points", bounds=bounds)
    return Scale(metric, label, maximize, bounds=bounds)


def _exponent(x: float | None) -> int:
    if x is None or x == 0 or not math.isfinite(x):
        return 0
    return math.floor(math.log10(abs(x)))
