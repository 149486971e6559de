"""A recipe as a plain Keras program that trains it and scores it, without gengap."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import keras
import pandas as pd

from gengap.data.dataset import Dataset
from gengap.design import Design
from gengap.errors import UserError
from gengap.export.data_source import DataSource, data_source
from gengap.export.layout import statement
from gengap.export.metric_source import METRIC_SOURCES
from gengap.export.models import plain_keras_of, plain_model
from gengap.export.network_source import network_source
from gengap.export.origin import Grouping, Origin, grouping_of, source_of, with_names
from gengap.export.refusal import NO_SOURCE
from gengap.networks.heads import Head, head_of
from gengap.recipe import Recipe

__all__ = ["Training", "plain_source", "recipe_source"]

_ALIASES = {"np": "import numpy as np", "pd": "import pandas as pd"}
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


def plain_source(design: Design, recipe: Recipe, epochs: int, origin: Origin | None = None) -> str:
    """Return the text of a program that trains a study's recipe.

    Parameters
    ----------
    design : Design
    recipe : Recipe
        Every strength given.
    epochs : int
        Of the refit; a recipe that stops early trains for up to the study's epochs instead.
    origin : Origin, optional
        What the user said about the data and the dataset does not hold.

    Returns
    -------
    str
        Where the network cannot be written down, a program that says why.
    """
    training = Training(
        metric=design.metric.name,
        epochs=epochs if recipe.judgement is None else design.settings.epochs,
        batch_size=design.settings.batch_size,
        seed=design.settings.seed,
        class_weight=design.class_weight,
    )
    try:
        return recipe_source(design.dataset, design.material.model, recipe, training, origin)
    except UserError as error:
        if error.code != NO_SOURCE:
            raise
        reason = textwrap.fill(_safe(f"{error.message}. {error.hint}."), 88)
        return f'"""{reason}"""\n\nraise SystemExit(__doc__)\n'


def recipe_source(
    dataset: Dataset,
    model: keras.Model,
    recipe: Recipe,
    training: Training,
    origin: Origin | None = None,
) -> str:
    """Return the text of a program that trains a recipe on a network and data.

    Parameters
    ----------
    dataset : Dataset
        As it is split: copies settled.
    model : keras.Model
        As the user gave it, built and compiled.
    recipe : Recipe
        Every strength given.
    training : Training
    origin : Origin, optional

    Returns
    -------
    str
        ``python recipe.py [DATA]`` reads the data as the study did, prepares them by what the
        training rows say, trains, and prints a line of JSON with the mean score on training and
        test rows. It needs Keras, JAX, pandas and scikit-learn.

    Raises
    ------
    UserError
        ``no-plain-source``, where the network cannot be written down.
    """
    source, grouping = source_of(dataset), grouping_of(dataset, origin or Origin())
    origin = with_names(dataset, source, origin or Origin(), groups=grouping.given)
    fragments = plain_keras_of(recipe)
    head = head_of(model, task=dataset.task, classes=len(dataset.classes))
    callbacks = [callback for fragment in fragments for callback in fragment.callbacks]
    watched = any('"val_metric"' in callback for callback in callbacks)
    network = network_source(
        plain_model(model, recipe), fragments, _watched_metric(dataset) if watched else None
    )
    data = data_source(dataset, source, origin, grouping)
    score = METRIC_SOURCES[training.metric]
    main = _Main(dataset, head, training, origin, grouping, tuple(callbacks), source.kind)
    imports = {*data.imports, *network.imports, *score.imports, *main.imports()}
    bundled = source.kind == "bundled"
    constants = [
        *data.constants,
        f"EPOCHS = {training.epochs}",
        f"BATCH_SIZE = {training.batch_size}",
        *(
            []
            if main.has_test
            else [f"SPLITS = {training.splits if training.splits > 1 else SPLITS}"]
        ),
        f"SEED = {training.seed}",
    ]
    functions = [
        *data.functions,
        *([_ERROR_RATE] if watched and dataset.classes else []),
        network.function,
        score.function,
        main.source(bundled),
    ]
    start = ['if __name__ == "__main__":']
    start.append(
        "    main()" if bundled else "    main(sys.argv[1] if len(sys.argv) > 1 else DATA)"
    )
    written = "\n".join([*constants, *functions])
    imports |= {line for name, line in _ALIASES.items() if re.search(rf"\b{name}\.", written)}
    if network.constants:
        functions.append(network.constants)
    blocks = [
        _head(dataset, recipe, data, bundled, main.has_test),
        _imports(imports, bundled),
        "\n".join(constants),
    ]
    return "\n\n".join(blocks) + "\n\n\n" + "\n\n\n".join([*functions, "\n".join(start)]) + "\n"


_ERROR_RATE = '''\
def metric(target, outputs):
    """Return which predictions are wrong; their share is what stops the training."""
    if outputs.shape[-1] == 1:
        wrong = keras.ops.round(outputs) != target
    elif len(target.shape) == 2 and target.shape[-1] == outputs.shape[-1]:
        wrong = keras.ops.argmax(outputs, -1) != keras.ops.argmax(target, -1)
    else:
        labels = keras.ops.reshape(target, (-1,))
        wrong = keras.ops.argmax(outputs, -1) != keras.ops.cast(labels, "int32")
    return keras.ops.cast(wrong, "float32")'''


def _watched_metric(dataset: Dataset) -> str:
    if dataset.classes:
        return "metric"
    return 'keras.metrics.RootMeanSquaredError(name="metric")'


def _head(dataset: Dataset, recipe: Recipe, data: DataSource, bundled: bool, has_test: bool) -> str:
    usage = "python recipe.py" if bundled else "python recipe.py [DATA]"
    tested = "on the test part" if has_test else "on rows that it has not seen"
    lines = [
        f'"""Train {_safe(str(recipe))} on {_safe(dataset.name)} in plain Keras.',
        "",
        f"    {usage}",
        "",
        "The columns are prepared by what the training rows say; the network is scored",
        f"{tested}.",
    ]
    if data.hint:
        lines += ["", *textwrap.wrap(_safe(data.hint), 88)]
    return "\n".join([*lines, '"""'])


def _safe(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'")


def _imports(imports: Iterable[str], bundled: bool) -> str:
    standard = ["import json", "import os", *([] if bundled else ["import sys"])]
    plain = sorted(line for line in imports if line.startswith("import "))
    others = sorted(line for line in imports if not line.startswith("import "))
    return "\n".join(
        [
            *standard,
            "",
            'os.environ.setdefault("KERAS_BACKEND", "jax")',
            "",
            *sorted({*plain, "import keras"}),
            *others,
        ]
    )


@dataclass(frozen=True, eq=False)
class _Main:
    """Writes the function that trains and scores."""

    dataset: Dataset
    head: Head
    training: Training
    origin: Origin
    grouping: Grouping
    callbacks: tuple[str, ...]
    source_kind: str

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
        if self.callbacks:
            names.add(self._divides)
        if names:
            yield f"from sklearn.model_selection import {', '.join(sorted(names))}"
        if self.training.class_weight:
            yield "from sklearn.utils.class_weight import compute_sample_weight"
        if self.dataset.classes and self.head.from_logits:
            yield f"from scipy.special import {'expit' if self.head.units == 1 else 'softmax'}"

    def source(self, bundled: bool) -> str:
        """Return its text."""
        names = ["rows", "target"]
        names += ["weights"] * (self.dataset.rows.weights is not None)
        names += ["groups"] * self.grouped
        return "\n".join(
            [
                f"def main({'' if bundled else 'path'}):",
                '    """Train and score a network, split by split."""',
                f"    {', '.join(names)} = read({'' if bundled else 'path'})",
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
        splits = f"folds.split(rows, target{groups})"
        # One split is enough for a quick look.
        yield f"splits = {splits}" if self.training.splits > 1 else f"splits = [next({splits})]"

    def _given_split(self, names: list[str]) -> Iterator[str]:
        """Put the test part behind the rows, so that both are prepared alike."""
        arrays = self.source_kind == "arrays"
        where = "path, x=X_TEST, y=Y_TEST" if arrays else "TEST"
        yield "known = len(rows)"
        yield f"more, answers{', *_' if len(names) > 2 else ''} = read({where})"
        if isinstance(self.dataset.rows.features, pd.DataFrame):
            yield "rows = pd.concat([rows, more], ignore_index=True)"
            if any(column.kind == "categorical" for column in self.dataset.columns):
                yield "for column in WORDS:"
                yield "    words = sorted(set(rows[column][:known]))"
                yield "    known_words = rows[column].where(rows[column].isin(words))"
                yield "    rows[column] = pd.Categorical(known_words, words)"
        else:
            yield "rows = np.concatenate([rows, more])"
        yield "target = np.concatenate([target, answers])"
        yield "splits = [(np.arange(known), np.arange(known, len(rows)))]"

    def _train(self) -> Iterator[str]:
        yield "keras.utils.set_random_seed(SEED + number)"
        regression = not self.dataset.classes
        name = "target" if self._targets() == "target" else "targets"
        fit = ["inputs[training]", f"{name}[training]", "epochs=EPOCHS", "batch_size=BATCH_SIZE"]
        if self.callbacks:
            groups = self.grouped
            arguments = "training, groups=groups[training]" if groups else "training"
            yield f"divide = {self._divides}(1, test_size=0.125, random_state=SEED)"
            yield f"inner, outer = next(divide.split({arguments}))"
            yield "training, validation = training[inner], training[outer]"
        tensor = not isinstance(self.dataset.rows.features, pd.DataFrame)
        yield 'inputs = rows.astype("float32")' if tensor else "inputs = prepare(rows, training)"
        if regression:
            yield "shift, scale = target[training].mean(), target[training].std()"
        if name == "targets":
            yield f"targets = {self._targets()}"
        yield "network = build_network(inputs.shape[1])"
        fit += list(self._weights())
        if self.callbacks:
            fit.append(f"validation_data=(inputs[validation], {name}[validation])")
            fit.append(f"callbacks=[{', '.join(self.callbacks)}]")
        fit.append("verbose=0")
        fitting = statement("", f"network.fit({', '.join(fit)})", _DEPTH)
        yield from textwrap.dedent(fitting).splitlines()
        yield "outputs = network.predict(inputs, verbose=0)"
        yield from self._outputs()
        yield 'for part, index in (("train", training), ("test", test)):'
        yield "    scores[part].append(score(target[index], outputs[index]))"

    def _weights(self) -> Iterator[str]:
        balanced = 'compute_sample_weight("balanced", target[training])'
        given = self.dataset.rows.weights is not None
        if self.training.class_weight:
            yield f"sample_weight={balanced}{' * weights[training]' if given else ''}"
        elif given:
            yield "sample_weight=weights[training]"

    def _targets(self) -> str:
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
