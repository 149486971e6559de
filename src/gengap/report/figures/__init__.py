"""The figures of the page: a question, how to read the answer, the chart, and the data behind it.

The description, which a screen reader says, and the table are made from the same records as the
chart.
"""

from gengap.report.figures.base import PageFigure, change_cells, verdict_cell
from gengap.report.figures.choosing import choices, response
from gengap.report.figures.scores import dumbbells, forest, metrics
from gengap.report.figures.training import baseline_curves, benefit, winner_curves

__all__ = [
    "PageFigure",
    "baseline_curves",
    "benefit",
    "change_cells",
    "choices",
    "dumbbells",
    "forest",
    "metrics",
    "response",
    "verdict_cell",
    "winner_curves",
]
