"""Figures of scores: training beside test rows, change against the baseline, other metrics."""

from __future__ import annotations

from gengap.report import charts, words
from gengap.report.figures.base import PageFigure, change_cells, listed, verdict_cell
from gengap.report.numbers import half_width, number, scale_of, share
from gengap.report.tables import Cell, Row, Table, cells, plain
from gengap.results import Results
from gengap.wording import plural

__all__ = ["dumbbells", "forest", "metrics"]


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
        f"{word}: {listed(names)}." for word, names in by_verdict.items() if names
    )
    return PageFigure(
        "effects",
        "How much does each candidate change the score?",
        "Each row is a candidate against the baseline in the same folds. Thin bar: 95 % interval; "
        f"thick bar: 50 %. Grey band: changes up to {words.margin(protocol)}, too small to matter. "
        "A filled dot marks a settled verdict, a hollow one a verdict that more data may change; "
        "an arrow at the edge, a bar that goes on beyond the chart.",
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
        f"{winner.recipe} against the baseline: {listed(told)}.",
        plain(
            "Other metrics on test rows",
            ("metric", "better is", baseline.recipe, winner.recipe, f"{winner.recipe} is"),
            rows,
        ),
        lambda width: charts.other_metrics(results, width=width),
    )
