"""The part of a program that trains a network and scores it, split by split."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from gengap.data.dataset import Dataset
from gengap.data.row_form import RowForm
from gengap.export.data_source import DataSource
from gengap.export.expressions import literal
from gengap.export.layout import statement
from gengap.export.origin import Grouping
from gengap.export.outputs_source import OutputsSource
from gengap.export.refusal import refusal
from gengap.networks.heads import Head

__all__ = ["SPLITS", "MainSource", "Training"]

#: Levels of indentation of what trains a network.
_DEPTH = 2
#: Parts that the rows are divided into; each is tested once.
SPLITS = 5


@dataclass(frozen=True)
class Training:
    """How a program trains and scores.

    Attributes
    ----------
    metric : str
        The deciding one.
    epochs, batch_size, seed : int
    class_weight : {"balanced"}, optional
    splits : int
        Parts that the rows are divided into; each is tested once, by a network trained on the
        others. 1 tests only one of them.
    """

    metric: str
    epochs: int
    batch_size: int = 32
    seed: int = 0
    class_weight: str | None = None
    splits: int = SPLITS


@dataclass(frozen=True, eq=False)
class MainSource:
    """Writes the function that trains and scores.

    Attributes
    ----------
    dataset : Dataset
    head : Head
        Of the network.
    training : Training
    grouping : Grouping
    callbacks : tuple of str
        Expressions; where one of them reads a validation score, a part of the training rows is
        kept for it.
    data : DataSource
    form : RowForm, optional
        Of images and sequences, as the network takes them.
    forms : mapping
        The same of each of several inputs, by their names.
    needs : tuple of str
        What else of the data the network is built from (`gengap.export.network_source.OF_DATA`).
    trained : tuple of str
        Expressions in which ``{network}`` is the network that was trained: what predicts.
    outputs : OutputsSource, optional
        Where there are several.
    """

    dataset: Dataset
    head: Head
    training: Training
    grouping: Grouping
    callbacks: tuple[str, ...]
    data: DataSource
    form: RowForm | None = None
    forms: Mapping[str, RowForm | None] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    outputs: OutputsSource | None = None

    @property
    def validates(self) -> bool:
        """Whether something is decided by rows that the network does not learn from."""
        return any('"val_' in callback for callback in self.callbacks)

    @property
    def has_test(self) -> bool:
        """Whether a test part was given."""
        return self.dataset.test is not None

    @property
    def grouped(self) -> bool:
        """Whether rows have groups that matter: a given test part needs none."""
        return self.dataset.rows.groups is not None and not self.has_test

    @property
    def _folds(self) -> str:
        if self.grouped:
            stratified = self.dataset.classes and not self.grouping.many
            return "StratifiedGroupKFold" if stratified else "GroupKFold"
        return "StratifiedKFold" if self.dataset.classes else "KFold"

    @property
    def _divides(self) -> str:
        return "GroupShuffleSplit" if self.grouped else "ShuffleSplit"

    def imports(self) -> Iterator[str]:
        """Yield what the function needs."""
        names = set() if self.has_test else {self._folds}
        if self.validates:
            names.add(self._divides)
        if names:
            yield f"from sklearn.model_selection import {', '.join(sorted(names))}"
        if self.training.class_weight:
            yield "from sklearn.utils.class_weight import compute_sample_weight"
        if self.dataset.classes and self.head.from_logits:
            yield f"from scipy.special import {'expit' if self.head.units == 1 else 'softmax'}"

    @property
    def reads_test(self) -> bool:
        """Whether the test part is a file of its own."""
        return self.has_test and self.data.test.startswith("test")

    def source(self, bundled: bool) -> str:
        """Return its text."""
        paths = "" if bundled else "path"
        names = ["rows", "target"]
        names += ["weights"] * (self.dataset.rows.weights is not None)
        names += ["groups"] * self.grouped
        names += ["further"] * (self.outputs is not None)
        return "\n".join(
            [
                f"def main({paths}{', test=TEST' if self.reads_test else ''}):",
                '    """Train and score a network, split by split."""',
                f"    {', '.join(names)} = read({paths})",
                *(f"    {line}" for line in self._splits(names)),
                '    scores = {"train": [], "test": []}',
                "    for number, (training, test) in enumerate(splits):",
                *("    " * _DEPTH + line for line in self._train()),
                "    means = {part: float(np.mean(values)) for part, values in scores.items()}",
                f'    print(json.dumps({{"metric": "{self.training.metric}", **means}}))',
            ]
        )

    def _splits(self, names: list[str]) -> Iterator[str]:
        if self.has_test:
            yield from self._given_split(names)
            return
        groups = ", groups" if "groups" in names else ""
        yield f"folds = {self._folds}(SPLITS, shuffle=True, random_state=SEED)"
        rows = "target" if self.several else "rows"
        splits = f"folds.split({rows}, target{groups})"
        # One split is enough for a quick look.
        yield f"splits = {splits}" if self.training.splits > 1 else f"splits = [next({splits})]"

    def _given_split(self, names: list[str]) -> Iterator[str]:
        """Put the test part behind the rows, so that both are prepared alike."""
        yield f"known = len({'target' if self.several else 'rows'})"
        yield f"more, answers{', *_' if len(names) > 2 else ''} = read({self.data.test})"
        if self.several:
            for name, one in self.dataset.by_input().items():
                yield from self._both(one, f"[{literal(name)}]")
        else:
            yield from self._both(self.dataset)
        yield "target = np.concatenate([target, answers])"
        whole = f"len({'target' if self.several else 'rows'})"
        yield f"splits = [(np.arange(known), np.arange(known, {whole}))]"

    def _both(self, dataset: Dataset, of: str = "") -> Iterator[str]:
        """Put the test part of an input behind its rows."""
        rows = f"rows{of}"
        if not isinstance(dataset.rows.alone, pd.DataFrame):
            yield f"{rows} = np.concatenate([{rows}, more{of}])"
            return
        yield f"{rows} = pd.concat([{rows}, more{of}], ignore_index=True)"
        if any(column.kind == "categorical" for column in dataset.columns):
            yield f"for column in WORDS{self.data.endings.get(of, '')}:"
            yield f"    words = sorted(set({rows}[column][:known]))"
            yield f"    known_words = {rows}[column].where({rows}[column].isin(words))"
            yield f"    {rows}[column] = pd.Categorical(known_words, words)"

    def _train(self) -> Iterator[str]:
        yield "keras.utils.set_random_seed(SEED + number)"
        regression = not self.dataset.classes
        targets = "target" if self._targets() == "target" else "targets"
        fit = [
            self._some("training"),
            self._answers(targets, "training"),
            "epochs=EPOCHS",
            "batch_size=BATCH_SIZE",
        ]
        if self.validates:
            groups = self.grouped
            arguments = "training, groups=groups[training]" if groups else "training"
            yield f"divide = {self._divides}(1, test_size=0.125, random_state=SEED)"
            yield f"inner, outer = next(divide.split({arguments}))"
            yield "training, validation = training[inner], training[outer]"
        yield f"inputs = {self.data.prepared}"
        if regression:
            yield "shift, scale = target[training].mean(), target[training].std()"
        if targets == "targets":
            assigned = statement("targets = ", self._targets(), _DEPTH)
            yield from textwrap.dedent(assigned).splitlines()
        for name in self.needs:
            yield from self._of_data(name)
        width = [] if self.several else ["inputs.shape[1]"]
        yield f"network = build_network({', '.join([*width, *self.needs])})"
        fit += list(self._weights())
        if self.validates:
            answers = self._answers(targets, "validation")
            fit.append(f"validation_data=({self._some('validation')}, {answers})")
        if any("shuffled" in callback for callback in self.callbacks):
            yield f"shuffled = {self._some('np.random.permutation(training)')}"
        if self.callbacks:
            fit.append(f"callbacks=[{', '.join(self.callbacks)}]")
        fit.append("verbose=0")
        fitting = statement("", f"network.fit({', '.join(fit)})", _DEPTH)
        yield from textwrap.dedent(fitting).splitlines()
        for expression in self.trained:
            predicting = "network" if self.outputs is None else "Deciding(network)"
            trained = expression.format(network=predicting, activation=f'"{self._averaged}"')
            yield f"network = {trained}"
        # What was averaged gives the output that decides alone.
        place = "" if self.outputs is None or self.trained else f"[{self.outputs.place}]"
        yield f"outputs = network.predict(inputs, verbose=0){place}"
        yield from self._outputs()
        yield 'for part, index in (("train", training), ("test", test)):'
        yield "    scores[part].append(score(target[index], outputs[index]))"

    @property
    def several(self) -> bool:
        """Whether the network has several inputs."""
        return bool(self.dataset.inputs)

    def _some(self, rows: str) -> str:
        return f"taken(inputs, {rows})" if self.several else f"inputs[{rows}]"

    def _answers(self, name: str, rows: str) -> str:
        return f"{name}[{rows}]" if self.outputs is None else f"some({name}, {rows})"

    @property
    def _averaged(self) -> str:
        """The activation that makes of outputs what can be averaged."""
        if not self.dataset.classes or not self.head.from_logits:
            return "linear"
        return "sigmoid" if self.head.units == 1 else "softmax"

    def _of_data(self, name: str) -> Iterator[str]:
        """Find out what a technique needs to know of the data."""
        if name == "steps":
            yield "steps = -(-len(training) // BATCH_SIZE)"
            return
        if not self.several:
            yield from self._of_input(name, self.dataset, self.form)
            return
        yield f"{name} = {{}}"
        for one, dataset in self.dataset.by_input().items():
            yield from self._of_input(name, dataset, self.forms[one], f"[{literal(one)}]")

    def _of_input(
        self, name: str, dataset: Dataset, form: RowForm | None, of: str = ""
    ) -> Iterator[str]:
        """Find out what is needed of an input."""
        if name == "value_range":
            if form is not None and form.pixels == "bytes":
                yield f"value_range{of} = 0, {255 / form.divisor:g}"
            elif form is not None and form.modality == "image":
                some = f"inputs{of}[training]"
                yield f"value_range{of} = float({some}.min()), float({some}.max())"
        elif form is not None:
            yield f"{name}{of} = None  # only tables have columns"
        elif any(column.kind == "text" for column in dataset.columns):
            raise refusal("which of its inputs come from one text cannot be said in few lines")
        elif any(column.kind == "categorical" for column in dataset.columns):
            words = f"WORDS{self.data.endings.get(of, '')}"
            # Numbers come first, then the words of each column of words.
            yield f"numbers = rows{of}.shape[1] - len({words})"
            yield f"words = [pd.get_dummies(rows{of}[column]).shape[1] for column in {words}]"
            places = f"np.repeat(np.arange(rows{of}.shape[1]), [1] * numbers + words)"
            yield f"columns{of} = {places}"
        else:
            yield f"columns{of} = np.arange(rows{of}.shape[1])"

    def _weights(self) -> Iterator[str]:
        balanced = 'compute_sample_weight("balanced", target[training])'
        given = self.dataset.rows.weights is not None
        if self.training.class_weight:
            yield f"sample_weight={balanced}{' * weights[training]' if given else ''}"
        elif given:
            yield "sample_weight=weights[training]"

    def _targets(self) -> str:
        return self._target() if self.outputs is None else self.outputs.targets(self._target())

    def _target(self) -> str:
        if not self.dataset.classes:
            return "(target - shift) / scale"
        kind = self.head.targets.kind
        if kind == "one_hot":
            return 'np.eye(len(CLASSES), dtype="float32")[target]'
        return 'target.astype("float32")' if kind == "column" else "target"

    def _outputs(self) -> Iterator[str]:
        """Turn outputs into values in the target's unit, or probabilities of all classes."""
        if not self.dataset.classes:
            yield "outputs = outputs[:, 0] * scale + shift"
        elif self.head.units == 1:
            second = "expit(outputs[:, 0])" if self.head.from_logits else "outputs[:, 0]"
            yield f"second = {second}"
            yield "outputs = np.column_stack([1 - second, second])"
        elif self.head.from_logits:
            yield "outputs = softmax(outputs, axis=1)"
        elif self.head.activation != "softmax":
            yield "outputs = outputs / outputs.sum(axis=1, keepdims=True)"
