"""How often does a study call something a help or a harm that does nothing?

Studies on newly drawn data are really trained, with 1 and with 12 techniques that do nothing: the
baseline under another seed, and strengths just above neutral under the same seeds. "helps" or
"hurts" in more than 5 % of studies, by a binomial test at 0.01, ends with exit code 1.

For contrast, the same studies without Holm's correction, and with the paired t-test that takes the
folds for independent.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keeping import RESULTS, keep, machine, table, versions
from scipy.stats import binomtest, ttest_rel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import null_studies as simulation
from gengap.results import CandidateResult
from gengap.statistics.verdict import decide
from null_studies import (
    ANOTHER_SEED,
    METRICS,
    MOST_TECHNIQUES,
    NullStudy,
    claims,
    just_above_neutral,
    most_claims,
)

KINDS = ("another seed", "just above neutral")


def main() -> int:
    """Simulate, keep the figures, and say whether the claim stands."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--techniques", type=int, nargs="+", default=[1, MOST_TECHNIQUES])
    parser.add_argument("--tasks", nargs="+", default=list(METRICS), choices=list(METRICS))
    parser.add_argument("--rows", type=int, default=simulation.ROWS, help="of a study")
    parser.add_argument("--folds", type=int, default=simulation.FOLDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    most = max(options.techniques)
    about = machine()
    started = time.perf_counter()
    rows = []
    for task in options.tasks:
        counts: Counter[tuple[Any, ...]] = Counter()
        studies = simulation.null_studies(
            options.studies,
            strengths=just_above_neutral(task)[:most],
            seeds=most,
            task=task,
            seed=options.seed,
            rows=options.rows,
            folds=options.folds,
        )
        for number, study in enumerate(studies, start=1):
            counts += _counts(study, options.techniques)
            if number % 50 == 0 or number == options.studies:
                seconds = time.perf_counter() - started
                print(f"{task}: {number} studies, {seconds:.0f} s", file=sys.stderr)
        rows += [
            _row(task, metric, kind, techniques, counts, options.studies)
            for metric in METRICS[task]
            for kind in KINDS
            for techniques in options.techniques
        ]
    _keep(rows, options, about, time.perf_counter() - started)
    return 0 if all(row["claims"] <= row["most"] for row in rows) else 1


def _counts(study: NullStudy, numbers: Sequence[int]) -> Counter[tuple[Any, ...]]:
    """Count, by metric, kind, number of techniques and rule, whether this study makes a claim."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for metric in METRICS[study.task]:
        for kind, names in zip(KINDS, (ANOTHER_SEED, just_above_neutral(study.task)), strict=True):
            for number in numbers:
                found = study.compare(names[:number], metric)
                where = (metric, kind, number)
                counts[*where, "claims"] += claims(found)
                counts[*where, "without_holm"] += claims([_without_holm(row) for row in found])
                counts[*where, "naive"] += any(_naive_p(study, r, metric) <= 0.05 for r in found)
                counts.update((*where, row.verdict) for row in found)
    return counts


def _without_holm(row: CandidateResult) -> CandidateResult:
    assert row.delta is not None
    return replace(row, verdict=decide(replace(row.delta, p_holm=row.delta.p)))


def _naive_p(study: NullStudy, row: CandidateResult, metric: str) -> float:
    """Return p of the t-test that takes the folds for independent; 1 where nothing differs."""
    baseline = [trial.scores["test"][metric] for trial in study.trials["baseline"]]
    scores = list(row.fold_scores)
    return 1.0 if scores == baseline else float(ttest_rel(scores, baseline).pvalue)


def _row(
    task: str, metric: str, kind: str, techniques: int, counts: Counter[Any], studies: int
) -> dict[str, Any]:
    where = (metric, kind, techniques)
    claimed = counts[*where, "claims"]
    exact = binomtest(claimed, studies).proportion_ci()
    verdicts = ("helps", "probably_helps", "equivalent", "probably_equivalent")
    verdicts += ("inconclusive", "probably_hurts", "hurts")
    return {
        "task": task,
        "metric": metric,
        "kind": kind,
        "techniques": techniques,
        "studies": studies,
        "claims": claimed,
        "most": most_claims(studies),
        "low": exact.low,
        "high": exact.high,
        "without_holm": counts[*where, "without_holm"],
        "naive": counts[*where, "naive"],
        "verdicts": {verdict: counts[*where, verdict] for verdict in verdicts},
    }


def _keep(
    rows: list[dict[str, Any]], options: argparse.Namespace, about: dict[str, Any], seconds: float
) -> None:
    shown = [
        (
            row["metric"],
            row["kind"],
            row["techniques"],
            row["claims"],
            f"{row['low']:.1%} to {row['high']:.1%}",
            row["without_holm"],
            row["naive"],
            "yes" if row["claims"] <= row["most"] else "NO",
        )
        for row in rows
    ]
    columns = (
        "metric",
        "what does nothing",
        "techniques",
        "studies with a claim",
        "95 % interval",
        "without Holm",
        "plain t-test",
        "at most 5 %",
    )
    text = (
        f"{options.studies} studies a task, each on newly drawn data ({options.rows} rows x "
        f"{simulation.COLUMNS} columns, a weak signal), {options.folds} folds, "
        f'{simulation.MODEL}, {simulation.EPOCHS} epochs. A claim is any "helps" or "hurts"; '
        f'the test fails above {most_claims(options.studies)}. "Without Holm": the same verdicts '
        'with the uncorrected p. "Plain t-test": p <= 0.05 in a paired t-test that takes the '
        f"folds for independent. Took {seconds:.0f} s.\n\n{table(columns, shown)}"
    )
    record = {
        "seconds": round(seconds, 1),
        "seed": options.seed,
        "rows_of_a_study": options.rows,
        "folds": options.folds,
        "rows": rows,
        "machine": about,
        "versions": versions(),
    }
    keep("calibration", "Calibration by runs", text, record, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
