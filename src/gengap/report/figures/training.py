"""Figures of the training: learning curves, and what it costs."""

from __future__ import annotations

from gengap.report import charts, words
from gengap.report.figures.base import PageFigure, change_cells
from gengap.report.numbers import number, seconds
from gengap.report.tables import Cell, Row, Table, cells, plain
from gengap.results import Results

__all__ = ["baseline_curves", "benefit", "winner_curves"]


def _curves(
    results: Results, recipes: list[str], key: str, question: str, reading: str
) -> PageFigure:
    rows: list[tuple[Cell, ...]] = []
    told: list[str] = []
    for band in results.curves:
        if band.candidate not in recipes:
            continue
        scale = words.curve_scale(band.quantity, results)
        values = [value for value in band.median if value is not None]
        if not values:
            continue
        best = max(values) if scale.maximize else min(values)
        at = list(band.median).index(best) + 1
        rows.append(
            cells(
                band.candidate,
                scale.label,
                "training" if band.part in ("train", "training") else band.part,
                scale.value(values[0]),
                f"{scale.value(best)} (epoch {at})",
                scale.value(values[-1]),
            )
        )
        if band.part not in ("train", "training"):
            told.append(
                f"{band.candidate}: {band.part} {scale.label} is best at epoch {at} with "
                f"{scale.value(best)} and ends at {scale.value(values[-1])}."
            )
    header = ("recipe", "quantity", "rows", "first epoch", "best (median)", "last epoch")
    return PageFigure(
        key,
        question,
        reading,
        f"Learning curves of {' and '.join(recipes)}",
        " ".join(told) or "There are no curves.",
        plain("Medians over the folds", header, rows),
        lambda width: charts.learning_curves(results, recipes=recipes, width=width),
    )


_READING_CURVES = (
    "Lines are medians over the folds, bands reach from the 10th to the 90th percentile, ticks at "
    "the bottom are the epochs whose weights were scored: a fold's last one, or its best one where "
    "a recipe stops early; the ring is where the median validation loss is lowest. Training "
    "figures are measured like validation ones: without dropout and without penalties. A run that "
    "stopped early counts while it ran, so a curve may jump where one ends."
)


def baseline_curves(results: Results) -> PageFigure:
    """Learning curves of the baseline."""
    return _curves(
        results,
        [results.recipes[0].recipe],
        "curves",
        "What happens while the baseline trains?",
        f"{_READING_CURVES} Where the validation curve turns while the training curve goes on, "
        "the network starts to learn by heart.",
    )


def winner_curves(results: Results) -> PageFigure:
    """Learning curves of the baseline beside the winner's."""
    winner = words.winner(results).recipe
    return _curves(
        results,
        [results.recipes[0].recipe, winner],
        "winner",
        f"How does {words.called(winner)} change the training?",
        _READING_CURVES,
    )


def benefit(results: Results) -> PageFigure:
    """Training time against the change in score."""
    scale = words.protocol_scale(results.protocol)
    baseline = results.recipes[0].seconds_per_trial
    rows = []
    for index, row in enumerate(results.recipes):
        times = row.seconds_per_trial / baseline if baseline > 0 else float("nan")
        rows.append(
            Row(
                cells(
                    row.recipe,
                    Cell(seconds(row.seconds_per_trial), row.seconds_per_trial),
                    Cell(number(times, 2), times),
                    Cell(number(row.epochs, 0), row.epochs),
                    change_cells(row, scale)[0],
                ),
                index,
            )
        )
    helping = [r for r in results.recipes if r.verdict in ("helps", "probably_helps")]
    cheap = min(helping, key=lambda r: r.seconds_per_trial, default=None)
    description = (
        "No candidate helps."
        if cheap is None
        else f"The quickest candidate that helps is {cheap.recipe}: {words.cost(results, cheap)}."
    )
    return PageFigure(
        "cost",
        "What does a better score cost in training time?",
        "Up is better, left is quicker; the square is the baseline. Seconds are a training's share "
        "of the time in which many were trained side by side: compare them with each other only.",
        f"Seconds a training and change in {scale.label}",
        description,
        Table(
            "Training time and change",
            ("candidate", "time a training", "times the baseline's", "epochs", "change"),
            tuple(rows),
        ),
        lambda width: charts.cost(results, width=width),
    )
