"""The techniques as text and as records; neither needs Keras or JAX."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from gengap.recipe import format_number
from gengap.techniques.base import Strength, Technique

__all__ = ["description", "listing", "record"]

_WIDTH = 80


def record(technique: Technique) -> dict[str, Any]:
    """Return what is declared about a technique, for JSON.

    Parameters
    ----------
    technique : Technique

    Returns
    -------
    dict
    """
    return {
        "name": technique.name,
        "family": technique.family,
        "summary": technique.summary,
        "formula": technique.formula,
        "source": technique.source,
        "strengths": [
            {
                "name": strength.name,
                "low": strength.low,
                "high": strength.high,
                "neutral": strength.neutral,
                "grid": list(strength.grid),
                "integer": strength.integer,
            }
            for strength in technique.strengths
        ],
        "options": {option.name: list(option.choices) for option in technique.options},
        "tasks": list(technique.tasks),
        "modalities": list(technique.modalities),
        "order": technique.order,
        "cost": technique.cost,
        "convolution_cost": technique.cost_where(convolves=True),
        "replaces": list(technique.replaces),
        "excludes": list(technique.excludes),
    }


def listing(techniques: Sequence[Technique]) -> str:
    """Return the techniques by family, a line each.

    Parameters
    ----------
    techniques : sequence of Technique

    Returns
    -------
    str
    """
    width = max(len(technique.name) for technique in techniques)
    lines: list[str] = []
    for family in sorted({technique.family for technique in techniques}):
        lines.append(family)
        for technique in techniques:
            if technique.family == family:
                lines += _hanging(f"  {technique.name:<{width}}  ", technique.summary)
        lines.append("")
    return "\n".join([*lines, "More about one: gengap techniques NAME"])


def description(technique: Technique) -> str:
    """Return everything that is declared about a technique, as text.

    Parameters
    ----------
    technique : Technique

    Returns
    -------
    str
    """
    lines = [f"{technique.name} ({technique.family})", ""]
    lines += [*textwrap.wrap(technique.summary, _WIDTH), ""]
    for strength in technique.strengths:
        lines += _hanging(f"  {strength.name}: ", _strength(strength))
    for option in technique.options:
        default, *others = option.choices
        text = f"{default} (default), {', '.join(others)}"
        lines += _hanging(f"  {option.name}: ", f"{text}; {option.about}" if option.about else text)
    if technique.strengths or technique.options:
        lines.append("")
    about = {
        "Formula": technique.formula,
        "Source": technique.source,
        "For": ", ".join(technique.tasks),
        "Data": ", ".join(f"{modality}s" for modality in technique.modalities),
        "Cost": _cost(technique),
        "Replaces what a model brings": ", ".join(technique.replaces),
        "Not together with": ", ".join(technique.excludes),
        "Write it as": ", ".join(_examples(technique)),
    }
    for heading, text in about.items():
        if text:
            lines += _hanging(f"{heading}: ", text, indent=2)
    return "\n".join(lines)


def _cost(technique: Technique) -> str:
    dense, convolutional = technique.cost, technique.cost_where(convolves=True)
    if not dense:
        return ""
    if technique.modalities == ("image",):
        return f"about {dense:.0%} of the plain training step of a small convolutional network"
    if dense == convolutional:
        return f"about {dense:.0%} of a plain training step"
    return (
        f"about {dense:.0%} of the plain training step of a small dense network, "
        f"{convolutional:.0%} of that of a small convolutional one"
    )


def _strength(strength: Strength) -> str:
    kind = "whole numbers" if strength.integer else "numbers"
    text = f"{kind} from {format_number(strength.low)} to {format_number(strength.high)}"
    if strength.neutral is not None:
        text += f"; {format_number(strength.neutral)} changes nothing"
    tried = ", ".join(map(format_number, strength.grid))
    return f"{text}; left open, {'it is' if len(strength.grid) == 1 else 'one of'} {tried}"


def _examples(technique: Technique) -> list[str]:
    examples = [technique.name]
    middle = [(s.name, format_number(s.grid[len(s.grid) // 2])) for s in technique.strengths]
    if middle:
        examples.append(f"{technique.name}={middle[0][1]}")
    settings = [f"{name}={value}" for name, value in middle]
    settings += [f"{option.name}={option.choices[-1]}" for option in technique.options]
    if len(settings) > 1:
        examples.append(f"{technique.name}({', '.join(settings)})")
    return examples


def _hanging(head: str, text: str, indent: int | None = None) -> list[str]:
    gap = " " * (len(head) if indent is None else indent)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=head, subsequent_indent=gap, break_long_words=False
    )
