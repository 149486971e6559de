"""The part of a program that reads the data and prepares them for a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gengap.data import cells
from gengap.data.dataset import IN_MEMORY, Dataset
from gengap.data.row_form import RowForm
from gengap.data.text import FEWEST_ROWS, MOST_TERMS
from gengap.export.array_source import READ_IDX, reads_lengths
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Grouping, Origin, Source
from gengap.export.outputs_source import OutputsSource
from gengap.export.read_source import Kinds, classes_of, is_text, kinds_of, read_source
from gengap.export.refusal import refusal

__all__ = [
    "JOINED",
    "MISSING",
    "DataSource",
    "Prepared",
    "column_lists",
    "data_source",
    "prepared_input",
]

#: Words that say that there is no value.
MISSING = sorted(cells.MISSING)


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
    prepared : str
        Expression of what the network sees of ``rows`` where ``training`` are trained on.
    test : str
        Arguments of ``read`` for the test part.
    about : str
        What is done to the rows, as a sentence.
    hint : str
        How to write the file that the program reads, where the data were in memory.
    endings : mapping
        Of several inputs, ``["NAME"]`` -> what the names of its lists of columns end in.
    """

    imports: tuple[str, ...]
    constants: tuple[str, ...]
    functions: tuple[str, ...]
    prepared: str = "prepare(rows, training)"
    test: str = "test"
    about: str = "The columns are prepared by what the training rows say"
    hint: str = ""
    endings: Mapping[str, str] = field(default_factory=dict)


def data_source(
    dataset: Dataset,
    source: Source,
    origin: Origin,
    grouping: Grouping,
    form: RowForm | None = None,
    *,
    as_given: bool = False,
    outputs: OutputsSource | None = None,
) -> DataSource:
    """Write the functions that read and prepare the data of a study.

    ``read(path)`` returns ``rows``, a table or array of inputs; ``target``, class codes or values;
    and where the study has them ``weights`` and ``groups``.

    Parameters
    ----------
    dataset : Dataset
    source : Source
    origin : Origin
    grouping : Grouping
    form : RowForm, optional
        Of images and sequences, as the network takes them.
    as_given : bool
        Whether the network scales numbers itself.
    outputs : OutputsSource, optional
        Where there are several; ``read`` then returns ``further`` targets last.
    """
    kinds = kinds_of(dataset)
    imports = {"from sklearn import datasets"} if source.kind == "bundled" else set()
    constants = list(_constants(dataset, source, origin, kinds, form))
    functions: list[str] = []
    if source.kind == "idx":
        functions.append(READ_IDX)
        imports |= {"import gzip"}
    further = None if outputs is None else outputs.lines
    functions.append(read_source(dataset, source, origin, grouping, kinds, form, further))
    test = "path, x=X_TEST, y=Y_TEST" if source.has_keys else "test"
    if reads_lengths(source, form):
        test += ", lengths=LENGTHS_TEST"
    if outputs is not None and source.has_columns:
        test += ", answers=[TARGET]"
    own = prepared_input(kinds, form, has_test=dataset.test is not None, as_given=as_given)
    functions += [own.function] * bool(own.function)
    imports |= own.imports
    if grouping.given and grouping.copies and dataset.test is None:
        functions.insert(0, JOINED)
        imports.add("from scipy.sparse import coo_array")
        imports.add("from scipy.sparse.csgraph import connected_components")
    return DataSource(
        tuple(sorted(imports)),
        tuple(constants),
        tuple(functions),
        own.call,
        test,
        own.about,
        _hint(dataset, source, origin, form, outputs),
    )


@dataclass(frozen=True)
class Prepared:
    """How the rows of one input are prepared.

    Attributes
    ----------
    function : str
        That does it; empty where an expression suffices.
    call : str
        Expression of what the network sees of ``rows`` where ``training`` are trained on.
    about : str
        What is done to the rows, as a sentence.
    imports : frozenset of str
    """

    function: str
    call: str
    about: str
    imports: frozenset[str] = frozenset()


def prepared_input(
    kinds: Kinds, form: RowForm | None, *, has_test: bool, as_given: bool, rows: str = "rows"
) -> Prepared:
    """Write how the rows of one input are prepared.

    Parameters
    ----------
    kinds : Kinds
        Of a table; of any rows the ending of names.
    form : RowForm, optional
        Of images and sequences, as the network takes them.
    has_test : bool
        Whether a test part was given.
    as_given : bool
        Whether the network scales numbers itself.
    rows : str
        Expression of the rows.
    """
    name = f"prepare{kinds.ending}"
    call = f"{name}({rows}, training)"
    if form is not None and form.modality == "image":
        divided = f" / {form.divisor:g}" if form.divisor != 1 else ""
        return Prepared("", f'{rows}.astype("float32"){divided}', _about(form))
    scaling = set() if as_given else {"from sklearn.preprocessing import StandardScaler"}
    if form is not None:
        about = "Channels are scaled by what the training rows say"
        about = "The network gets the rows as they are given" if as_given else about
        function = _prepare_sequences(form, as_given, kinds.ending)
        return Prepared(function, call, about, frozenset(scaling))
    imports: set[str] = set()
    if kinds.texts:
        imports |= _TEXT_IMPORTS
    if kinds.numbers + len(kinds.booleans) + len(kinds.dates):
        imports.add("from sklearn.impute import SimpleImputer")
        if not as_given:
            imports |= {"from sklearn.pipeline import make_pipeline", *scaling}
    function = _prepare(kinds, has_test=has_test, as_given=as_given)
    about = "The columns are prepared by what the training rows say"
    return Prepared(function, call, about, frozenset(imports))


def _about(form: RowForm) -> str:
    if form.divisor != 1:
        return f"Pixels are divided by {form.divisor:g}"
    return "The network sees pixels as they are"


#: The function that joins the groups that were given with those of equal rows.
JOINED = '''\
def joined(first, second):
    """Join two groupings: rows that share a group in either share one in the result."""
    first, second = pd.factorize(first)[0], pd.factorize(second)[0]
    size = first.max() + second.max() + 2
    edges = coo_array((np.ones(len(first)), (first, first.max() + 1 + second)), (size, size))
    return connected_components(edges, directed=False)[1][first]'''


def _prepare_sequences(form: RowForm, as_given: bool, ending: str) -> str:
    lines = [
        f"def prepare{ending}(rows, training):",
        '    """Return the rows as they are: the network scales them itself."""',
        "    scaled = rows",
    ]
    if not as_given:
        lines = _scale_channels(ending)
    if form.padding is None:
        return "\n".join([*lines, '    return scaled.astype("float32")'])
    return "\n".join(
        [
            *lines,
            "    # The network passes over the steps after a row's last one.",
            f'    return np.nan_to_num(scaled, nan=PADDING{ending}).astype("float32")',
        ]
    )


def _scale_channels(ending: str) -> list[str]:
    return [
        f"def prepare{ending}(rows, training):",
        '    """Scale channels, by what the training rows say."""',
        "    channels = rows.shape[-1]",
        "    scaler = StandardScaler().fit(rows[training].reshape(-1, channels))",
        "    scaled = scaler.transform(rows.reshape(-1, channels)).reshape(rows.shape)",
    ]


def _constants(
    dataset: Dataset, source: Source, origin: Origin, kinds: Kinds, form: RowForm | None
) -> Iterator[str]:
    if source.kind != "bundled":
        yield f"DATA = {literal(source.path)}"
    if source.has_keys:
        yield f"X, Y = {literal(source.keys['x'])}, {literal(source.keys['y'])}"
        if dataset.test is not None:
            names = source.keys["x_test"], source.keys["y_test"]
            yield f"X_TEST, Y_TEST = {literal(names[0])}, {literal(names[1])}"
    if reads_lengths(source, form):
        if dataset.test is not None and not {"lengths", "lengths_test"} <= source.keys.keys():
            raise refusal("its archive has lengths of one of its two parts only")
        yield f"LENGTHS = {literal(source.keys['lengths'])}"
        if dataset.test is not None:
            yield f"LENGTHS_TEST = {literal(source.keys['lengths_test'])}"
    if form is not None and form.padding is not None:
        yield f"PADDING = {literal(form.padding)}"
    if dataset.test is not None and not source.has_keys:
        yield f"TEST = {literal(origin.test or source.keys.get('test', 'test.csv'))}"
    if source.has_columns:
        yield f"TARGET = {literal(dataset.target_name)}"
    if dataset.classes:
        yield statement("CLASSES = ", literal(classes_of(dataset, source)))
    yield from column_lists(kinds)
    if is_text(dataset, source):
        missing = [*MISSING, "nat"] if source.kind == "parquet" else MISSING
        yield statement("MISSING = ", literal(missing))


def column_lists(kinds: Kinds) -> Iterator[str]:
    """Yield the statements that name the columns that are no numbers."""
    for name, values in kinds.lists.items():
        yield statement(f"{name} = ", literal(values))


_TEXT_IMPORTS = {
    "from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer",
    "from sklearn.pipeline import make_pipeline",
    "from sklearn.preprocessing import Normalizer",
}


def _prepare(kinds: Kinds, *, has_test: bool, as_given: bool) -> str:
    end = kinds.ending
    lines = [
        f"def prepare{end}(rows, training):",
        '    """Fill, scale and encode rows, by what the training rows say."""',
    ]
    parts = []
    if kinds.numbers + len(kinds.booleans) + len(kinds.dates):
        numbers = "rows"
        in_words = [name + end for name in ("WORDS", "TEXTS") if name + end in kinds.others]
        if in_words:
            numbers = "numbers"
            lines.append(f"    numbers = rows.drop(columns={' + '.join(in_words)})")
        lines += [
            '    fill = SimpleImputer(strategy="median", keep_empty_features=True)',
            *(
                ["    scaler = fill  # the network scales numbers itself"]
                if as_given
                else ["    scaler = make_pipeline(fill, StandardScaler())"]
            ),
            f"    scaler.fit({numbers}.iloc[training])",
        ]
        parts.append(f"scaler.transform({numbers})")
    if kinds.words:
        lines += [
            f"    words = pd.get_dummies(rows[WORDS{end}], dtype=float)",
            "    # A word that the training rows lack is as good as none.",
            "    words = words * words.iloc[training].any()",
        ]
        parts.append("words")
    if kinds.texts:
        # A test part does not say which terms there are; rows that are all tested once do.
        known = ".iloc[training]" if has_test else ""
        lines += [
            "    texts = []",
            f"    for column in TEXTS{end}:",
            f"        terms = CountVectorizer(max_features={MOST_TERMS}, min_df={FEWEST_ROWS})",
            f"        counts = terms.fit(rows[column]{known}).transform(rows[column])",
            "        weigh = make_pipeline(Normalizer(), TfidfTransformer(norm=None))",
            "        weigh.fit(counts[training])",
            "        # A term that the training rows lack is as good as none.",
            "        lacking = ~counts[training].toarray().any(axis=0)",
            "        texts.append(np.where(lacking, 0, weigh.transform(counts).toarray()))",
        ]
        parts.append("*texts")
    if parts == ["words"]:
        parts = ["words.to_numpy()"]
    alone = len(parts) == 1 and not kinds.texts
    both = parts[0] if alone else f"np.hstack([{', '.join(parts)}])"
    return "\n".join([*lines, f'    return {both}.astype("float32")'])


def _hint(
    dataset: Dataset,
    source: Source,
    origin: Origin,
    form: RowForm | None,
    outputs: OutputsSource | None,
) -> str:
    if dataset.source not in IN_MEMORY:
        return ""
    if source.kind == "arrays":
        arrays = [f"{key}={key}" for key in source.keys]
        if outputs is not None:
            arrays = outputs.archive(arrays)
        arguments = ", ".join(arrays)
        call = f"np.savez({literal(source.path)}, {arguments})"
        ended = ", x with NaN in the steps after a row's last one"
        ended = ended if form is not None and form.padding is not None else ""
        known = ", of rows with a value in every output" if outputs is not None else ""
        return f"The data were in memory: write them with {call}{ended}{known}."
    targets = [one.name for one in dataset.outputs] or [dataset.target_name]
    columns = [*targets, *filter(None, (origin.weight, origin.groups))]
    return (
        f"The data were in memory: write them, with {', '.join(columns)} among the columns, with "
        f"table.to_csv({literal(source.path)}, index=False)."
    )
