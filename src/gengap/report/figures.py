"""The figures of the page: a question, how to read the answer, the chart, and the data behind it.

The description, which a screen reader says, and the table are made from the same records as the
chart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gengap.recipe import format_number
from gengap.report import charts, words
from gengap.report.canvas import Chart
from gengap.report.charts.marks import verdict_role
from gengap.report.numbers import Scale, half_width, number, plural, scale_of, seconds, share
from gengap.report.tables import Cell, Row, Table, cells, plain
from gengap.results import CandidateResult, Results

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


@dataclass(frozen=True)
class PageFigure:
    """One figure.

    Attributes
    ----------
    key : str
        Prefix of its ids.
    question : str
        The heading.
    reading : str
        How to read it, in one or two sentences.
    title, description : str
        What a screen reader says.
    table : Table
        The data behind the chart.
    draw : callable
        ``width -> Chart``.
    """

    key: str
    question: str
    reading: str
    title: str
    description: str
    table: Table
    draw: Callable[[float], Chart]


def verdict_cell(row: CandidateResult) -> Cell:
    """Return a verdict with its symbol; it sorts from help to harm."""
    order = list(words.VERDICTS)
    text = f"{words.SYMBOLS[row.verdict]} {words.VERDICTS[row.verdict]}"
    return Cell(text, float(order.index(row.verdict)), verdict_role(row.verdict))


def change_cells(row: CandidateResult, scale: Scale) -> tuple[Cell, Cell]:
    """Return a change and its interval."""
    if row.delta is None:
        return Cell("", math.nan), Cell("", math.nan)
    change = scale.change(row.delta.mean, half_width(row.delta))
    ends = scale.ends(row.delta, effect=True) or "no interval"
    return Cell(change, row.delta.mean), Cell(ends, half_width(row.delta))


def _listed(items: list[str]) -> str:
    return ", ".join(items) if items else "none"


def dumbbells(results: Results) -> PageFigure:
    """Training and test score of every recipe."""
    scale = words.protocol_scale(results.protocol)
    rows = []
    for index, row in enumerate(results.recipes):
        rows.append(
            Row(
                cells(
                    row.recipe,
                    Cell(scale.value(row.train.mean, half_width(row.train)), row.train.mean),
                    Cell(words.value_with_interval(scale, row.test), row.test.mean),
                    Cell(scale.difference(row.gap.mean, half_width(row.gap)), row.gap.mean),
                ),
                index,
            )
        )
    gaps = [(row.gap.mean, row) for row in results.recipes if row.gap.mean is not None]
    description = "No gap is defined."
    if gaps:
        narrow, wide = min(gaps, key=lambda g: g[0]), max(gaps, key=lambda g: g[0])
        description = (
            f"Gaps between training and test rows lie between "
            f"{scale.difference(narrow[0], half_width(narrow[1].gap))} ({narrow[1].recipe}) and "
            f"{scale.difference(wide[0], half_width(wide[1].gap))} ({wide[1].recipe})."
        )
    return PageFigure(
        "gaps",
        "How far apart are training and test scores?",
        "Each line joins a recipe's score on training rows (square) with its score on test rows "
        "(dot). A long line is a large gap. Only the dot says how good a recipe is.",
        f"Training and test {scale.label} of {plural(len(results.recipes), 'recipe')}",
        description,
        Table(
            f"{scale.label} on training and test rows",
            ("recipe", "training", "test (95 % interval)", "gap"),
            tuple(rows),
        ),
        lambda width: charts.gap_dumbbells(results, width=width),
    )


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
    "the bottom are the folds' best epochs. Training figures are measured like validation ones: "
    "without dropout and without penalties. A run that stopped early counts while it ran, so a "
    "curve may jump where one ends."
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
        f"How does {winner} change the training?",
        _READING_CURVES,
    )


def forest(results: Results) -> PageFigure:
    """Every candidate's change against the baseline."""
    scale, protocol = words.protocol_scale(results.protocol), results.protocol
    compared = [(i, row) for i, row in enumerate(results.recipes) if row.delta is not None]
    rows = []
    for index, row in compared:
        delta = row.delta
        assert delta is not None
        rows.append(
            Row(
                cells(
                    row.recipe,
                    *change_cells(row, scale),
                    *(
                        Cell(share(p), p)
                        for p in (delta.p_better, delta.p_equivalent, delta.p_worse)
                    ),
                    Cell(number(delta.p_holm), delta.p_holm),
                    verdict_cell(row),
                ),
                index,
            )
        )
    by_verdict = {
        word: [row.recipe for _, row in compared if row.verdict == verdict]
        for verdict, word in words.VERDICTS.items()
        if verdict != "baseline"
    }
    description = " ".join(
        f"{word}: {_listed(names)}." for word, names in by_verdict.items() if names
    )
    return PageFigure(
        "effects",
        "How much does each candidate change the score?",
        "Each row is a candidate against the baseline in the same folds. Thin bar: 95 % interval; "
        f"thick bar: 50 %. Grey band: changes up to {words.margin(protocol)}, too small to matter. "
        "A filled dot marks a settled verdict, a hollow one a verdict that more data may change.",
        f"Change in {scale.label} of {plural(len(compared), 'candidate')} against the baseline",
        description or "Nothing was compared.",
        Table(
            f"Change in {scale.label} against the baseline",
            (
                "candidate",
                "change",
                "95 % interval",
                "P(better)",
                "P(same)",
                "P(worse)",
                "p (Holm)",
                "verdict",
            ),
            tuple(rows),
        ),
        lambda width: charts.effects(results, width=width),
    )


def response(results: Results) -> PageFigure:
    """The change at every strength tried."""
    scale = words.protocol_scale(results.protocol)
    rows: list[tuple[Cell, ...]] = []
    best: dict[str, tuple[float, float]] = {}
    for dose in results.doses:
        values = [value for value in dose.folds if value is not None]
        ends = sorted((min(values), max(values)), reverse=not scale.maximize) if values else ()
        spread = half_width(dose.effect)
        by_fold = [scale.change(end, spread, unit=False) for end in ends]
        rows.append(
            cells(
                dose.candidate,
                dose.strength,
                Cell(format_number(dose.value), dose.value),
                Cell(words.change_with_interval(scale, dose.effect), dose.effect.mean),
                " to ".join(by_fold) or "n/a",
            )
        )
        name = (
            dose.candidate
            if dose.strength == dose.candidate
            else (f"{dose.candidate} ({dose.strength})")
        )
        mean = dose.effect.mean
        if mean is not None and mean > best.get(name, (-math.inf, 0.0))[0]:
            best[name] = (mean, dose.value)
    description = " ".join(
        f"{name}: best at {format_number(value)} ({scale.change(mean)})."
        for name, (mean, value) in best.items()
    )
    return PageFigure(
        "doses",
        "What does each strength do?",
        "Small dots are folds, large marks their mean with its 95 % interval; the diamond is the "
        "best mean. “off” is the baseline, without a change by definition. Each panel has its own "
        "vertical scale. These are validation rows, on which strengths are chosen: the best of "
        "them looks better here than on new rows.",
        f"Change in {scale.label} on validation rows by strength",
        description or "No strength was tried.",
        plain(
            f"Change in {scale.label} on validation rows by strength",
            ("candidate", "strength", "value", "change (95 % interval)", "from fold to fold"),
            rows,
        ),
        lambda width: charts.doses(results, width=width),
    )


def metrics(results: Results) -> PageFigure:
    """Baseline and winner by every other metric."""
    baseline, winner = results.recipes[0], words.winner(results)
    rows: list[tuple[Cell, ...]] = []
    told: list[str] = []
    for name, before in baseline.other_metrics.items():
        after = winner.other_metrics.get(name)
        if after is None:
            continue
        scale = scale_of(name)
        better = "unknown"
        if before.mean is not None and after.mean is not None:
            change = (after.mean - before.mean) * (1 if scale.maximize else -1)
            better = "better" if change > 0 else "worse" if change < 0 else "the same"
            told.append(f"{scale.label} {better}")
        rows.append(
            cells(
                scale.label,
                "higher" if scale.maximize else "lower",
                words.value_with_interval(scale, before),
                words.value_with_interval(scale, after),
                better,
            )
        )
    return PageFigure(
        "metrics",
        "Do the other metrics agree?",
        "Means on test rows with 50 % (thick) and 95 % (thin) intervals. They show whether a "
        f"better {words.protocol_scale(results.protocol).label} was paid for elsewhere; none of "
        "them decides.",
        f"Other metrics of {baseline.recipe} and {winner.recipe}",
        f"{winner.recipe} against the baseline: {_listed(told)}.",
        plain(
            "Other metrics on test rows",
            ("metric", "better is", baseline.recipe, winner.recipe, f"{winner.recipe} is"),
            rows,
        ),
        lambda width: charts.other_metrics(results, width=width),
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


def choices(results: Results) -> PageFigure:
    """Which candidate validation chose in each fold."""
    scale, best = words.protocol_scale(results.protocol), results.best
    scores = {row.recipe: row.fold_scores for row in results.recipes}
    before = results.recipes[0].fold_scores
    rows = []
    for fold, name in enumerate(best.chosen_by_fold):
        mine = scores.get(name, ())
        after = mine[fold] if fold < len(mine) else None
        base = before[fold] if fold < len(before) else None
        rows.append(
            cells(
                Cell(str(fold + 1), float(fold)),
                name,
                Cell(scale.value(after), after),
                Cell(scale.value(base), base),
            )
        )
    counts = sorted(best.chosen_in.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name} in {count}" for name, count in counts)
    return PageFigure(
        "choices",
        "Which candidate won in which fold?",
        "A filled square is the candidate with the best validation score in that fold. Many "
        "different winners mean that the choice hangs on which rows happened to be where.",
        "Candidates chosen by fold",
        f"Of {plural(len(best.chosen_by_fold), 'fold')}, chosen: {told or 'none'}.",
        plain(
            "Chosen by validation, scored on test rows",
            ("fold", "chosen", f"its test {scale.label}", f"the baseline's test {scale.label}"),
            rows,
        ),
        lambda width: charts.chosen_matrix(results, width=width),
    )
