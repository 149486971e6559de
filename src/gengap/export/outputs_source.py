"""What a program says of the several outputs of its network, and of their targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import keras

from gengap.data.dataset import Dataset, Output
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Source
from gengap.export.read_source import classes_of
from gengap.export.refusal import refusal
from gengap.networks.heads import Head, heads_of
from gengap.networks.shapes import goes_by_keys, keras_output_names

__all__ = ["OutputsSource", "outputs_source"]

#: Functions of a program: of lists of targets, and of mappings.
_SOME = '''\
def some(targets, rows):
    """Return some of the rows of the targets of every output."""
    return [values[rows] for values in targets]'''
_SOME_BY_KEY = '''\
def some(targets, rows):
    """Return some of the rows of the targets of every output."""
    return {name: values[rows] for name, values in targets.items()}'''

_STANDARDIZED = '''\
def standardized(values, training):
    """Return values in the unit of the training rows, as the network learns them."""
    learned = values[training]
    return (values - learned.mean()) / (learned.std() if np.ptp(learned) else 1)'''

_DECIDING = '''\
class Deciding:
    """A network of which only the output that decides is looked at."""

    def __init__(self, network):
        self.network = network

    def set_weights(self, weights):
        self.network.set_weights(weights)

    def predict(self, inputs, **options):
        return self.network.predict(inputs, **options)[PLACE]'''


@dataclass(frozen=True, eq=False)
class OutputsSource:
    """The several outputs of a network as a program has them.

    Attributes
    ----------
    dataset : Dataset
    source : Source
        How the data are read.
    heads : tuple of Head
        How each output is read, in their order.
    keys : tuple of str
        What Keras calls each.
    by_key : bool
        Whether the network was made with a mapping of outputs.
    """

    dataset: Dataset
    source: Source
    heads: tuple[Head, ...]
    keys: tuple[str, ...]
    by_key: bool

    @property
    def key(self) -> str:
        """What Keras calls the output that decides."""
        return self.keys[self._index]

    @property
    def place(self) -> str:
        """Where what the network says of the output that decides is found."""
        return literal(self.key if self.by_key else self._index)

    @property
    def _index(self) -> int:
        return [one.name for one in self.dataset.outputs].index(self.dataset.target_name)

    @property
    def has_classes(self) -> tuple[bool, ...]:
        """Which outputs tell classes."""
        return tuple(one.task == "classification" for one in self.dataset.outputs)

    @property
    def _others(self) -> list[Output]:
        """The outputs that do not decide."""
        return [one for one in self.dataset.outputs if one.name != self.dataset.target_name]

    def packed(self, parts: Sequence[str]) -> str:
        """Put expressions, one for each output, together as the network has them."""
        if not self.by_key:
            return f"[{', '.join(parts)}]"
        pairs = zip(self.keys, parts, strict=True)
        return f"{{{', '.join(f'{literal(key)}: {part}' for key, part in pairs)}}}"

    def targets(self, deciding: str) -> str:
        """Return the expression of all targets, given that of the output that decides."""
        return self.packed(
            [
                deciding if one.name == self.dataset.target_name else _learned(one, head)
                for one, head in zip(self.dataset.outputs, self.heads, strict=True)
            ]
        )

    def constants(self) -> Iterator[str]:
        """Yield the statements that name the further targets."""
        if self.source.has_columns:
            yield statement("OUTPUTS = ", literal([one.name for one in self._others]))
        classes = {one.name: self._classes(one) for one in self._others if one.classes}
        if classes:
            yield statement("CLASSES_OF = ", literal(classes))

    def functions(self, *, ensembles: bool) -> Iterator[str]:
        """Yield the functions that the program needs; to average networks, one more."""
        yield _SOME_BY_KEY if self.by_key else _SOME
        if any(one.task == "regression" for one in self._others):
            yield _STANDARDIZED
        if ensembles:
            yield _DECIDING.replace("PLACE", self.place)

    def lines(self, guard: str) -> Iterator[str]:
        """Yield the lines of ``read`` that read the further targets.

        Parameters
        ----------
        guard : str
            A condition that does not hold for a test part of arrays, which has none of them.
        """
        yield "further = {}"
        guarded = self.dataset.test is not None and not self.source.has_columns
        if guarded:
            yield f"if {guard}:"
        for one in self._others:
            for line in self._of_column(one) if self.source.has_columns else self._of_array(one):
                yield "    " * guarded + line

    def _of_column(self, one: Output) -> Iterator[str]:
        name = literal(one.name)
        column = f"table[{name}]"
        if not self._in_words(one):
            column = f"pd.to_numeric({column})"
        if one.classes:
            column += f".map(CLASSES_OF[{name}].index)"
        # Of a test part none of them is looked at.
        guarded = self.dataset.test is not None
        if guarded:
            yield f"if {name} in answers:"
        yield f"{'    ' * guarded}further[{name}] = {column}.to_numpy()"

    def _of_array(self, one: Output) -> Iterator[str]:
        name, values = literal(one.name), f"arrays[{literal(self._key(one))}]"
        if not one.classes:
            yield f"further[{name}] = {values}.reshape(-1).astype(float)"
            return
        yield f"values = {values}"
        yield "if values.ndim == 2 and values.shape[1] > 1:"
        yield "    values = values.argmax(axis=1)  # one-hot"
        value = "str(value)" if self._in_words(one) else "value"
        yield f"codes = [CLASSES_OF[{name}].index({value}) for value in values.reshape(-1)]"
        yield f"further[{name}] = np.array(codes)"

    def _classes(self, one: Output) -> list[str] | list[float]:
        return classes_of(replace(self.dataset, classes=one.classes), self.source)

    def _in_words(self, one: Output) -> bool:
        return bool(one.classes) and isinstance(self._classes(one)[0], str)

    def _key(self, one: Output) -> str:
        """Return the key of an output's targets in an archive."""
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", one.name):
            return f"targets_{one.name}"
        return f"targets_{1 + self.dataset.outputs.index(one)}"

    def archive(self, arrays: Sequence[str]) -> list[str]:
        """Return how all is given to ``np.savez``, from how it would be of one output."""
        deciding = f"y=y[{literal(self.dataset.target_name)}]"
        own = [deciding if one == "y=y" else one for one in arrays]
        return [*own, *(f"{self._key(one)}=y[{literal(one.name)}]" for one in self._others)]

    def monitored(self, callback: str) -> str:
        """Let a callback look at the output that decides, not at the sum of all losses."""
        for what in ("metric", "loss"):
            callback = callback.replace(f'"val_{what}"', literal(f"val_{self.key}_{what}"))
        return callback


def _learned(one: Output, head: Head) -> str:
    """Return the expression of the targets of an output that does not decide."""
    name = literal(one.name)
    if one.task == "regression":
        return f"standardized(further[{name}], training)"
    if head.targets.kind == "one_hot":
        return f'np.eye({one.class_count}, dtype="float32")[further[{name}]]'
    return f"further[{name}]" + '.astype("float32")' * (head.targets.kind == "column")


def outputs_source(
    dataset: Dataset, model: keras.Model, source: Source, *, dropped_copies: bool
) -> OutputsSource | None:
    """Return how a program has the several outputs of a study; None where there is one.

    Parameters
    ----------
    dataset : Dataset
    model : keras.Model
        Compiled, as the user gave it.
    source : Source
    dropped_copies : bool
        Whether one row of each set of equal ones was kept.

    Raises
    ------
    UserError
        ``no-plain-source``, where it cannot be said.
    """
    if not dataset.outputs:
        return None
    if dropped_copies:
        raise refusal("which rows are equal in all outputs cannot be said in few lines")
    columns = {column.name for column in dataset.columns}
    clash = [one.name for one in dataset.outputs if one.name in columns and source.has_columns]
    if clash:
        raise refusal(f"a column of the table has the name of the output {clash[0]}")
    heads = tuple(heads_of(model, dataset.outputs).values())
    return OutputsSource(dataset, source, heads, keras_output_names(model), goes_by_keys(model))
