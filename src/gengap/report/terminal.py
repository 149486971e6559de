"""The result as text: one sentence, one table, what the audit found, where the files are.

Every verdict has a symbol and words beside its colour, so nothing is lost without colour, and the
table keeps to 80 columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gengap.report import words
from gengap.report.numbers import Scale, common_spread, number
from gengap.results import Finding, Results
from gengap.statistics.records import Verdict
from gengap.wording import plural

__all__ = ["print_results", "render_audit", "render_results", "result_table"]

_WIDE = 130  # from this width a number and its interval fit side by side
_TEXTS = ("candidate", "strength", "verdict")  # the columns of words
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
    table = result_table(results, width=width, verdicts=verdicts)
    parts.append(table)
    if not verdicts:
        return tuple(parts)
    timed = table.columns[-1].header == "s"
    parts.append(_text(_legend(results, timed=timed), "dim"))
    parts += [_text(f"Diverged: {line}.") for line in words.diverged(results)]
    parts += [Text(), _text(results.diagnosis or words.diagnosis(results))]
    parts.append(_text(words.honest(results)))
    if results.holdout is not None:
        parts.append(_text(words.holdout(results)))
    shown = [finding for finding in words.by_severity(results.audit) if finding.severity != "note"]
    if results.audit:
        parts += [Text(), *render_audit(shown, let_pass=results.allowed)]
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
    unit = f" ({scale.change_unit.strip()})" if scale.change_unit else ""
    columns = {
        "candidate": [row.recipe for row in results.recipes],
        "strength": [words.strengths(row, brief=not wide) for row in results.recipes],
        f"test {scale.label}": _scores(scale, results, wide=wide),
        f"change{unit}": _changes(scale, results, wide=wide),
        "gap": _gaps(scale, results),
        "verdict": [
            f"{words.SYMBOLS[r.verdict]} {words.VERDICTS[r.verdict]}" for r in results.recipes
        ],
        "s": _seconds(results),
    }
    if not verdicts:
        del columns["verdict"]
    given = {} if wide else _text_widths(columns, width)
    if given is None:
        del columns["s"]
        given = _text_widths(columns, width)
    if given is None:
        columns[f"test {scale.label}"] = _scores(scale, results, wide=wide, ends=False)
        given = _text_widths(columns, width) or {"candidate": 15, "strength": 11, "verdict": 13}
    padding = (0, 1) if wide else (0, 0)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, show_edge=False)
    for name in columns:
        justify: Literal["left", "right"] = "left" if name in _TEXTS else "right"
        table.add_column(
            name, justify=justify, overflow="fold", width=given.get(name), no_wrap=name == "s"
        )
    for row, *cells in zip(results.recipes, *columns.values(), strict=True):
        styles = {
            "candidate": "bold" if row.recipe == results.best.recipe else "",
            "verdict": _STYLES.get(row.verdict, ""),
        }
        table.add_row(
            *(_text(cell, styles.get(name, "")) for name, cell in zip(columns, cells, strict=True))
        )
    return table


def _text_widths(columns: Mapping[str, Sequence[str]], width: int) -> dict[str, int] | None:
    """Share the room that numbers leave among the columns of words, so that rows take two lines.

    None where there is too little room for that.
    """
    numbers = {
        name: max(cell_len(word) for cell in cells for word in (*cell.split("\n"), *name.split()))
        for name, cells in columns.items()
        if name not in _TEXTS
    }
    room = width - sum(numbers.values()) - (len(columns) - 1)
    texts = {name: cells for name, cells in columns.items() if name in _TEXTS}
    widths = {n: max(cell_len(n), *map(_in_two_lines, cells)) for n, cells in texts.items()}
    if sum(widths.values()) > room:
        return None
    for name in ("verdict", "candidate", "strength"):
        if name in texts:
            longest = max(map(cell_len, texts[name]))
            spare = room - sum(widths.values())
            widths[name] += max(0, min(spare, longest - widths[name]))
    return {**numbers, **widths}


def _in_two_lines(text: str) -> int:
    """Return the least width in which a text takes two lines, broken at blanks."""
    parts = text.split(" ")
    return min(
        max(cell_len(" ".join(parts[:at])), cell_len(" ".join(parts[at:])))
        for at in range(1, len(parts) + 1)
    )


def render_audit(
    findings: Sequence[Finding], *, let_pass: Sequence[str] = ()
) -> tuple[RenderableType, ...]:
    """Return the audit's findings as text: severity, code, what was seen, why, what to do.

    Parameters
    ----------
    findings : sequence of Finding
    let_pass : sequence of str
        Codes of refusing findings that the user let pass, which is said with them.
    """
    parts: list[RenderableType] = []
    for finding in findings:
        severity = words.severity(finding, let_pass)
        head = _text(f"{severity}: ", _SEVERITY_STYLES.get(finding.severity, ""))
        head.append(_text(finding.message))
        head.append(_text(f" [{finding.code}]", "dim"))
        body = Group(_text(f"Why: {finding.why}"), _text(f"What to do: {finding.action}"))
        parts += [head, Padding(body, (0, 0, 0, 2), expand=False)]
    return tuple(parts)


def _gaps(scale: Scale, results: Results) -> list[str]:
    spread = common_spread(row.gap for row in results.recipes)
    return [
        scale.difference(row.gap.mean, spread).removesuffix(scale.change_unit)
        for row in results.recipes
    ]


def _seconds(results: Results) -> list[str]:
    slowest = max((row.seconds_per_trial for row in results.recipes), default=0.0)
    return [number(row.seconds_per_trial, 2 if slowest < 9.95 else 0) for row in results.recipes]


def _scores(scale: Scale, results: Results, *, wide: bool, ends: bool = True) -> list[str]:
    # The digits of the changes: else scores look equal that differ, or the other way round.
    spread = common_spread(row.delta for row in results.recipes)
    return [
        _with_ends(
            scale.value(row.test.mean, spread),
            scale.score_ends(row.test, spread) if ends else None,
            wide=wide,
        )
        for row in results.recipes
    ]


def _changes(scale: Scale, results: Results, *, wide: bool) -> list[str]:
    spread = common_spread(row.delta for row in results.recipes)
    return [
        ""
        if row.delta is None
        else _with_ends(
            scale.change(row.delta.mean, spread, unit=False),
            scale.ends(row.delta, effect=True, s=spread),
            wide=wide,
        )
        for row in results.recipes
    ]


def _with_ends(text: str, ends: str | None, *, wide: bool) -> str:
    if ends is None:
        return text
    return f"{text} ({ends})" if wide else f"{text}\n{ends}"


def _legend(results: Results, *, timed: bool) -> str:
    protocol = results.protocol
    scale = words.protocol_scale(protocol)
    folds = protocol.folds * protocol.repeats
    intervals = f"95 % intervals over {folds} folds" if folds > 1 else words.no_interval(protocol)
    better = "" if scale.maximize else f"; a lower {scale.label} is better"
    return (
        f"Change: against the baseline in the same folds, {intervals}{better}. "
        f"Too small to matter: up to {words.margin(protocol)}. Gap: training against test."
        + (" s: seconds a training." if timed else "")
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
