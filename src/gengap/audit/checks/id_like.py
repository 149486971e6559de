"""Columns that say which row it is, not what it is like."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from gengap.audit.base import Check, Subject
from gengap.audit.columns import FEW_VALUES, numbers_the_rows
from gengap.wording import listed, plural

__all__ = ["CHECK"]

# "row_id", "PassengerId", "id of customer", "Unnamed: 0"; not "humid", "body-mass-index" or "rows".
ID_WORD = re.compile(r"(?:^|[\s_.:-])(?:id|uuid|guid)(?:$|[\s_.:-])|^unnamed: \d+$", re.IGNORECASE)
ID_CAMEL = re.compile(r"[a-z]I[dD]$")
ID_WHOLE = frozenset({"index", "idx", "key", "row", "rownum", "nr", "no", "number"})

# By its name alone a column is an id only where its values are many: a store_id of a few stores is
# a category.
NAMED_SHARE = 0.05


def run(subject: Subject) -> Iterator[str]:
    table = subject.table
    if table is None:
        return
    columns = subject.dataset.columns
    # Of several inputs they are called otherwise: by their input first.
    inputs = subject.dataset.inputs.values() or [columns]
    own = [column.name for some in inputs for column in some]
    found = [
        column.name
        for column, name in zip(columns, own, strict=True)
        if is_id_like(name, table[column.name], column.kind)
    ]
    if not found:
        return
    verb = "tells" if len(found) == 1 else "tell"
    different = listed([f"'{name}' ({table[name].nunique():,} different values)" for name in found])
    yield f"{plural(len(found), 'column')} {verb} rows apart like an id: {different}"


def is_id_like(name: str, values: pd.Series, kind: str) -> bool:
    """Say whether a column numbers or names rows.

    True where the values do (`gengap.audit.columns.numbers_the_rows`); and for columns that are
    called like an id and hold whole numbers or text with over 20 different values that make up
    at least 5 % of the rows.

    Parameters
    ----------
    name : str
    values : Series (n,)
    kind : {"numeric", "boolean", "date", "categorical", "text"}

    Returns
    -------
    bool
    """
    if numbers_the_rows(values, kind):
        return True
    if kind not in ("numeric", "categorical") or not _called_like_an_id(name):
        return False
    known = values.dropna()
    if kind == "numeric" and (known % 1 != 0).any():
        return False
    different = known.nunique()
    return bool(different > FEW_VALUES and different >= NAMED_SHARE * len(known))


def _called_like_an_id(name: str) -> bool:
    return bool(
        ID_WORD.search(name) or ID_CAMEL.search(name) or name.strip().casefold() in ID_WHOLE
    )


CHECK = Check(
    code="id-like-columns",
    severity="warn",
    title="Columns like an id",
    why=(
        "A network can learn rows by heart from them, and where rows are sorted they give the "
        "target away; new rows have other ids."
    ),
    action=(
        "Remove them from the table. If one names whom several rows belong to, give it as "
        "--groups, which also keeps it out of the inputs."
    ),
    run=run,
)
