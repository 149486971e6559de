"""The charts: functions from results to matplotlib figures that people can change.

Each takes the width in px and lays itself out for it, side by side on a desk, one below the other
on a phone. Every number that a chart writes is written by `gengap.report.numbers`, every colour is
a role of the palette, and no meaning is carried by colour alone. They never touch pyplot.
"""

from __future__ import annotations

from gengap.report.charts.benefit import cost
from gengap.report.charts.choices import chosen_matrix
from gengap.report.charts.curves import learning_curves
from gengap.report.charts.dumbbells import gap_dumbbells
from gengap.report.charts.forest import effects
from gengap.report.charts.metrics import other_metrics
from gengap.report.charts.response import doses

__all__ = [
    "chosen_matrix",
    "cost",
    "doses",
    "effects",
    "gap_dumbbells",
    "learning_curves",
    "other_metrics",
]
