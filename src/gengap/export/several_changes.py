"""What techniques change of several inputs, as a plain program writes it: input by input."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gengap.data.row_form import RowForm
from gengap.export.expressions import literal
from gengap.export.refusal import refusal
from gengap.lanes.inputs import InputKind, served
from gengap.plain_steps import of_each, of_flat, plain_inputs_source, without_padding
from gengap.techniques.base import PlainKeras, Technique

__all__ = ["of_several_inputs"]

#: What an expression names of one input's rows; the program has it by the inputs' names.
_OF_INPUT = re.compile(r"\b(columns|value_range)\b")


def of_several_inputs(
    technique: Technique,
    plain: PlainKeras,
    kinds: Mapping[str, InputKind],
    forms: Mapping[str, RowForm | None],
) -> PlainKeras:
    """Return how a technique is written for a network with several inputs.

    Parameters
    ----------
    technique : Technique
    plain : PlainKeras
        As it is written for one input.
    kinds : mapping of str to InputKind
    forms : mapping
        Of images and sequences, as the network takes them; None for tables.

    Raises
    ------
    UserError
        ``no-plain-source``, where the gradient by inputs is asked for.
    """
    if plain.batches is None:
        if technique.of_numbers and plain.network is not None:
            raise refusal(
                f"how {technique.name} changes several inputs cannot be said in few lines"
            )
        return plain
    parts: dict[Callable[..., Any], None] = {of_each: None}
    changes = []
    for one in served(technique, kinds):
        named = literal(one).replace("\\", r"\\")
        change = _OF_INPUT.sub(rf"\1[{named}]", plain.batches)
        form = forms[one]
        if form is not None and form.padding is not None:
            change = f"without_padding({change}, {literal(form.padding)})"
            parts[without_padding] = None
        if form is not None and form.modality == "image" and len(form.shape) == 2:
            change = f"of_flat({change})"
            parts[of_flat] = None
        changes.append(f"({literal(one)}, {change})")
    mixing = ", mixing=True" if technique.mixes else ""
    # Names may hold braces, which stand for blanks in the expression of a network.
    batches = f"of_each({', '.join(changes)}{mixing})".replace("{", "{{").replace("}", "}}")
    return replace(
        plain,
        shared_definitions=(*plain.shared_definitions, *map(plain_inputs_source, parts)),
        network=f"with_batches({{network}}, {batches})",
    )
