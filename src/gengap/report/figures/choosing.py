"""Figures of what validation chose: strengths, and candidates fold by fold."""

from __future__ import annotations

from gengap.recipe import format_number
from gengap.report import charts, words
from gengap.report.figures.base import PageFigure
from gengap.report.numbers import half_width
from gengap.report.tables import Cell, cells, plain
from gengap.results import Results
from gengap.wording import plural

__all__ = ["choices", "response"]


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
        if mean is not None and dose.value == words.refit_strength(results, dose):
            best[name] = (mean, dose.value)
    description = " ".join(
        f"{name}: best at {format_number(value)} ({scale.change(mean)})."
        for name, (mean, value) in best.items()
    )
    return PageFigure(
        "doses",
        "What does each strength do?",
        "Small dots are folds, large marks their mean with its 95 % interval; the diamond is the "
        "best mean, which a refit takes; of equal means the one with the better validation loss, "
        "then the weaker strength. “off” is the baseline, without a change by definition. Each "
        "panel has its own vertical scale. These are validation rows, on which strengths are "
        "chosen: the best of "
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
