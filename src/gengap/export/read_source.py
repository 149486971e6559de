"""The function of a program that reads the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gengap.data.dataset import Dataset
from gengap.data.row_form import RowForm
from gengap.export.array_source import EQUAL_ARRAYS, open_arrays, reads_lengths
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Grouping, Origin, Source

__all__ = [
    "CLEANED",
    "Further",
    "Kinds",
    "classes_of",
    "is_text",
    "kinds_of",
    "read_source",
    "target_lines",
    "typed_lines",
]

#: Yields the lines that read the targets of further outputs, under a condition.
Further = Callable[[str], Iterable[str]]

_TRUE = ["true", "yes", "t", "y", "on", "1"]
_EPOCH = 'pd.Timestamp(0, tz="UTC")'


@dataclass(frozen=True)
class Kinds:
    """Names of the columns of each kind but numbers, which are all others.

    The program's lists of them end in `ending`, where it has several tables.
    """

    booleans: list[str]
    dates: list[str]
    words: list[str]
    texts: list[str]
    numbers: int
    ending: str = ""

    @property
    def lists(self) -> dict[str, list[str]]:
        """The lists of columns that are no numbers, as the program has them."""
        lists = {
            "WORDS": self.words,
            "TEXTS": self.texts,
            "YES_OR_NO": self.booleans,
            "DATES": self.dates,
        }
        return {name + self.ending: values for name, values in lists.items() if values}

    @property
    def others(self) -> list[str]:
        """Names of these lists."""
        return list(self.lists)


def kinds_of(dataset: Dataset, ending: str = "") -> Kinds:
    """Sort the columns of a dataset by kind."""

    def named(kind: str) -> list[str]:
        return [column.name for column in dataset.columns if column.kind == kind]

    return Kinds(
        named("boolean"),
        named("date"),
        named("categorical"),
        named("text"),
        len(named("numeric")),
        ending,
    )


def classes_of(dataset: Dataset, source: Source) -> list[str] | list[float]:
    """Return the classes as they are compared: as numbers where all are numbers, unless named."""
    if source.kind == "images" or "classes" in source.keys:
        return list(dataset.classes)
    try:
        numbers = [float(name) for name in dataset.classes]
    except ValueError:
        return list(dataset.classes)
    return [int(number) if number.is_integer() else number for number in numbers]


def is_text(dataset: Dataset, source: Source) -> bool:
    """Tell whether the table has to be read as words first."""
    if source.kind in ("text", "parquet"):
        return True
    return any(column.kind != "numeric" for column in dataset.columns)


def read_source(
    dataset: Dataset,
    source: Source,
    origin: Origin,
    grouping: Grouping,
    kinds: Kinds,
    form: RowForm | None = None,
    further: Further | None = None,
) -> str:
    """Return the source of ``read`` (see `gengap.export.data_source.data_source`)."""
    tensor, array = form is not None, source.has_keys
    body = list(_open(dataset, source, form))
    text = is_text(dataset, source) and not tensor
    if text:
        table = "rows" if array else "table"
        body += [line.format(table=table) for line in CLEANED]
    taken = ["TARGET"]
    if source.has_columns:
        known = "table[TARGET].notna()"
        if further is not None:
            taken.append("*OUTPUTS")
            answers = "[TARGET, *OUTPUTS]" if dataset.test is None else "answers"
            known = f"table[{answers}].notna().all(axis=1)"
        body.append(f"table = table[{known}].reset_index(drop=True)")
        if origin.groups is not None:
            taken.append(literal(origin.groups))
        if origin.weight is not None:
            taken.append(literal(origin.weight))
        missing = ', errors="ignore"' if dataset.test is not None and len(taken) > 1 else ""
        body.append(f"rows = table.drop(columns=[{', '.join(taken)}]{missing})")
    if text:
        body += typed_lines(source, kinds)
    returned = ["rows", "target"]
    body += target_lines(dataset, source)
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
    if further is not None:
        body += further("y == Y")
        returned.append("further")
    lines = [f"    {line}" if line else "" for line in body]
    argument = "" if source.kind == "bundled" else "path, x=X, y=Y" if array else "path"
    if reads_lengths(source, form):
        argument += ", lengths=LENGTHS"
    if further is not None and source.has_columns and dataset.test is not None:
        argument += ", answers=[TARGET, *OUTPUTS]"
    doc = "Read what the network learns from, and its targets."
    return "\n".join(
        [f"def read({argument}):", f'    """{doc}"""', *lines, f"    return {', '.join(returned)}"]
    )


def _open(dataset: Dataset, source: Source, form: RowForm | None) -> Iterator[str]:
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
    elif form is not None:
        yield from open_arrays(source, form)
    else:
        words = is_text(dataset, source)
        yield "arrays = np.load(path)"
        yield f'rows = pd.DataFrame(arrays[x]).add_prefix("x"){".map(str)" if words else ""}'


#: Lines that tell the empty cells of ``{table}``.
CLEANED = (
    "{table} = {table}.apply(lambda cells: cells.str.strip())",
    "{table} = {table}.mask({table}.apply(lambda cells: cells.str.lower()).isin(MISSING))",
)


def typed_lines(source: Source, kinds: Kinds) -> Iterator[str]:
    """Yield the lines that convert words to numbers, where they are some."""
    others, end = kinds.others, kinds.ending
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
        yield f"for column in YES_OR_NO{end}:"
        yield f"    yes = rows[column].str.lower().isin({literal(_TRUE)})"
        yield "    rows[column] = yes.astype(float).where(rows[column].notna())"
    if kinds.dates:
        yield f"for column in DATES{end}:"
        yield '    dates = rows[column].str.replace("/", "-")'
        yield '    dates = pd.to_datetime(dates, format="ISO8601", utc=True)'
        yield f"    rows[column] = (dates - {_EPOCH}) / pd.Timedelta(days=1)"
    if kinds.words:
        yield f'rows[WORDS{end}] = rows[WORDS{end}].fillna("<missing>")'
    if kinds.texts:
        yield f'rows[TEXTS{end}] = rows[TEXTS{end}].fillna("")'


def target_lines(dataset: Dataset, source: Source) -> Iterator[str]:
    """Yield the lines that make class codes or values of the targets that were read."""
    numbers = not dataset.classes or not isinstance(classes_of(dataset, source)[0], str)
    column = "target"
    if source.has_columns:
        column = "table[TARGET]"
        if numbers:
            convert = f'{column}.str.replace(",", ".")' if source.decimal != "." else column
            column = f"pd.to_numeric({convert})"
    elif source.has_keys:
        idx = source.kind == "idx"
        yield "target = read_idx(path / y)" if idx else "target = arrays[y]"
        if dataset.classes and not idx:
            yield "if target.ndim == 2 and target.shape[1] > 1:"
            yield "    target = target.argmax(axis=1)  # one-hot"
        if not idx:
            yield "target = target.reshape(-1)"
        if "classes" in source.keys:
            names = f'arrays["{source.keys["classes"]}"].reshape(-1)'
            yield 'if target.dtype.kind not in "US":'
            yield f"    target = {names}[target.astype(int)]"
        column = "target"
    if not dataset.classes:
        yield (
            f"target = {column}.to_numpy()"
            if source.has_columns
            else "target = target.astype(float)"
        )
    elif source.kind == "images":
        yield "target = np.array([CLASSES.index(file.parent.name) for file in files])"
    elif source.has_keys:
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
    yield "# Of equal rows one is kept."
    if tensor:
        yield f"equal = {EQUAL_ARRAYS}"
        yield 'first = ~pd.DataFrame({"rows": equal, "target": target}).duplicated().to_numpy()'
        yield f"{names} = {', '.join(f'{name}[first]' for name in returned)}"
        return
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
        equal = EQUAL_ARRAYS
    else:
        looked_at = (
            f"rows.drop(columns={literal(list(grouping.ignored))})" if grouping.ignored else "rows"
        )
        equal = f"pd.util.hash_pandas_object({looked_at}, index=False).to_numpy()"
    yield f"groups = joined({given}, {equal})" if given else f"groups = {equal}"
