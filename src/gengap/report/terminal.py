"""The result as text: one sentence, one table, what the audit found, where the files are.

Every verdict has a symbol and words beside its colour, so nothing is lost without colour, and the
table keeps to 80 columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gengap.report import words
from gengap.report.numbers import Scale, half_width, number
from gengap.results import CandidateResult, Finding, Results
from gengap.statistics.records import Verdict
from gengap.wording import plural

__all__ = ["print_results", "render_audit", "render_results", "result_table"]

_WIDE = 130  # from this width a number and its interval fit side by side
_ROOMY = 105  # from this width a verdict fits in one line
_STYLES: dict[Verdict, str] = {
    "helps": "bold green",
    "probably_helps": "green",
    "hurts": "bold red",
    "probably_hurts": "red",
}
_SEVERITY_STYLES = {"refuse": "bold red", "warn": "yellow", "note": "dim"}
_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # of the writing direction
_ASCII = str.maketrans(
    {
        "▲": "^",
        "△": "^",
        "▽": "v",
        "▼": "v",
        "≈": "~",
        "•": "*",
        "−": "-",
        "×": "x",
        "²": "2",
        "±": "+/-",
        "→": "->",
        "…": "...",
        "─": "-",
        **{letter: f"{digit}" for digit, letter in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        "⁻": "-",
    }
)


def print_results(
    results: Results, console: Console | None = None, *, verdicts: bool = True
) -> None:
    """Print a study's result.

    Parameters
    ----------
    results : Results
    console : rich.console.Console, optional
        Where to; standard output by default. Its width and encoding are respected.
    verdicts : bool
        False for an interim table, which is marked provisional and shows no verdicts.
    """
    console = console or Console()
    for part in render_results(results, width=console.width, verdicts=verdicts):
        console.print(_encodable(part, console))


def render_results(
    results: Results, *, width: int = 80, verdicts: bool = True
) -> tuple[RenderableType, ...]:
    """Return what the terminal shows, from top to bottom.

    Parameters
    ----------
    results : Results
    width : int
        Columns of the terminal.
    verdicts : bool
        False for an interim table.
    """
    parts: list[RenderableType] = []
    if verdicts:
        parts += [_text(results.headline or words.headline(results), "bold"), Text()]
    else:
        parts.append(_text("Provisional, the study is still running:", "bold"))
    parts.append(result_table(results, width=width, verdicts=verdicts))
    if not verdicts:
        return tuple(parts)
    parts.append(_text(_legend(results), "dim"))
    parts += [_text(f"Diverged: {line}.") for line in words.diverged(results)]
    parts += [Text(), _text(results.diagnosis or words.diagnosis(results))]
    parts.append(_text(words.honest(results)))
    if results.holdout is not None:
        parts.append(_text(words.holdout(results)))
    shown = [finding for finding in words.by_severity(results.audit) if finding.severity != "note"]
    if results.audit:
        parts += [Text(), *render_audit(shown)]
        notes = len(results.audit) - len(shown)
        if notes:
            parts.append(_text(f"{plural(notes, 'note')} in the report.", "dim"))
    if results.best.files:
        parts.append(Text())
        parts.append(_files(results))
    return tuple(parts)


def result_table(results: Results, *, width: int = 80, verdicts: bool = True) -> Table:
    """Return the table with a row a candidate.

    Parameters
    ----------
    results : Results
    width : int
        Columns of the terminal; intervals stand below their numbers where it is narrow.
    verdicts : bool
        Whether the verdict has a column.
    """
    scale = words.protocol_scale(results.protocol)
    wide = width >= _WIDE
    padding = (0, 1) if wide else (0, 0)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, show_edge=False)
    unit = f" ({scale.change_unit.strip()})" if scale.change_unit else ""
    table.add_column("candidate", overflow="fold", min_width=None if wide else 15)
    table.add_column("strength", overflow="fold", max_width=40 if wide else 11)
    table.add_column(f"test {scale.label}", justify="right", overflow="fold")
    table.add_column(f"change{unit}", justify="right", overflow="fold")
    table.add_column("gap", justify="right", overflow="fold")
    if verdicts:
        # Where there is room for the longest verdict it stands in one line.
        room = width >= _ROOMY
        table.add_column("verdict", no_wrap=room, min_width=12, max_width=None if room else 13)
    table.add_column("s", justify="right", no_wrap=True, min_width=4)
    for row in results.recipes:
        cells = [
            _text(row.recipe, "bold" if row.recipe == results.best.recipe else ""),
            _text(_strengths(row, wide=wide)),
            _text(_score(scale, row, wide=wide)),
            _text(_change(scale, row, wide=wide)),
            _text(
                scale.difference(row.gap.mean, half_width(row.gap)).removesuffix(scale.change_unit)
            ),
            _text(number(row.seconds_per_trial, 2 if row.seconds_per_trial < 9.95 else 0)),
        ]
        if verdicts:
            symbol, word = words.SYMBOLS[row.verdict], words.VERDICTS[row.verdict]
            cells.insert(5, _text(f"{symbol} {word}", _STYLES.get(row.verdict, "")))
        table.add_row(*cells)
    return table


def render_audit(findings: Sequence[Finding]) -> tuple[RenderableType, ...]:
    """Return the audit's findings as text: severity, code, what was seen, why, what to do.

    Parameters
    ----------
    findings : sequence of Finding
    """
    parts: list[RenderableType] = []
    for finding in findings:
        severity = words.SEVERITIES.get(finding.severity, finding.severity)
        head = _text(f"{severity}: ", _SEVERITY_STYLES.get(finding.severity, ""))
        head.append(_text(finding.message))
        head.append(_text(f" [{finding.code}]", "dim"))
        body = Group(_text(f"Why: {finding.why}"), _text(f"What to do: {finding.action}"))
        parts += [head, Padding(body, (0, 0, 0, 2), expand=False)]
    return tuple(parts)


def _strengths(row: CandidateResult, *, wide: bool) -> str:
    return words.strengths(row) if wide else words.strengths(row, brief=True)


def _score(scale: Scale, row: CandidateResult, *, wide: bool) -> str:
    text = scale.value(row.test.mean, half_width(row.test))
    return _with_ends(text, scale.score_ends(row.test), wide=wide)


def _change(scale: Scale, row: CandidateResult, *, wide: bool) -> str:
    if row.delta is None:
        return ""
    text = scale.change(row.delta.mean, half_width(row.delta), unit=False)
    return _with_ends(text, scale.ends(row.delta, effect=True), wide=wide)


def _with_ends(text: str, ends: str | None, *, wide: bool) -> str:
    if ends is None:
        return text
    return f"{text} ({ends})" if wide else f"{text}\n{ends}"


def _legend(results: Results) -> str:
    protocol = results.protocol
    scale = words.protocol_scale(protocol)
    folds = protocol.folds * protocol.repeats
    intervals = f"95 % intervals over {folds} folds" if folds > 1 else words.no_interval(protocol)
    better = "" if scale.maximize else f"; a lower {scale.label} is better"
    return (
        f"Change: against the baseline in the same folds, {intervals}{better}. "
        f"Too small to matter: up to {words.margin(protocol)}. Gap: training against test. "
        "s: seconds a training."
    )


def _files(results: Results) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for what, path in results.best.files.items():
        table.add_row(_text(what), _text(path))
    return table


def _text(content: str, style: str = "") -> Text:
    """Return plain text: no markup is read from it, and no control character reaches a terminal."""
    safe = "".join(
        "\N{REPLACEMENT CHARACTER}"
        if c in _OVERRIDES or (unicodedata.category(c) == "Cc" and c != "\n")
        else c
        for c in content
    )
    return Text(safe, style=style)


def _encodable(part: RenderableType, console: Console) -> RenderableType:
    """Return what the console's encoding can carry."""
    if console.encoding.lower().replace("-", "").startswith("utf"):
        return part
    with console.capture() as capture:
        console.print(part)
    text = capture.get().translate(_ASCII)
    return Text.from_ansi(
        text.encode(console.encoding, "replace").decode(console.encoding).rstrip("\n")
    )
