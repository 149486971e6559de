"""The part of a program that reads the data and prepares them for a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from gengap.data.dataset import IN_MEMORY, Dataset
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Grouping, Origin, Source
from gengap.export.read_source import Kinds, classes_of, is_text, kinds_of, read_source

__all__ = ["DataSource", "data_source"]

_MISSING = ["", "?", "<null>", "na", "nan", "none", "null"]


@dataclass(frozen=True)
class DataSource:
    """Source text that reads and prepares data.

    Attributes
    ----------
    imports : tuple of str
    constants : tuple of str
        Statements.
    functions : tuple of str
        ``read``, which returns a table or a tensor with its targets and what belongs to its rows,
        and ``prepare``, which returns what the network sees.
    hint : str
        How to write the file that the program reads, where the data were in memory.
    """

    imports: tuple[str, ...]
    constants: tuple[str, ...]
    functions: tuple[str, ...]
    hint: str = ""


def data_source(dataset: Dataset, source: Source, origin: Origin, grouping: Grouping) -> DataSource:
    """Write the functions that read and prepare the data of a study.

    ``read(path)`` returns ``rows``, a table or array of inputs; ``target``, class codes or values;
    and where the study has them ``weights`` and ``groups``.
    """
    tensor = not isinstance(dataset.rows.features, pd.DataFrame)
    kinds = kinds_of(dataset)
    imports = {"from sklearn import datasets"} if source.kind == "bundled" else set()
    constants = list(_constants(dataset, source, origin, kinds))
    functions = [read_source(dataset, source, origin, grouping, kinds, tensor)]
    if not tensor:
        functions.append(_prepare(kinds))
        if kinds.numbers + len(kinds.booleans) + len(kinds.dates):
            imports |= {
                "from sklearn.impute import SimpleImputer",
                "from sklearn.pipeline import make_pipeline",
                "from sklearn.preprocessing import StandardScaler",
            }
    if grouping.given and grouping.copies and dataset.test is None:
        functions.insert(0, _JOINED)
        imports.add("from scipy.sparse import coo_array")
        imports.add("from scipy.sparse.csgraph import connected_components")
    return DataSource(
        tuple(sorted(imports)), tuple(constants), tuple(functions), _hint(dataset, source, origin)
    )


_JOINED = '''\
def joined(first, second):
    """Join two groupings: rows that share a group in either share one in the result."""
    first, second = pd.factorize(first)[0], pd.factorize(second)[0]
    size = first.max() + second.max() + 2
    edges = coo_array((np.ones(len(first)), (first, first.max() + 1 + second)), (size, size))
    return connected_components(edges, directed=False)[1][first]'''


def _constants(dataset: Dataset, source: Source, origin: Origin, kinds: Kinds) -> Iterator[str]:
    if source.kind != "bundled":
        yield f"DATA = {literal(source.path)}"
    if source.kind == "arrays":
        yield f"X, Y = {literal(source.keys['x'])}, {literal(source.keys['y'])}"
        if dataset.test is not None:
            names = source.keys["x_test"], source.keys["y_test"]
            yield f"X_TEST, Y_TEST = {literal(names[0])}, {literal(names[1])}"
    if dataset.test is not None and source.kind != "arrays":
        yield f"TEST = {literal(origin.test or 'test.csv')}"
    if source.kind != "arrays":
        yield f"TARGET = {literal(dataset.target_name)}"
    if dataset.classes:
        yield statement("CLASSES = ", literal(classes_of(dataset)))
    for name, values in (
        ("WORDS", kinds.words),
        ("YES_OR_NO", kinds.booleans),
        ("DATES", kinds.dates),
    ):
        if values:
            yield statement(f"{name} = ", literal(values))
    if is_text(dataset, source):
        missing = [*_MISSING, "<na>", "nat"] if source.kind == "parquet" else _MISSING
        yield statement("MISSING = ", literal(missing))


def _prepare(kinds: Kinds) -> str:
    lines = [
        "def prepare(rows, training):",
        '    """Fill, scale and encode rows, by what the training rows say."""',
    ]
    numeric = bool(kinds.numbers + len(kinds.booleans) + len(kinds.dates))
    if numeric:
        numbers = "rows"
        if kinds.words:
            lines.append("    numbers = rows.drop(columns=WORDS)")
            numbers = "numbers"
        lines += [
            '    fill = SimpleImputer(strategy="median", keep_empty_features=True)',
            "    scaler = make_pipeline(fill, StandardScaler())",
            f"    scaler.fit({numbers}.iloc[training])",
        ]
        if not kinds.words:
            lines.append('    return scaler.transform(rows).astype("float32")')
            return "\n".join(lines)
    lines += [
        "    words = pd.get_dummies(rows[WORDS], dtype=float)",
        "    # A word that the training rows lack is as good as none.",
        "    words = words * words.iloc[training].any()",
    ]
    both = "np.hstack([scaler.transform(numbers), words])" if numeric else "words.to_numpy()"
    lines.append(f'    return {both}.astype("float32")')
    return "\n".join(lines)


def _hint(dataset: Dataset, source: Source, origin: Origin) -> str:
    if dataset.source not in IN_MEMORY:
        return ""
    if source.kind == "arrays":
        arguments = ", ".join(f"{key}={key}" for key in source.keys)
        call = f"np.savez({literal(source.path)}, {arguments})"
        return f"The data were in memory: write them with {call}."
    columns = [dataset.target_name, *filter(None, (origin.weight, origin.groups))]
    return (
        f"The data were in memory: write them, with {', '.join(columns)} among the columns, with "
        f"table.to_csv({literal(source.path)}, index=False)."
    )
