"""Small networks and data that lanes and `fit` are compared on."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from gengap.data.arrays import from_arrays
from gengap.data.dataset import Output
from gengap.data.encoding import encode
from gengap.data.preprocessing import fit_preprocessing
from gengap.lanes.data import StudyData, study_data, value_ranges
from gengap.lanes.loop import batch_order, epochs, start_state
from gengap.lanes.network import LaneNetwork, lane_network
from gengap.lanes.program import Asked, Program
from gengap.networks.shapes import known_shape
from gengap.random_bits import key as seed_key
from gengap.recipe import Recipe
from gengap.splits import make_splits
from gengap.techniques.discovery import find_technique

ROWS, COLUMNS, CLASSES, BATCH = 100, 6, 3, 32
#: Rows without a smaller batch at the end, which is compiled by itself.
WHOLE_BATCHES = 96

layers = keras.layers


def table(seed: int = 0, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (rows, COLUMNS) and class codes that depend on them."""
    return rows_of((COLUMNS,), seed, rows)


def rows_of(
    shape: tuple[int, ...], seed: int = 0, rows: int = ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (rows, ...) and class codes that depend on them."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(rows, *shape)).astype("float32")
    scores = inputs.reshape(rows, -1) @ generator.normal(size=(math.prod(shape), CLASSES))
    return inputs, scores.argmax(axis=1).astype("int32")


def sequential(*, batch_norm: bool = False) -> keras.Model:
    """Build a classifier as a list of layers."""
    keras.utils.set_random_seed(1)
    hidden: list[Any] = [layers.Dense(8, use_bias=not batch_norm)]
    if batch_norm:
        hidden.append(layers.BatchNormalization(momentum=0.9))
    tail = [layers.Activation("relu"), layers.Dense(CLASSES, activation="softmax")]
    return keras.Sequential([keras.Input((COLUMNS,)), *hidden, *tail])


def functional(*, batch_norm: bool = False) -> keras.Model:
    """Build a residual classifier as a graph."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((COLUMNS,))
    first = layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))(
        inputs
    )
    hidden = layers.Dense(8, use_bias=not batch_norm)(first)
    if batch_norm:
        hidden = layers.BatchNormalization(momentum=0.9)(hidden)
    hidden = layers.Add()([first, layers.Activation("relu")(hidden)])
    return keras.Model(inputs, layers.Dense(CLASSES)(hidden))


def convolutional() -> keras.Model:
    """Build a classifier of images."""
    keras.utils.set_random_seed(3)
    hidden = [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    return keras.Sequential(
        [keras.Input((6, 6, 2)), *hidden, layers.Dense(CLASSES, activation="softmax")]
    )


def recurrent() -> keras.Model:
    """Build a classifier of sequences."""
    keras.utils.set_random_seed(4)
    hidden = [layers.LSTM(4, return_sequences=True), layers.Flatten()]
    return keras.Sequential(
        [keras.Input((5, 2)), *hidden, layers.Dense(CLASSES, activation="softmax")]
    )


def residual(modality: str, outputs: int = CLASSES) -> keras.Model:
    """Build a network with a residual block of one branch, then one of two beside each other."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input({"table": (COLUMNS,), "image": (6, 6, 2), "sequence": (5, 2)}[modality])

    def branch(hidden: Any, *, recurrent: bool = False) -> Any:
        if modality == "table":
            return layers.Dense(8, activation="tanh")(hidden)
        if modality == "image":
            return layers.Conv2D(4, 3, padding="same", activation="tanh")(hidden)
        if recurrent:
            return layers.LSTM(4, return_sequences=True)(hidden)
        return layers.Conv1D(4, 2, padding="same", activation="tanh")(hidden)

    hidden = branch(inputs)
    hidden = layers.Add()([hidden, branch(hidden, recurrent=True)])
    hidden = layers.Add()([hidden, branch(hidden), branch(hidden)])
    if modality == "image":
        hidden = layers.GlobalAveragePooling2D()(hidden)
    if modality == "sequence":
        hidden = layers.GlobalAveragePooling1D()(hidden)
    activation = "softmax" if outputs > 1 else None
    return keras.Model(inputs, layers.Dense(outputs, activation=activation)(hidden))


def stacked(modality: str, outputs: int = CLASSES) -> keras.Model:
    """Build a network with hidden layers of one shape on each other."""
    keras.utils.set_random_seed(6)
    inputs = keras.Input({"table": (COLUMNS,), "image": (6, 6, 2), "sequence": (5, 2)}[modality])
    hidden: Any = inputs
    for _ in range(3):
        if modality == "table":
            hidden = layers.Dense(8, activation="tanh")(hidden)
        elif modality == "image":
            hidden = layers.Conv2D(4, 3, padding="same", activation="tanh")(hidden)
        else:
            hidden = layers.GRU(4, return_sequences=True)(hidden)
    if modality != "table":
        hidden = layers.Flatten()(hidden)
    activation = "softmax" if outputs > 1 else None
    return keras.Model(inputs, layers.Dense(outputs, activation=activation)(hidden))


def two_inputs(second: str) -> keras.Model:
    """Build a classifier of a table and of sequences, images, or codes besides."""
    keras.utils.set_random_seed(7)
    numbers = keras.Input((COLUMNS,), name="numbers")
    others = keras.Input(SECOND_SHAPES[second], name=second)
    if second == "series":
        hidden: Any = layers.LSTM(4)(others)
    elif second == "images":
        hidden = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(others))
    else:
        hidden = layers.Flatten()(layers.Embedding(CODES, 3)(others))
    hidden = layers.Concatenate()([layers.Dense(6, activation="relu")(numbers), hidden])
    hidden = layers.Dense(8, activation="tanh")(hidden)
    return keras.Model([numbers, others], layers.Dense(CLASSES, activation="softmax")(hidden))


def two_outputs(*, mapping: bool = False, dropout: float = 0.0) -> keras.Model:
    """Build a network that tells classes at one output, and a number at another."""
    keras.utils.set_random_seed(8)
    inputs = keras.Input((COLUMNS,))
    hidden = layers.Dense(8, activation="tanh")(inputs)
    if dropout:
        hidden = layers.Dropout(dropout)(hidden)
    outputs = {
        "price": layers.Dense(1, name="price")(hidden),
        "kind": layers.Dense(CLASSES, activation="softmax", name="kind")(hidden),
    }
    return keras.Model(inputs, outputs if mapping else list(outputs.values()))


def rows_of_outputs(seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the inputs of `two_outputs`, and the targets of each output."""
    inputs, kinds = table(seed)
    prices = np.sin(inputs[:, 0]) + inputs[:, 1]
    return inputs, {"price": prices.astype("float32"), "kind": kinds}


#: What the outputs of `two_outputs` predict, and how their losses count.
OUTPUTS = (
    Output("price", "regression"),
    Output("kind", "classification", tuple("abcdefg"[:CLASSES])),
)
LOSSES = {"price": "mean_squared_error", "kind": "sparse_categorical_crossentropy"}
LOSS_WEIGHTS = {"price": 0.5, "kind": 1.5}


def compiled_outputs(model: keras.Model, optimizer: Any) -> keras.Model:
    """Compile a network of `two_outputs`."""
    model.compile(optimizer, LOSSES, loss_weights=LOSS_WEIGHTS)
    return model


def network_of_outputs(model: keras.Model, output: str = "kind") -> LaneNetwork:
    """Look a compiled network of `two_outputs` over."""
    (deciding,) = (one for one in OUTPUTS if one.name == output)
    return lane_network(
        model,
        sample_shape=known_shape(model),
        task=deciding.task,
        classes=deciding.class_count,
        outputs=OUTPUTS,
        output=output,
    )


def shared_of_outputs(inputs: Any, targets: dict[str, np.ndarray], output: str = "kind") -> Any:
    """Return what all lanes of such a network read."""
    shared = shared_of(inputs, targets[output])
    further = {name: jnp.asarray(line) for name, line in targets.items() if name != output}
    unscaled = {"target_shift": np.zeros(1, np.float32), "target_scale": np.ones(1, np.float32)}
    folds = {**shared["folds"], "further": dict.fromkeys(further, unscaled)}
    return {**shared, "further": further, "folds": folds}


def rows_of_two(second: str, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the inputs of `two_inputs`, and class codes that depend on them."""
    numbers, targets = rows_of((COLUMNS,), seed)
    shape = SECOND_SHAPES[second]
    others, more = rows_of(shape, seed + 1)
    if second == "codes":
        others = np.random.default_rng(seed).integers(0, CODES, (ROWS, *shape)).astype("float32")
    return {"numbers": numbers, second: others}, (targets + more) % CLASSES


#: Shapes of what `two_inputs` takes besides a table, and how many codes there are.
SECOND_SHAPES: dict[str, tuple[int, ...]] = {"series": (5, 2), "images": (6, 6, 2), "codes": (2,)}
CODES = 7

#: A network of each kind of data, and one with parts that few networks have.
NETWORKS = {
    "table": sequential,
    "image": convolutional,
    "sequence": recurrent,
    "stacked table": functools.partial(stacked, "table"),
    "stacked image": functools.partial(stacked, "image"),
    "stacked sequence": functools.partial(stacked, "sequence"),
    "residual table": functools.partial(residual, "table"),
    "residual image": functools.partial(residual, "image"),
    "residual sequence": functools.partial(residual, "sequence"),
}
#: The kind of data that each of them is made for.
MODALITIES = {kind: kind.split()[-1] for kind in NETWORKS}


def compiled(model: keras.Model, optimizer: Any) -> keras.Model:
    """Compile with the cross-entropy that fits the output."""
    logits = model.layers[-1].activation is keras.activations.linear
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=logits))
    return model


def program_of(
    recipes: Sequence[str] = (), *, count: int = 3, judges: Sequence[str] = (), rows: int = ROWS
) -> Program:
    """Return a program with the hooks of some recipes."""
    parts = [part for text in recipes for part in Recipe.parse(text).parts]
    asked = sorted(
        dict.fromkeys(Asked.of(part) for part in parts),
        key=lambda a: (find_technique(a.technique).order, a.technique),
    )
    return Program(
        techniques=tuple(asked),
        judges=tuple(Asked.of(Recipe.parse(text).parts[0]) for text in judges),
        rows=rows,
        epochs=count,
        batch_size=BATCH,
        task="classification",
    )


def values_of(program: Program, recipe: str) -> dict[str, dict[str, np.ndarray]]:
    """Return a lane's strengths; neutral where the recipe does without a technique."""
    given = Recipe.parse(recipe).values()
    return {
        asked.technique: {
            s.name: np.float32(given.get(asked.technique, {}).get(s.name, s.idle))
            for s in find_technique(asked.technique).strengths
        }
        for asked in program.techniques
    }


def lane_of(program: Program, recipe: str = "baseline", *, seed: int = 0, judges: Any = ()) -> Any:
    """Return the record of one lane."""
    return {
        "split": np.int32(0),
        "key": seed_key(seed),
        "values": values_of(program, recipe),
        "judges": list(judges),
    }


def shared_of(inputs: Any, targets: np.ndarray) -> Any:
    """Return what all lanes read: one fold, of all rows, unscaled; of several inputs by name."""
    if isinstance(inputs, dict):
        each = {name: shared_of(one, targets) for name, one in inputs.items()}
        some = next(iter(each.values()))
        folds = {k: v for k, v in some["folds"].items() if k != "value_range"}
        # Only images have a range there.
        ranges = {
            name: {"value_range": one["folds"]["value_range"]} if inputs[name].ndim == 4 else {}
            for name, one in each.items()
        }
        named = {k: {name: one[k] for name, one in each.items()} for k in ("inputs", "columns")}
        return {**some, **named, "folds": {**folds, "inputs": ranges}}
    block = np.arange(len(targets), dtype=np.int32)[None, None]
    folds = {
        "target_shift": np.zeros(1, np.float32),
        "target_scale": np.ones(1, np.float32),
        "target_unit": np.ones(1, np.float32),
    }
    if inputs.ndim == 4:
        folds["value_range"] = value_ranges(inputs, [np.arange(len(targets))])
    return {
        "inputs": jnp.asarray(inputs),
        "targets": jnp.asarray(targets),
        "row_weights": None,
        "folds": folds,
        "columns": np.arange(inputs.shape[1], dtype=np.int32) if inputs.ndim == 2 else None,
        "evaluated": (block, np.ones((1, 1, 2, len(targets)), bool)),
        "test": block,
    }


def study_of(*, folds: int, classes: int = CLASSES) -> StudyData:
    """Return the table as a study holds it, in folds; without classes its target is a number."""
    inputs, targets = table()
    task: Any = "classification" if classes else "regression"
    target = np.minimum(targets, classes - 1) if classes else 100 + 20 * inputs[:, 0]
    dataset = from_arrays(inputs, target, task=task)
    encoded = encode(dataset.columns, dataset.rows.features)
    splits = make_splits(dataset.rows.target, task=task, folds=folds, seed=0)
    prepared = [fit_preprocessing(dataset, encoded, split.training) for split in splits]
    return study_data(dataset, encoded, splits, prepared)


def network_of(model: keras.Model, *, off: tuple[str, ...] = ()) -> LaneNetwork:
    """Look a compiled classifier over."""
    shape = known_shape(model)
    return lane_network(model, sample_shape=shape, task="classification", classes=CLASSES, off=off)


def started(network: LaneNetwork, program: Program) -> Any:
    """Return a lane's state at the model's own weights."""
    model = network.model
    return start_state(
        network,
        program,
        jax.device_get([v.value for v in model.trainable_variables]),
        jax.device_get([v.value for v in model.non_trainable_variables]),
        jax.device_get([v.value for v in model.optimizer.variables]),
    )


def train_lanes(
    network: LaneNetwork,
    program: Program,
    lanes: Sequence[Any],
    shared: Any,
    *,
    seeds: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Train lanes side by side from the model's own weights; leaves have a lane axis in front."""
    stack = lambda trees: jax.tree.map(lambda *leaves: np.stack(leaves), *trees)  # noqa: E731
    states = stack([started(network, program) for _ in lanes])
    rows = len(shared["targets"])
    taken = np.stack(
        [orders(program, seed=seed, training=rows) for seed in seeds or [0] * len(lanes)]
    )
    count = jnp.asarray(program.epochs, jnp.int32)
    return jax.device_get(
        jitted_epochs(network, program)(states, stack(list(lanes)), taken, shared, count)
    )


@contextmanager
def precision(kind: str) -> Iterator[None]:
    """Let Keras and JAX compute in ``"float32"`` or ``"float64"``."""
    before, kept = jax.config.jax_enable_x64, keras.config.floatx()
    jax.config.update("jax_enable_x64", kind == "float64")
    _set_precision(kind)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)
        _set_precision(kept)


def _set_precision(kind: str) -> None:
    keras.config.set_floatx(kind)
    # Keras fixes the policy of all layers to come at the first layer that is made.
    keras.config.set_dtype_policy(kind)


@functools.cache
def jitted_epochs(network: LaneNetwork, program: Program) -> Any:
    """Return the compiled lanes; tests that share a network and a program share them."""
    return jax.jit(jax.vmap(epochs(network, program), in_axes=(0, 0, 0, None, None)))


def orders(program: Program, *, seed: int = 0, training: int = ROWS) -> list[np.ndarray]:
    """Return the batch order of every epoch, as the lanes take it from so many training rows."""
    rows = np.arange(training)
    return [batch_order(seed, epoch, rows, program.rows) for epoch in range(program.epochs)]


def fit(
    model: keras.Model,
    inputs: Any,
    targets: Any,
    batch_orders: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Train with Keras' own `fit`, an epoch a batch order; return the weights."""
    for order in batch_orders:
        rows, given = jax.tree.map(lambda one: one[order], (inputs, targets))  # noqa: B023
        model.fit(rows, given, batch_size=BATCH, shuffle=False, verbose=0)
    return [np.asarray(v.value, "float64") for v in model.trainable_variables]


def fitted_twice(
    build: Callable[[], keras.Model], inputs: Any, targets: Any
) -> tuple[list[np.ndarray], float]:
    """Train with `fit`; return the weights, and how far from them rounding may lead.

    That is ten times the distance between `fit` in 32 and in 64 bits, from the same 32-bit weights
    and with the same batches.

    Parameters
    ----------
    build : callable
        ``() -> keras.Model``, compiled.
    inputs, targets : ndarray, or mapping of such
    """
    count = len(jax.tree.leaves(targets)[0])
    # It takes longer to compile than to run.
    jax.config.update("jax_disable_most_optimizations", True)
    batches = orders(program_of(rows=count), training=count)
    try:
        single = build()
        start = single.get_weights()
        weights = fit(single, inputs, targets, batches)
        with precision("float64"):
            double = build()
            double.set_weights(start)
            wide = jax.tree.map(
                lambda one: one.astype("float64") if one.dtype.kind == "f" else one, targets
            )
            all_wide = jax.tree.map(lambda one: one.astype("float64"), inputs)
            other = fit(double, all_wide, wide, batches)
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
    return weights, 10 * distance(weights, other)


def distance(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """Return the largest difference of two lists of weights."""
    return max(
        float(np.max(np.abs(np.asarray(a, "float64") - np.asarray(b, "float64"))))
        for a, b in zip(first, second, strict=True)
    )
