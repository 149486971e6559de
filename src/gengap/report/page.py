"""What stands in the HTML report, section by section, as plain texts and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gengap.data.tensors import describe_shape
from gengap.report import figures, words
from gengap.report.figures import PageFigure, verdict_cell
from gengap.report.numbers import common_spread, half_width, number, scale_of, seconds, share
from gengap.report.tables import Cell, Row, Table
from gengap.results import CandidateResult, Protocol, Results
from gengap.wording import plural

__all__ = [
    "SECTIONS",
    "Card",
    "Sheet",
    "all_details",
    "all_results",
    "augmented",
    "cards",
    "facts",
    "method",
    "settings",
    "why",
]

SECTIONS: tuple[tuple[str, str], ...] = (
    ("verdict", "Verdict"),
    ("trust", "Trust"),
    ("gap", "Gap"),
    ("help", "What helps"),
    ("strength", "Strengths"),
    ("why", "Why"),
    ("cost", "Cost"),
    ("again", "Again?"),
    ("all", "All results"),
    ("how", "How"),
)


@dataclass(frozen=True)
class Sheet:
    """What augmentations make of rows: a table whose rows may have an image each.

    Attributes
    ----------
    reading : str
        How to read it.
    header : tuple of str
    rows : tuple of (str, str, tuple of str)
        What it is called, the image as a PNG file in base64, the other cells.
    has_images : bool
    """

    reading: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    has_images: bool


@dataclass(frozen=True)
class Card:
    """One pair of numbers under the verdict: what, before and after, and by how much."""

    what: str
    big: str
    more: str


def facts(results: Results) -> str:
    """Say in one line what was studied."""
    protocol, data = results.protocol, results.dataset
    shape, modality = data.get("shape"), data.get("modality", "table")
    inputs = data.get("inputs")
    if isinstance(inputs, Sequence):
        parts = [plural(protocol.rows, "row"), *map(_input_facts, inputs)]
    elif shape:
        parts = [f"{plural(protocol.rows, modality)} of {describe_shape(tuple(shape), modality)}"]
    else:
        parts = [plural(protocol.rows, "row")]
        columns = data.get("columns")
        count = len(columns) if isinstance(columns, Sequence) else columns
        if isinstance(count, int):
            parts.append(plural(count, "column"))
    steps = data.get("steps")
    if steps and steps[0] < steps[1]:
        parts.append(f"{steps[0]} to {steps[1]} steps a row")
    target = data.get("target", data.get("target_name"))
    if target:
        parts.append(f"target “{target}”")
    classes = data.get("classes")
    if isinstance(classes, Sequence) and classes:
        parts.append(plural(len(classes), "class", "classes"))
    elif data.get("task") == "regression":
        parts.append("regression")
    folds = plural(protocol.folds, "fold")
    if protocol.repeats > 1:
        folds += f" × {plural(protocol.repeats, 'repeat')}"
    parts += [f"decided by {words.protocol_scale(protocol).label}", folds]
    return " · ".join(parts)


def _input_facts(one: Mapping[str, Any]) -> str:
    """Say what a row is to one of several inputs."""
    shape, steps = one.get("shape"), one.get("steps")
    if not shape:
        return f"“{one['name']}”: {plural(one['columns'], 'column')}"
    said = f"“{one['name']}”: {describe_shape(tuple(shape), one['modality'])}"
    if steps and steps[0] < steps[1]:
        said += f", {steps[0]} to {steps[1]} steps a row"
    return said


def cards(results: Results) -> tuple[Card, ...]:
    """Return metric, gap and cost, before and after; only the baseline's if nothing stands out."""
    scale = words.protocol_scale(results.protocol)
    baseline = results.recipes[0] if results.recipes else None
    if baseline is None or baseline.test.mean is None:
        return ()
    row = words.lead(results)
    if row is None or row.delta is None:
        return (
            Card(
                f"{scale.label} on test rows, baseline",
                scale.value(baseline.test.mean, half_width(baseline.test)),
                _interval(scale.score_ends(baseline.test), results),
            ),
            Card(
                "gap between training and test, baseline",
                scale.difference(baseline.gap.mean, half_width(baseline.gap)),
                _interval(scale.ends(baseline.gap), results),
            ),
            Card(
                "training time, baseline",
                seconds(baseline.seconds_per_trial),
                f"{number(baseline.epochs, 0)} epochs",
            ),
        )
    spread = half_width(row.delta)
    arrow = "better ▲" if (row.delta.mean or 0.0) > 0 else "worse ▼"
    change = words.change_with_interval(scale, row.delta)
    gaps = [
        scale.difference(r.gap.mean, half_width(r.gap)).removesuffix(scale.change_unit)
        for r in (baseline, row)
    ]
    return (
        Card(
            f"{scale.label} on test rows",
            f"{scale.value(baseline.test.mean, spread)} → {scale.value(row.test.mean, spread)}",
            f"{change}, {arrow}",
        ),
        Card(
            "gap between training and test",
            f"{gaps[0]} → {gaps[1]}{scale.change_unit}",
            f"95 % interval now {scale.ends(row.gap)}"
            if scale.ends(row.gap)
            else words.no_interval(results.protocol),
        ),
        Card(
            "training time",
            f"{seconds(baseline.seconds_per_trial)} → {seconds(row.seconds_per_trial)}",
            f"{number(baseline.epochs, 0)} → {number(row.epochs, 0)} epochs",
        ),
    )


def _interval(ends: str | None, results: Results) -> str:
    return f"95 % interval {ends}" if ends else words.no_interval(results.protocol)


def augmented(results: Results) -> Sheet | None:
    """Show what augmentations make of rows; None where nothing is augmented."""
    if not results.augmented:
        return None
    scale = words.protocol_scale(results.protocol)
    has_images = any(one.samples for one in results.augmented)
    rows = tuple(
        (
            words.called(one.recipe),
            one.samples,
            (share(one.changed), scale.value(one.score), scale.value(one.plain)),
        )
        for one in results.augmented
    )
    what = "The same images, as they are and changed. " if has_images else ""
    return Sheet(
        f"{what}A network that learned for a while without augmentation was scored on validation "
        "rows that each changes, at its strongest, and on the same rows as they are. A low score "
        "on changed rows is a warning, not a proof: they may only be unusual. Where labels are "
        "mixed too there is nothing to score.",
        ("augmentation", "rows changed", scale.label, f"{scale.label} as they are"),
        rows,
        has_images,
    )


def why(results: Results) -> tuple[str, ...]:
    """Say what is different about the winner, beside its score."""
    baseline = results.recipes[0] if results.recipes else None
    winner = words.winner(results) if baseline is not None else None
    if baseline is None or winner is None or winner is baseline:
        return ("No candidate stands out against the baseline, so there is nothing to explain.",)
    scale = words.protocol_scale(results.protocol)
    sentences = [
        f"Weights of {words.called(winner.recipe)}: {share(winner.zero_weights)} of the kernel "
        f"weights are exactly zero (baseline {share(baseline.zero_weights)}), and their norm is "
        f"{number(winner.weight_norm)} (baseline {number(baseline.weight_norm)})."
    ]
    if winner.robustness.mean is not None and baseline.robustness.mean is not None:
        sentences.append(
            "With Gaussian noise of 0.5 standard deviations on the numeric inputs, "
            f"{scale.label} is {words.value_with_interval(scale, winner.robustness)}, against "
            f"{words.value_with_interval(scale, baseline.robustness)} for the baseline."
        )
    if winner.verdict not in ("helps", "probably_helps"):
        sentences.insert(
            0,
            f"{words.called(winner.recipe)} has the best validation score; whether it helps at all "
            "is not settled, so read this with care.",
        )
    return tuple(sentences)


def again(results: Results) -> tuple[str, ...]:
    """Say how steady the choice is, and what it promised beside what it kept."""
    best, protocol = results.best, results.protocol
    scale = words.protocol_scale(protocol)
    if not best.chosen_by_fold:
        return ("No fold was finished, so nothing was chosen.",)
    top, count = max(best.chosen_in.items(), key=lambda item: item[1])
    folds = plural(len(best.chosen_by_fold), "fold")
    winners = plural(len(best.chosen_in), "different candidate")
    sentences = [
        f"{words.called(top)} had the best validation score in {count} of {folds}; "
        f"{winners} won in all."
    ]
    promised = best.validation
    if promised is not None and promised.mean is not None and best.test.mean is not None:
        sentences.append(
            f"When they were chosen, the winners' {scale.label} on validation rows was "
            f"{scale.value(promised.mean, half_width(promised))}. On rows that no choice had "
            f"seen it was {words.value_with_interval(scale, best.test)}."
        )
    return tuple(sentences)


def all_results(results: Results) -> Table:
    """Return the table with every candidate: verdict, score, change, odds, gap and cost."""
    scale = words.protocol_scale(results.protocol)
    header = (
        "candidate",
        "verdict",
        f"test {scale.label}",
        "change",
        "better / same / worse",
        "gap",
        "seconds",
    )
    changes = common_spread(row.delta for row in results.recipes)
    gaps = common_spread(row.gap for row in results.recipes)
    rows = []
    for index, row in enumerate(results.recipes):
        delta = row.delta
        odds = (
            Cell("", math.nan)
            if delta is None or delta.p_better is None
            else Cell(
                " / ".join(share(p) for p in (delta.p_better, delta.p_equivalent, delta.p_worse)),
                delta.p_better,
            )
        )
        change = (
            Cell("", math.nan)
            if delta is None
            else Cell(
                scale.change(delta.mean, changes),
                delta.mean,
                under=scale.ends(delta, effect=True, s=changes) or "no interval",
            )
        )
        training = scale.value(row.train.mean, changes)
        shown = (
            Cell(words.called(row.recipe), under=words.strengths(row)),
            verdict_cell(row),
            Cell(
                scale.value(row.test.mean, changes),
                row.test.mean,
                under=scale.score_ends(row.test, changes) or "no interval",
            ),
            change,
            odds,
            Cell(scale.difference(row.gap.mean, gaps), row.gap.mean, under=f"training {training}"),
            Cell(
                number(row.seconds_per_trial, _decimals(results)),
                row.seconds_per_trial,
                under=_epochs(row),
            ),
        )
        rows.append(Row(shown, index))
    caption = "One row a candidate; the first is the baseline. Small: strengths, 95 % intervals"
    return Table(caption, header, tuple(rows))


def all_details(results: Results) -> Table:
    """Return the table with what else was measured of every candidate."""
    scale = words.protocol_scale(results.protocol)
    header = (
        "candidate",
        "what would settle it",
        "p (Holm)",
        "with noise",
        "zero weights",
        "weight norm",
        "trials",
        "diverged",
    )
    spread = common_spread(row.robustness for row in results.recipes)
    rows = []
    for index, row in enumerate(results.recipes):
        p_holm = None if row.delta is None else row.delta.p_holm
        shown = (
            Cell(words.called(row.recipe)),
            Cell(row.settle),
            Cell(
                "" if row.delta is None else _p(p_holm),
                math.nan if p_holm is None else p_holm,
            ),
            Cell(scale.value(row.robustness.mean, spread), row.robustness.mean),
            Cell(share(row.zero_weights), row.zero_weights),
            Cell(number(row.weight_norm), row.weight_norm),
            Cell(f"{row.trials:,}", float(row.trials)),
            Cell(f"{row.diverged:,}", float(row.diverged)),
        )
        rows.append(Row(shown, index))
    return Table("One row a candidate; the first is the baseline", header, tuple(rows))


def _p(p: float | None) -> str:
    return "< 0.001" if p is not None and p < 0.0005 else number(p, 3)


def _decimals(results: Results) -> int:
    """Count the decimals of a column of seconds: one precision for all."""
    return 2 if max(row.seconds_per_trial for row in results.recipes) < 9.95 else 0


def _epochs(row: CandidateResult) -> str:
    return f"{number(row.epochs, 0 if row.epochs % 1 == 0 else 1)} epochs"


def method(results: Results) -> tuple[str, ...]:
    """Say how the study was done."""
    protocol = results.protocol
    label = words.protocol_scale(protocol).label
    again_and_again = (
        "" if protocol.repeats == 1 else f", {protocol.repeats} times over with new divisions"
    )
    return (
        f"The {protocol.rows:,} rows were divided into {plural(protocol.folds, 'fold')}"
        f"{again_and_again}. In each, networks learned on about {protocol.rows_trained:,} rows, "
        f"about {protocol.rows_validated:,} validation rows chose strengths, epochs and "
        f"candidates, and about {protocol.rows_tested:,} test rows were read once, after every "
        "choice. Everything that learns from data, preprocessing too, learned from training rows.",
        "Within a fold all candidates start from the same weights and see the same batches, so "
        "differences are between techniques, not between lucky starts.",
        f"Changes in {label} are paired by fold. Their intervals and tests are corrected for the "
        "rows that folds share (Nadeau and Bengio), tests also for the number of candidates "
        f"(Holm). Changes up to {words.margin(protocol)} count as no practical difference; the "
        "probabilities of better, same and worse come from a correlated Bayesian t-test.",
        f"{plural(protocol.trials, 'trial')} came from {plural(protocol.runs, 'training')} in "
        f"{plural(protocol.programs, 'compiled program')}; the trainings took "
        f"{seconds(protocol.seconds)}, compiling aside.{_saved(protocol)}",
    )


def _saved(protocol: Protocol) -> str:
    """Say what runs saved that ended before their last epoch."""
    most = protocol.runs * protocol.epochs
    if protocol.epochs_needed is None or protocol.epochs_needed >= most:
        return ""
    share = 1 - protocol.epochs_needed / most
    return (
        f" They needed {protocol.epochs_needed:,} of at most {plural(most, 'epoch')}: runs that "
        f"ended early saved {'under 1' if share < 0.01 else f'{100 * share:.0f}'} %."
    )


def settings(results: Results) -> tuple[tuple[str, str], ...]:
    """Return the settings, the machine and the versions, as pairs."""
    protocol, data = results.protocol, results.dataset
    direction = "higher" if protocol.direction == "maximize" else "lower"
    pairs: list[tuple[str, str]] = [
        ("data", str(data.get("source", data.get("name", "")))),
        ("hash of the data", protocol.data_hash),
        ("network", protocol.network),
        ("optimizer", protocol.optimizer),
        ("deciding metric", f"{scale_of(protocol.metric).label}, {direction} is better"),
        ("too small to matter", words.margin(protocol)),
        ("folds × repeats", f"{protocol.folds} × {protocol.repeats}"),
        ("epochs, batch size", f"{protocol.epochs:,}, {protocol.batch_size:,}"),
        ("seed", str(protocol.seed)),
        ("rows that networks learned on", f"{protocol.rows_trained:,} of {protocol.rows:,}"),
        ("lanes of a group", str(protocol.lane_width)),
        ("machine", protocol.machine),
        ("versions", ", ".join(f"{name} {v}" for name, v in protocol.versions.items())),
    ]
    if results.existing:
        pairs.insert(3, ("regularization the model brings along", ", ".join(results.existing)))
    if results.allowed:
        pairs.append(("refusals that were let pass", ", ".join(results.allowed)))
    return tuple(pairs)


def page_figures(results: Results) -> Mapping[str, tuple[PageFigure, ...]]:
    """Return the figures of each section that has some."""
    if not results.recipes:
        return {}
    baseline, winner = results.recipes[0], words.winner(results)
    curves = {band.candidate for band in results.curves}
    has_scores = any(row.test.mean is not None for row in results.recipes)
    told: dict[str, tuple[Any, bool]] = {
        "dumbbells": (figures.dumbbells, has_scores),
        "curves": (figures.baseline_curves, baseline.recipe in curves),
        "effects": (figures.forest, len(results.recipes) > 1),
        "doses": (figures.response, bool(results.doses)),
        "winner": (figures.winner_curves, winner is not baseline and winner.recipe in curves),
        "metrics": (
            figures.metrics,
            winner is not baseline
            and any(name in winner.other_metrics for name in baseline.other_metrics),
        ),
        "cost": (figures.benefit, has_scores and len(results.recipes) > 1),
        "choices": (figures.choices, bool(results.best.chosen_by_fold)),
    }
    made = {name: (make(results),) if wanted else () for name, (make, wanted) in told.items()}
    return {
        "gap_figures": made["dumbbells"] + made["curves"],
        "effect_figures": made["effects"],
        "dose_figures": made["doses"],
        "why_figures": made["winner"] + made["metrics"],
        "cost_figures": made["cost"],
        "choice_figures": made["choices"],
    }
