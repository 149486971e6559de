"""From what the user calls a model to a built and compiled Keras model that fits the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from gengap.data.dataset import Output
from gengap.errors import UserError
from gengap.networks.loading import network_from_words
from gengap.networks.outputs import check_heads, check_outputs, fitting_losses
from gengap.networks.own_copy import is_built, own_copy
from gengap.networks.rebuild import is_graph, rebuild
from gengap.networks.several import JOINING, network_with_inputs
from gengap.networks.shapes import Shape, sample_shape
from gengap.networks.words import default_words, describe_kind

__all__ = ["describe", "resolve_model"]

_DEFAULT_LEARNING_RATE = 1e-3


def resolve_model(
    model: str | Path | keras.Model | None,
    *,
    input_shape: tuple[int, ...] | Mapping[str, tuple[int, ...]],
    outputs: int,
    task: str,
    learning_rate: float | None = None,
    widened: tuple[str, ...] = (),
    ragged: bool = False,
    several: Sequence[Output] = (),
) -> keras.Model:
    """Return the built and compiled network that `model` stands for.

    Parameters
    ----------
    model : str, path, keras.Model or None
        ``"mlp:64,32"``, ``"cnn:16,32"`` and the like are the networks of `gengap.networks.words`,
        of which one is the default (None); ``"module:function"`` a function that returns a network
        and is called with whichever of `input_shape`, `inputs`, `outputs` and `task` it takes; a
        path that ends in ``.keras`` a saved network, loaded in safe mode; an instance is copied,
        and stays as it was (the copy is compiled if it is not).
    input_shape : tuple of int, or mapping of such
        Shape of one encoded sample, such as ``(11,)``. A network may take grey images
        (height, width, 1) without their last axis. By the names of the inputs where there are
        several.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
    learning_rate : float, optional
        Replaces the optimizer's; an uncompiled network gets Adam with 0.001 otherwise.
    widened : tuple of str
        Names of the columns that take more than one encoded column, for the error text.
    ragged : bool
        Whether sequences may end before the last step.
    several : sequence of Output
        Where the data have several outputs; `outputs` and `task` are those of the one that
        decides. An uncompiled network then gets a loss for each.

    Raises
    ------
    UserError
        Where there is no such network, or it does not fit the data.
    """
    if isinstance(input_shape, Mapping):
        network = _network_of_several(model, input_shape, outputs, task, widened)
    else:
        network = _network_of_one(model, input_shape, outputs, task, widened, ragged=ragged)
    check_outputs(network, outputs, task, several)
    if not network.compiled:
        _compile(network, task, several, learning_rate)
    elif learning_rate is not None:
        _set_learning_rate(network.optimizer, learning_rate)
    check_heads(network, outputs, task, several)
    return network


def _network_of_several(
    model: Any,
    input_shape: Mapping[str, tuple[int, ...]],
    outputs: int,
    task: str,
    widened: tuple[str, ...],
) -> keras.Model:
    """Return the network with several inputs that `model` stands for."""
    network = network_with_inputs(model, input_shape, outputs, task)
    _check_training(network)
    own = sample_shape(network)
    assert isinstance(own, Mapping)
    for name, shape in input_shape.items():
        words = tuple(word for word in widened if word.startswith(f"{name}."))
        _check_shape(own[name], shape, words, f"the input {name!r} of the network")
    return network


def _network_of_one(
    model: Any,
    input_shape: tuple[int, ...],
    outputs: int,
    task: str,
    widened: tuple[str, ...],
    *,
    ragged: bool,
) -> keras.Model:
    """Return the built network with one input that `model` stands for."""
    if model is None:
        model = default_words(len(input_shape))
    if model is None:
        raise UserError(
            "model-not-given",
            f"there is no default network for samples of the shape {_shape(input_shape)}",
            "bring one: --model module:function, or a .keras file",
        )
    if isinstance(model, str | Path):
        network = network_from_words(str(model), input_shape, outputs, task, ragged=ragged)
    elif isinstance(model, keras.Model):
        _check_inputs(model, input_shape, widened)
        network = own_copy(model)
    else:
        raise UserError(
            "not-a-model",
            f"model must be a keras.Model, words or a path, received {type(model).__name__}",
            "words are 'mlp:64,32', 'module:function' or a path that ends in .keras",
        )
    _check_training(network)
    _check_inputs(network, input_shape, widened)
    _build(network, input_shape)
    return _sized(network, input_shape)


def describe(model: keras.Model) -> str:
    """Say in a few words what a compiled network is.

    Examples
    --------
    >>> describe(resolve_model("mlp:8,4", input_shape=(5,), outputs=2, task="classification"))
    'mlp 8-4, Adam(0.001)'
    """
    text = describe_kind(model)
    if text is None:
        dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        if isinstance(model, keras.Sequential) and dense and len(dense) == len(model.layers):
            text = "mlp " + "-".join(str(layer.units) for layer in dense[:-1])
            text = text.strip() if len(dense) > 1 else "linear"
        else:
            text = f"{type(model).__name__} {model.name!r} with {model.count_params():,} weights"
    return f"{text}, {_describe_optimizer(model.optimizer)}"


def _describe_optimizer(optimizer: keras.optimizers.Optimizer) -> str:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = inner._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return f"{type(inner).__name__}({type(rate).__name__})"
    return f"{type(inner).__name__}({float(rate.value):.4g})"


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def _check_inputs(
    model: keras.Model, input_shape: tuple[int, ...], widened: tuple[str, ...]
) -> None:
    if not model.built or not hasattr(model, "inputs") or model.inputs is None:
        return
    if len(model.inputs) != 1:
        raise UserError(
            "several-inputs",
            f"the network has {len(model.inputs)} inputs; x holds one",
            "in Python, give x as a mapping from the names of the inputs to arrays, or as a list "
            f"in the order of model.inputs; or {JOINING}",
        )
    _check_shape(tuple(model.inputs[0].shape[1:]), input_shape, widened, "the network")


def _check_shape(
    expected: Shape, input_shape: tuple[int, ...], widened: tuple[str, ...], what: str
) -> None:
    grey = len(input_shape) == 3 and input_shape[-1] == 1
    if _fits(expected, input_shape) or (grey and _fits(expected, input_shape[:-1])):
        return
    hint = f"build the network for the shape {_shape(input_shape)}"
    if widened:
        hint += (
            " (columns with words take one input for each of their levels or terms: "
            + ", ".join(f"'{name}'" for name in widened[:8])
            + (", ..." if len(widened) > 8 else "")
            + "; where they are meant as numbers, mend or empty the cells that are none)"
        )
    raise UserError(
        "model-input-shape",
        f"{what} takes samples of the shape {_shape(expected)}, the encoded data have "
        f"{_shape(input_shape)}",
        hint,
    )


def _check_training(model: keras.Model) -> None:
    """Refuse a network that is trained by code of its own, which lanes would not call."""
    own = [
        name
        for name in ("train_step", "fit")
        if getattr(type(model), name) is not getattr(keras.Model, name)
    ]
    if own:
        raise UserError(
            "own-training",
            f"the class {type(model).__name__} trains in its own way, by its {' and '.join(own)}; "
            "a study trains all networks side by side by what they are compiled with",
            "leave that method out; a loss of one's own goes into compile(loss=...), "
            "compute_loss() or add_loss()",
        )


def _fits(expected: tuple[int | None, ...], given: tuple[int, ...]) -> bool:
    return len(expected) == len(given) and all(
        wanted in (None, size) for wanted, size in zip(expected, given, strict=True)
    )


def _build(model: keras.Model, input_shape: tuple[int, ...]) -> None:
    if is_built(model):
        return
    try:
        if isinstance(model, keras.Sequential):
            model.build((None, *input_shape))  # a call would fix the size of batches
        else:
            model(keras.ops.zeros((2, *input_shape)), training=False)
    except (TypeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(
            "model-does-not-run",
            f"the network fails on samples of the shape {_shape(input_shape)}: {first}",
            "call it yourself on an array of that shape, with the batch axis first",
        ) from error


def _sized(model: keras.Model, input_shape: tuple[int, ...]) -> keras.Model:
    """Build a graph that takes samples of any size for the size that they have."""
    expected = sample_shape(model)
    assert not isinstance(expected, Mapping)
    if not is_graph(model) or None not in expected:
        return model
    return rebuild(model, lambda layer: None, sample_shape=input_shape[: len(expected)])


def _set_learning_rate(optimizer: keras.optimizers.Optimizer, learning_rate: float) -> None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if isinstance(inner._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise UserError(
            "learning-rate-schedule",
            f"the network's optimizer has a schedule ({type(inner._learning_rate).__name__}) for "
            f"its learning rate, and a learning rate of {learning_rate:g} was given besides",
            "leave the learning rate out, or compile the network with a plain one",
        )
    inner.learning_rate = learning_rate


def _compile(
    model: keras.Model, task: str, several: Sequence[Output], learning_rate: float | None
) -> None:
    rate = _DEFAULT_LEARNING_RATE if learning_rate is None else learning_rate
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=fitting_losses(model, task, several))
