"""The part of a program that reads and prepares several inputs, each by itself.

They were in memory: arrays are read from one archive, with a key for each input, and tables that
are no plain numbers from a text file each, which lie beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gengap.audit.columns import numbers_the_rows
from gengap.data.dataset import Dataset
from gengap.data.row_form import RowForm
from gengap.export.array_source import EQUAL_ARRAYS
from gengap.export.data_source import (
    JOINED,
    MISSING,
    DataSource,
    Prepared,
    column_lists,
    prepared_input,
)
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Grouping, Origin, Source
from gengap.export.outputs_source import OutputsSource
from gengap.export.read_source import (
    CLEANED,
    Kinds,
    classes_of,
    kinds_of,
    target_lines,
    typed_lines,
)
from gengap.export.refusal import refusal

__all__ = ["TAKEN", "several_source", "source_of_several"]

#: The function that takes some rows of all inputs.
TAKEN = '''\
def taken(inputs, rows):
    """Return some of the rows of every input."""
    return {name: values[rows] for name, values in inputs.items()}'''

#: The function that tells equal rows of an input.
_CODES = f'''\
def codes(rows):
    """Give equal rows of an input equal codes."""
    if isinstance(rows, pd.DataFrame):
        return pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return {EQUAL_ARRAYS}'''

_ARCHIVE = "data.npz"
_LONGEST_NAME = 20
_CSV = Source("text", _ARCHIVE)


@dataclass(frozen=True, eq=False)
class _Input:
    """One input as the program has it: its name, and how it is read and prepared."""

    name: str
    dataset: Dataset
    kinds: Kinds
    form: RowForm | None
    prepared: Prepared
    file: str

    @property
    def key(self) -> str:
        """Its array in the archive."""
        return f"x_{self.name}" if self.name in ("y", "groups", "sample_weight") else self.name

    @property
    def is_file(self) -> bool:
        """Whether it is a text file: a table with names, or with something else than numbers."""
        names = [column.name for column in self.dataset.columns]
        plain = names == [f"x{i}" for i in range(len(names))] and not self.kinds.others
        return self.form is None and not plain

    @property
    def rows(self) -> str:
        """Expression of its rows."""
        key = f"{literal(self.key)} + ending"
        if self.is_file:
            name = literal(f"{self.file}{{ending}}.csv")
            return f"read{self.kinds.ending}(Path(path).with_name(f{name}))"
        if self.form is None:
            return f'pd.DataFrame(arrays[{key}]).add_prefix("x")'
        if self.form.modality == "image":
            return f"arrays[{key}].reshape(-1, {', '.join(map(str, self.form.shape))})"
        return f"arrays[{key}]"

    def read(self) -> str:
        """Return the function that reads its text file."""
        lines = [
            "rows = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)",
            "rows = rows.rename(columns=str.strip)",
            *(line.format(table="rows") for line in CLEANED),
            *typed_lines(_CSV, self.kinds),
            "return rows",
        ]
        doc = f"Read the table of the input {_plain(self.name)}."
        head = [f"def read{self.kinds.ending}(path):", f'    """{doc}"""']
        return "\n".join([*head, *(f"    {line}" for line in lines)])

    def written(self) -> str:
        """Say how its rows are written where the program finds them."""
        rows = f"x[{literal(self.name)}]"
        if self.dataset.columns[0].name == "x0":
            rows = f'pd.DataFrame({rows}).add_prefix("x")'
        return f'{rows}.to_csv("{self.file}.csv", index=False)'


def several_source(
    dataset: Dataset,
    origin: Origin,
    grouping: Grouping,
    forms: Mapping[str, RowForm | None],
    as_given: Mapping[str, bool],
    outputs: OutputsSource | None = None,
) -> DataSource:
    """Write the functions that read and prepare the inputs of a study, by their names.

    Parameters
    ----------
    dataset : Dataset
        Of several inputs.
    origin : Origin
    grouping : Grouping
    forms : mapping
        Of images and sequences, as the network takes them; None for tables.
    as_given : mapping
        Whether the network scales the numbers of an input itself.
    outputs : OutputsSource, optional
        Where there are several; ``read`` then returns ``further`` targets last.

    Raises
    ------
    UserError
        ``no-plain-source``, where rows are grouped by columns of which some are not compared.
    """
    inputs = [
        _input(place, name, one, forms[name], as_given[name])
        for place, (name, one) in enumerate(dataset.by_input().items(), 1)
    ]
    source = source_of_several(dataset)
    files = [one for one in inputs if one.is_file]
    constants = [f"DATA = {literal(_ARCHIVE)}"]
    if dataset.classes:
        constants.append(statement("CLASSES = ", literal(classes_of(dataset, source))))
    for one in inputs:
        constants += column_lists(one.kinds)
        if one.form is not None and one.form.padding is not None:
            constants.append(f"PADDING{one.kinds.ending} = {literal(one.form.padding)}")
    if files:
        constants.append(statement("MISSING = ", literal(MISSING)))
    functions = [one.read() for one in files]
    if _compares(dataset, origin, grouping):
        functions.append(_CODES)
    functions.append(_read(dataset, source, origin, grouping, inputs, outputs))
    functions += [one.prepared.function for one in inputs if one.prepared.function]
    functions += [_prepare(inputs), TAKEN]
    imports = set().union(*(one.prepared.imports for one in inputs))
    if grouping.given and grouping.copies and dataset.test is None:
        functions.insert(0, JOINED)
        imports |= {
            "from scipy.sparse import coo_array",
            "from scipy.sparse.csgraph import connected_components",
        }
    arrays = [f"{one.key}=x[{literal(one.name)}]" for one in inputs if not one.is_file]
    arrays += [f"{key}={key}" for key in source.keys if key in ("y", "groups", "sample_weight")]
    if outputs is not None:
        arrays = outputs.archive(arrays)
    hint = "The data were in memory: write them with "
    hint += ", ".join(
        [f'np.savez("{_ARCHIVE}", {", ".join(arrays)})', *(o.written() for o in files)]
    )
    if outputs is not None:
        hint += ", of rows with a value in every output"
    if dataset.test is not None:
        hint += "; the test part likewise, with _test behind each name"
    return DataSource(
        tuple(sorted(imports)),
        tuple(constants),
        tuple(functions),
        test='path, "_test"',
        about="Each input is prepared by what the training rows say",
        hint=f"{hint}.",
        endings={f"[{literal(one.name)}]": one.kinds.ending for one in inputs},
    )


def source_of_several(dataset: Dataset) -> Source:
    """Return the archive that a program reads several inputs from."""
    keys = ["y"]
    keys += ["groups"] * (dataset.rows.groups is not None)
    keys += ["sample_weight"] * (dataset.rows.weights is not None)
    return Source("arrays", _ARCHIVE, keys={key: key for key in keys})


def _input(place: int, name: str, dataset: Dataset, form: RowForm | None, as_given: bool) -> _Input:
    usable = re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= _LONGEST_NAME
    kinds = kinds_of(dataset, f"_{name}" if usable else f"_{place}")
    prepared = prepared_input(
        kinds,
        form,
        has_test=dataset.test is not None,
        as_given=as_given,
        rows=f"rows[{literal(name)}]",
    )
    return _Input(name, dataset, kinds, form, prepared, name if usable else f"input_{place}")


def _read(
    dataset: Dataset,
    source: Source,
    origin: Origin,
    grouping: Grouping,
    inputs: list[_Input],
    outputs: OutputsSource | None,
) -> str:
    rows = ", ".join(f"{literal(one.name)}: {one.rows}" for one in inputs)
    body = ["arrays = np.load(path)"]
    body += statement("rows = ", f"{{{rows}}}", 1).strip().replace("\n    ", "\n").split("\n")
    body += ['y = "y" + ending', *target_lines(dataset, source)]
    returned = ["rows", "target"]
    if dataset.rows.weights is not None:
        body.append('weights = arrays["sample_weight"]')
        returned.append("weights")
    if _compares(dataset, origin, grouping):
        body += _equal(inputs)
    if origin.dropped_copies:
        body += [
            "# Of equal rows one is kept.",
            "first = ~equal.assign(target=target).duplicated().to_numpy()",
            "rows = {name: values[first] for name, values in rows.items()}",
            f"{', '.join(returned[1:])} = {', '.join(f'{name}[first]' for name in returned[1:])}",
        ]
    if dataset.rows.groups is not None and dataset.test is None:
        body += _groups(grouping)
        returned.append("groups")
    if outputs is not None:
        body += outputs.lines("not ending")
        returned.append("further")
    return "\n".join(
        [
            'def read(path, ending=""):',
            '    """Read what the network learns from, and its targets."""',
            *(f"    {line}" if line else "" for line in body),
            f"    return {', '.join(returned)}",
        ]
    )


def _compares(dataset: Dataset, origin: Origin, grouping: Grouping) -> bool:
    """Tell whether the program asks which rows are equal."""
    grouped = dataset.rows.groups is not None and dataset.test is None
    return origin.dropped_copies or (grouped and grouping.copies)


def _equal(inputs: list[_Input]) -> Iterator[str]:
    """Yield the lines that tell which rows are equal in every input."""
    numbering = [
        column.name
        for one in inputs
        for column in one.dataset.columns
        if numbers_the_rows(one.dataset.rows.alone[column.name], column.kind)
    ]
    if numbering:
        raise refusal(f"equal rows are told apart by the columns {', '.join(numbering[:5])} only")
    yield "equal = pd.DataFrame({name: codes(values) for name, values in rows.items()})"


def _groups(grouping: Grouping) -> Iterator[str]:
    given = 'arrays["groups"]' if grouping.given else ""
    if not grouping.copies:
        yield f"groups = pd.factorize({given})[0]"
        return
    yield "# Equal rows stay on one side of a split."
    equal = "equal.groupby(list(equal)).ngroup().to_numpy()"
    yield f"groups = joined({given}, {equal})" if given else f"groups = {equal}"


def _prepare(inputs: list[_Input]) -> str:
    calls = ", ".join(f"{literal(one.name)}: {one.prepared.call}" for one in inputs)
    return "\n".join(
        [
            "def prepare(rows, training):",
            '    """Prepare every input by itself, by what the training rows say."""',
            statement("return ", f"{{{calls}}}", 1),
        ]
    )


def _plain(name: str) -> str:
    return name.replace("\\", "/").replace('"', "'")
