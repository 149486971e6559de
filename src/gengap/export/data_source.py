"""The part of a program that reads the data and prepares them for a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from gengap.data.dataset import IN_MEMORY, Dataset
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Grouping, Origin, Source

__all__ = ["DataSource", "data_source"]

_MISSING = ["", "?", "<null>", "na", "nan", "none", "null"]
_TRUE = ["true", "yes", "t", "y", "on", "1"]
_EPOCH = 'pd.Timestamp(0, tz="UTC")'


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


@dataclass(frozen=True)
class _Kinds:
    """Names of the columns of each kind but numbers, which are all others."""

    booleans: list[str]
    dates: list[str]
    words: list[str]
    numbers: int


def data_source(dataset: Dataset, source: Source, origin: Origin, grouping: Grouping) -> DataSource:
    """Write the functions that read and prepare the data of a study.

    ``read(path)`` returns ``rows``, a table or array of inputs; ``target``, class codes or values;
    and where the study has them ``weights`` and ``groups``.
    """
    tensor = not isinstance(dataset.rows.features, pd.DataFrame)
    kinds = _kinds(dataset)
    imports = {"from sklearn import datasets"} if source.kind == "bundled" else set()
    constants = list(_constants(dataset, source, origin, kinds))
    functions = [_read(dataset, source, origin, grouping, kinds, tensor)]
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


def _kinds(dataset: Dataset) -> _Kinds:
    def named(kind: str) -> list[str]:
        return [column.name for column in dataset.columns if column.kind == kind]

    return _Kinds(named("boolean"), named("date"), named("categorical"), len(named("numeric")))


def _constants(dataset: Dataset, source: Source, origin: Origin, kinds: _Kinds) -> Iterator[str]:
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
        yield statement("CLASSES = ", literal(_classes(dataset)))
    for name, values in (
        ("WORDS", kinds.words),
        ("YES_OR_NO", kinds.booleans),
        ("DATES", kinds.dates),
    ):
        if values:
            yield statement(f"{name} = ", literal(values))
    if _is_text(dataset, source):
        missing = [*_MISSING, "<na>", "nat"] if source.kind == "parquet" else _MISSING
        yield statement("MISSING = ", literal(missing))


def _classes(dataset: Dataset) -> list[str] | list[float]:
    """Return the classes as they are compared: as numbers where all are numbers."""
    try:
        numbers = [float(name) for name in dataset.classes]
    except ValueError:
        return list(dataset.classes)
    return [int(number) if number.is_integer() else number for number in numbers]


def _is_text(dataset: Dataset, source: Source) -> bool:
    """Tell whether the table has to be read as words first."""
    if source.kind in ("text", "parquet"):
        return True
    return any(column.kind != "numeric" for column in dataset.columns)


def _read(
    dataset: Dataset,
    source: Source,
    origin: Origin,
    grouping: Grouping,
    kinds: _Kinds,
    tensor: bool,
) -> str:
    body = list(_open(dataset, source, tensor))
    array = source.kind == "arrays"
    text = _is_text(dataset, source) and not tensor
    if text:
        table = "rows" if array else "table"
        body += [
            f"{table} = {table}.apply(lambda cells: cells.str.strip())",
            f"{table} = {table}.mask({table}.apply(lambda cells: cells.str.lower()).isin(MISSING))",
        ]
    taken = ["TARGET"]
    if not array:
        body.append("table = table[table[TARGET].notna()].reset_index(drop=True)")
        if origin.groups is not None:
            taken.append(literal(origin.groups))
        if origin.weight is not None:
            taken.append(literal(origin.weight))
        missing = ', errors="ignore"' if dataset.test is not None and len(taken) > 1 else ""
        body.append(f"rows = table.drop(columns=[{', '.join(taken)}]{missing})")
    if text:
        body += _typed(source, kinds)
    returned = ["rows", "target"]
    body += _target(dataset, source)
    if dataset.rows.weights is not None:
        if array:
            body.append('weights = arrays["sample_weight"]')
        else:
            # A test part has no weights.
            column = literal(origin.weight)
            cells = f"table.get({column}, pd.Series(1.0, table.index))"
            if dataset.test is None:
                cells = f"table[{column}]"
            body.append(f"weights = pd.to_numeric({cells}).to_numpy()")
        returned.append("weights")
    if origin.dropped_copies:
        body += _drop_copies(tensor, returned)
    if dataset.rows.groups is not None and dataset.test is None:
        body += _groups(source, origin, grouping, tensor)
        returned.append("groups")
    lines = [f"    {line}" if line else "" for line in body]
    argument = {"bundled": "", "arrays": "path, x=X, y=Y"}.get(source.kind, "path")
    doc = "Read what the network learns from, and its targets."
    return "\n".join(
        [f"def read({argument}):", f'    """{doc}"""', *lines, f"    return {', '.join(returned)}"]
    )


def _open(dataset: Dataset, source: Source, tensor: bool) -> Iterator[str]:
    if source.kind == "text":
        separator = f", sep={literal(source.separator)}" if source.separator != "," else ""
        options = f"{separator}, dtype=str, keep_default_na=False, skipinitialspace=True"
        yield from statement("table = ", f"pd.read_csv(path{options})").splitlines()
        if source.unnamed:
            names = {f"Unnamed: {place - 1}": f"column {place}" for place in source.unnamed}
            yield f"table = table.rename(columns={literal(names)})"
        yield "table = table.rename(columns=str.strip)"
    elif source.kind == "parquet":
        yield "table = pd.read_parquet(path).map(str)"
    elif source.kind == "bundled":
        yield f"bunch = datasets.load_{source.path}(as_frame=True)"
        target = "bunch.target_names[bunch.target]" if dataset.classes else "bunch.target"
        yield f"table = bunch.data.assign(**{{TARGET: {target}}})"
    else:
        yield "arrays = np.load(path)"
        if tensor:
            yield "rows = arrays[x]"
        else:
            words = _is_text(dataset, source)
            yield f'rows = pd.DataFrame(arrays[x]).add_prefix("x"){".map(str)" if words else ""}'


def _typed(source: Source, kinds: _Kinds) -> Iterator[str]:
    """Convert words to numbers, where they are some."""
    others = [
        name
        for name, values in (
            ("WORDS", kinds.words),
            ("YES_OR_NO", kinds.booleans),
            ("DATES", kinds.dates),
        )
        if values
    ]
    convert = "pd.to_numeric"
    if source.decimal != ".":
        convert = 'lambda cells: pd.to_numeric(cells.str.replace(",", "."))'
    if not others:
        yield f"rows = rows.apply({convert})"
        return
    if kinds.numbers:
        listed = others[0] if len(others) == 1 else "[" + ", ".join(f"*{n}" for n in others) + "]"
        yield f"numbers = rows.columns.drop({listed})"
        yield f"rows[numbers] = rows[numbers].apply({convert})"
    if kinds.booleans:
        yield "for column in YES_OR_NO:"
        yield f"    yes = rows[column].str.lower().isin({literal(_TRUE)})"
        yield "    rows[column] = yes.astype(float).where(rows[column].notna())"
    if kinds.dates:
        yield "for column in DATES:"
        yield '    dates = rows[column].str.replace("/", "-")'
        yield '    dates = pd.to_datetime(dates, format="ISO8601", utc=True)'
        yield f"    rows[column] = (dates - {_EPOCH}) / pd.Timedelta(days=1)"
    if kinds.words:
        yield 'rows[WORDS] = rows[WORDS].fillna("<missing>")'


def _target(dataset: Dataset, source: Source) -> Iterator[str]:
    numbers = not dataset.classes or not isinstance(_classes(dataset)[0], str)
    if source.kind != "arrays":
        column = "table[TARGET]"
        if numbers:
            convert = f'{column}.str.replace(",", ".")' if source.decimal != "." else column
            column = f"pd.to_numeric({convert})"
    else:
        yield "target = arrays[y]"
        if dataset.classes:
            yield "if target.ndim == 2 and target.shape[1] > 1:"
            yield "    target = target.argmax(axis=1)  # one-hot"
        yield "target = target.reshape(-1)"
        if "classes" in source.keys:
            yield f'target = arrays["{source.keys["classes"]}"].reshape(-1)[target]'
        column = "target"
    if not dataset.classes:
        yield (
            f"target = {column}.to_numpy()"
            if source.kind != "arrays"
            else "target = target.astype(float)"
        )
    elif source.kind == "arrays":
        kind = "" if numbers else "str"
        yield (
            f"target = np.array([CLASSES.index({kind}(value)) for value in target])"
            if kind
            else ("target = np.array([CLASSES.index(value) for value in target])")
        )
    else:
        yield f"target = {column}.map(CLASSES.index).to_numpy()"


def _drop_copies(tensor: bool, returned: list[str]) -> Iterator[str]:
    names = ", ".join(returned)
    if tensor:
        yield "flat = np.column_stack([rows.reshape(len(rows), -1), target])"
        yield "first = np.sort(np.unique(flat, axis=0, return_index=True)[1])"
        yield f"{names} = {', '.join(f'{name}[first]' for name in returned)}"
        return
    yield "# Of equal rows one is kept."
    yield 'first = ~rows.assign(**{" target": target}).duplicated().to_numpy()'
    kept = ["rows[first].reset_index(drop=True)", *(f"{name}[first]" for name in returned[1:])]
    yield f"{names} = {', '.join(kept)}"


def _groups(source: Source, origin: Origin, grouping: Grouping, tensor: bool) -> Iterator[str]:
    given = ""
    if grouping.given and source.kind == "arrays":
        given = f'arrays["{source.keys.get("groups", "groups")}"]'
    elif grouping.given:
        given = f"table[{literal(origin.groups)}]"
    if not grouping.copies:
        yield f"groups = pd.factorize({given})[0]"
        return
    yield "# Equal rows stay on one side of a split."
    if tensor:
        equal = "np.unique(rows.reshape(len(rows), -1), axis=0, return_inverse=True)[1]"
    else:
        looked_at = (
            f"rows.drop(columns={literal(list(grouping.ignored))})" if grouping.ignored else "rows"
        )
        equal = f"pd.util.hash_pandas_object({looked_at}, index=False).to_numpy()"
    yield f"groups = joined({given}, {equal})" if given else f"groups = {equal}"


def _prepare(kinds: _Kinds) -> str:
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
