"""The report as one HTML file: no network, readable without JavaScript, light and dark."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gengap.report import page, words
from gengap.report.canvas import NARROW, WIDE
from gengap.report.figures import PageFigure, forest
from gengap.report.palette import custom_properties
from gengap.report.svg import Styles, svg
from gengap.results import Results

__all__ = ["render_html", "render_notebook"]

_UNITS = re.compile(r"(?<=[\d.]) (?=%|points?\b|s\b|min\b|h\b|×)|(?<=×) (?=10)|(?<=[<>±]) (?=\d)")


def render_html(results: Results, source: str | None = None) -> str:
    """Return the report of a study.

    Parameters
    ----------
    results : Results
        As `gengap.report.words.with_words` leaves them; missing sentences are made.
    source : str, optional
        The refitted recipe as Keras source text.

    Returns
    -------
    str
        One HTML document that loads nothing; the same results give the same text.
    """
    results = words.with_words(results)
    styles = Styles()
    sections = {
        name: [_drawn(figure, styles) for figure in found]
        for name, found in page.page_figures(results).items()
    }
    css = _stylesheet() + styles.css()
    script = _resource("report.js")
    lead = words.lead(results)
    is_provisional = bool(words.provisional(results))
    name = str(results.dataset.get("name", "your data"))
    tone = "better" if lead is not None else ""
    sentences = [words.honest(results), words.holdout(results), _own(results)]
    context: dict[str, Any] = {
        **dict.fromkeys(_FIGURES, ()),
        **sections,
        "policy": f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "css": Markup(css),  # noqa: S704, its hash is in the policy
        "script": Markup(script),  # noqa: S704, likewise
        "gengap": results.gengap,
        "name": name,
        "heading": f"Which regularization helps on {name}?",
        "facts": page.facts(results),
        "sections": _sections(is_provisional=is_provisional),
        "is_provisional": is_provisional,
        "tone": "provisional" if is_provisional else tone,
        "headline": results.headline,
        "cards": page.cards(results),
        "sentences": [sentence for sentence in sentences if sentence],
        "source": source,
        "would_change": words.what_would_change(results),
        "findings": [
            {**dataclasses.asdict(f), "word": words.severity(f, results.allowed)}
            for f in words.by_severity(results.audit)
        ],
        "diverged": words.diverged(results),
        "notes": results.notes,
        "augmented": page.augmented(results),
        "diagnosis": results.diagnosis,
        "verdicts": [words.verdict(row, results.protocol) for row in results.recipes[1:]],
        "edges": _edges(results),
        "why": page.why(results),
        "cost": _cost(results),
        "again": page.again(results),
        "table": page.all_results(results),
        "details": page.all_details(results),
        "method": page.method(results),
        "command": results.protocol.command,
        "settings": page.settings(results),
        "limits": words.LIMITS,
        "glossary": words.GLOSSARY,
    }
    return _environment().get_template("report.html").render(page=context) + "\n"


def render_notebook(results: Results) -> str:
    """Return what a notebook shows of a study: the verdict and the forest plot.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        HTML that stands for itself: no script, and no style that reaches beyond it.
    """
    styles = Styles()
    parts = [f'<p class="said">{escape(results.headline or words.headline(results))}</p>']
    if len(results.recipes) > 1:
        figure = forest(results)
        parts.append(_markup(figure, styles, WIDE, f"nb-{_short(results)}"))
    css = (
        f".gengap{{{custom_properties('light')}color:var(--ink);background:var(--paper);"
        "padding:.5rem 1rem;max-width:58rem;font-family:system-ui,sans-serif}"
        ".gengap svg{max-width:100%;height:auto}"
        ".gengap .said{font-weight:600}"
    )
    scoped = re.sub(r"\.(g\d+)\{", r".gengap .\1{", styles.css())
    return f'<div class="gengap"><style>{css}{scoped}</style>{"".join(parts)}</div>'


_FIGURES = (
    "gap_figures",
    "effect_figures",
    "dose_figures",
    "why_figures",
    "cost_figures",
    "choice_figures",
)


def _drawn(figure: PageFigure, styles: Styles) -> dict[str, Any]:
    wide = _markup(figure, styles, WIDE, f"{figure.key}-w")
    narrow = _markup(figure, styles, NARROW, f"{figure.key}-n")
    return {
        "key": figure.key,
        "question": figure.question,
        "reading": figure.reading,
        "table": figure.table,
        "wide": Markup(wide),  # noqa: S704, svg() escapes every text
        "narrow": Markup(narrow),  # noqa: S704, likewise
    }


def _markup(figure: PageFigure, styles: Styles, width: float, key: str) -> str:
    chart = figure.draw(width)
    return svg(chart, styles, key=key, title=figure.title, description=figure.description)


def _sections(*, is_provisional: bool) -> list[tuple[str, str]]:
    sections = list(page.SECTIONS)
    if is_provisional:
        sections[0], sections[1] = sections[1], sections[0]
    return sections


def _own(results: Results) -> str:
    clause = words.existing(results)
    return "" if clause is None else clause[0].upper() + clause[1:] + "."


def _edges(results: Results) -> str:
    edges = words.at_edge(results)
    if not edges:
        return ""
    return (
        f"The best strength of {', '.join(edges)} lies at the edge of what was tried: strengths "
        "beyond it may do better."
    )


def _cost(results: Results) -> str:
    if not results.recipes:
        return "Nothing was trained."
    winner = words.winner(results)
    return f"{words.called(winner.recipe)}: {words.cost(results, winner)}."


def _short(results: Results) -> str:
    return hashlib.sha256(results.to_json().encode()).hexdigest()[:8]


def _stylesheet() -> str:
    light, dark = custom_properties("light"), custom_properties("dark")
    return (
        f":root{{{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"
        f":root[data-theme=dark]{{{dark}}}"
        f"{_resource('report.css')}"
        f"@media print{{:root:root:root{{{light}}}}}"
    )


def _resource(name: str) -> str:
    return (resources.files("gengap.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _prose(text: str) -> str:
    """Keep a number and its unit on one line."""
    return _UNITS.sub("\N{NO-BREAK SPACE}", text)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gengap.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment
