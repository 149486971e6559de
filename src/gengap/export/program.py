"""A recipe as a plain Keras program that trains it and scores it, without gengap."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable

import keras
import pandas as pd

from gengap.data.dataset import IN_MEMORY, Dataset
from gengap.data.row_form import RowForm, form_of_dataset
from gengap.design import Design
from gengap.errors import UserError
from gengap.export.data_source import DataSource, data_source
from gengap.export.expressions import literal
from gengap.export.main_source import SPLITS, MainSource, Training
from gengap.export.metric_source import METRIC_SOURCES
from gengap.export.models import in_order, plain_keras_of, plain_model
from gengap.export.network_source import network_source
from gengap.export.origin import Origin, grouping_of, source_of, with_names
from gengap.export.outputs_source import outputs_source
from gengap.export.refusal import NO_SOURCE, refusal
from gengap.export.several_changes import of_several_inputs
from gengap.export.several_source import several_source, source_of_several
from gengap.lanes.inputs import input_kinds
from gengap.networks.heads import head_of
from gengap.networks.inputs import form_taken, rescales
from gengap.recipe import Recipe

__all__ = ["plain_source", "recipe_source"]

_ALIASES = {"jax": "import jax", "np": "import numpy as np", "pd": "import pandas as pd"}


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
        ``python recipe.py [DATA [TEST]]``, run from any folder, reads the data as the study did,
        prepares them by what the training rows say, trains, and prints a line of JSON with the
        mean score on training and test rows. It needs Keras, JAX, pandas and scikit-learn.

    Raises
    ------
    UserError
        ``no-plain-source``, where the network cannot be written down.
    """
    grouping = grouping_of(dataset, origin or Origin())
    source = source_of_several(dataset) if dataset.inputs else source_of(dataset)
    origin = with_names(dataset, source, origin or Origin(), groups=grouping.given)
    outputs = outputs_source(dataset, model, source, dropped_copies=origin.dropped_copies)
    forms = {name: _form(one, model, name) for name, one in dataset.by_input().items()}
    fragments = plain_keras_of(recipe)
    if forms:
        kinds = input_kinds(model, {n: one.modality for n, one in dataset.by_input().items()})
        pairs = zip(in_order(recipe), fragments, strict=True)
        fragments = tuple(of_several_inputs(*pair, kinds, forms) for pair in pairs)
    head = head_of(model, task=dataset.task, classes=len(dataset.classes), output=dataset.deciding)
    callbacks = [callback for fragment in fragments for callback in fragment.callbacks]
    watched = any('"val_metric"' in callback for callback in callbacks)
    if outputs is not None:
        callbacks = [outputs.monitored(callback) for callback in callbacks]
    try:
        plain = plain_model(model, recipe)
    except UserError as error:
        if error.code != "cannot-insert-layers":
            raise
        raise refusal(error.message) from error
    form = None if forms else _form(dataset, model)
    metric = _watched_metric(dataset) if watched else None
    network = network_source(plain, fragments, metric, form=form, outputs=outputs)
    if forms:
        given = {name: rescales(model, name) for name in forms}
        data = several_source(dataset, origin, grouping, forms, given, outputs)
    else:
        scales = rescales(model)
        data = data_source(
            dataset, source, origin, grouping, form, as_given=scales, outputs=outputs
        )
    score = METRIC_SOURCES[training.metric]
    main = MainSource(
        dataset,
        head,
        training,
        grouping,
        tuple(callbacks),
        data,
        form,
        needs=tuple(name for name in network.arguments if name != "width"),
        forms=forms,
        trained=tuple(fragment.trained for fragment in fragments if fragment.trained),
        outputs=outputs,
    )
    imports = {*data.imports, *network.imports, *score.imports, *main.imports()}
    bundled = source.kind == "bundled"
    constants = [
        *data.constants,
        *([] if outputs is None else outputs.constants()),
        f"EPOCHS = {training.epochs}",
        f"BATCH_SIZE = {training.batch_size}",
        *(
            []
            if main.has_test
            else [f"SPLITS = {training.splits if training.splits > 1 else SPLITS}"]
        ),
        f"SEED = {training.seed}",
    ]
    # What was in memory is written beside the program.
    way = "." if dataset.source in IN_MEMORY else origin.ran_in
    if not bundled and way != ".":
        constants += [
            "# From this program's folder to where the study was run.",
            f"RAN_IN = {literal(way)}",
        ]
    functions = [
        *data.functions,
        *([] if outputs is None else outputs.functions(ensembles=bool(main.trained))),
        *([_ERROR_RATE] if watched and dataset.classes else []),
        network.function,
        score.function,
        main.source(bundled),
    ]
    if not bundled:
        functions.append(_found("RAN_IN" if way != "." else ""))
    start = _start(bundled, main.reads_test)
    written = "\n".join([*constants, *functions])
    imports |= {line for name, line in _ALIASES.items() if re.search(rf"\b{name}\.", written)}
    if network.constants:
        functions.append(network.constants)
    blocks = [
        _head(dataset, recipe, data, main, bundled),
        _imports(imports, bundled),
        "\n".join(constants),
    ]
    return "\n\n".join(blocks) + "\n\n\n" + "\n\n\n".join([*functions, "\n".join(start)]) + "\n"


def _form(dataset: Dataset, model: keras.Model, name: str | None = None) -> RowForm | None:
    """Return what a row of images or sequences looks like to a network; None for a table."""
    if isinstance(dataset.rows.alone, pd.DataFrame):
        return None
    return form_taken(form_of_dataset(dataset), model, name)


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


def _found(ran_in: str) -> str:
    """Write the function that finds a file from whatever folder the program is run."""
    folder = f"Path(__file__).resolve().parent{f' / {ran_in}' if ran_in else ''}"
    where = "the study was run" if ran_in else "this program is"
    return f'''\
def found(path):
    """Return the path of a file: as given or, where there is none, as seen from where {where}."""
    path = Path(path).expanduser()
    return path if path.exists() else {folder} / path'''


def _start(bundled: bool, reads_test: bool) -> list[str]:
    start = ['if __name__ == "__main__":']
    if bundled:
        return [*start, "    main()"]
    if not reads_test:
        return [*start, "    main(found(sys.argv[1] if len(sys.argv) > 1 else DATA))"]
    named = "sys.argv[1:] + [DATA, TEST][len(sys.argv) - 1 :]"
    return [*start, f"    data, test = {named}", "    main(found(data), found(test))"]


def _head(
    dataset: Dataset, recipe: Recipe, data: DataSource, main: MainSource, bundled: bool
) -> str:
    arguments = "" if bundled else " [DATA [TEST]]" if main.reads_test else " [DATA]"
    usage = f"python recipe.py{arguments}"
    tested = "on the test part" if main.has_test else "on rows that it has not seen"
    lines = [
        f'"""Train {_safe(str(recipe))} on {_safe(dataset.name)} in plain Keras.',
        "",
        f"    {usage}",
        "",
        *textwrap.wrap(f"{data.about}; the network is scored {tested}.", 80),
    ]
    if data.hint:
        lines += ["", *textwrap.wrap(_safe(data.hint), 88)]
    return "\n".join([*lines, '"""'])


def _safe(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'")


def _imports(imports: Iterable[str], bundled: bool) -> str:
    plain = {line for line in imports if line.startswith("import ")} | {"import json", "import os"}
    if not bundled:
        plain.add("import sys")
    standard = {line for line in plain if line.split()[1] in sys.stdlib_module_names}
    others = sorted(line for line in imports if not line.startswith("import "))
    return "\n".join(
        [
            *sorted(standard),
            *([] if bundled else ["from pathlib import Path"]),
            "",
            'os.environ.setdefault("KERAS_BACKEND", "jax")',
            "",
            *sorted({*plain - standard, "import keras"}),
            *others,
        ]
    )
