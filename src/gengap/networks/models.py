"""From what the user calls a model to a built and compiled Keras model that fits the data."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import traceback
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from gengap.errors import UserError
from gengap.networks.heads import head_of, output_activation, output_units
from gengap.networks.mlp import mlp
from gengap.networks.shapes import output_shapes

__all__ = ["describe", "resolve_model"]

_DEFAULT_LAYERS = (64, 32)
_DEFAULT_LEARNING_RATE = 1e-3


def resolve_model(
    model: str | Path | keras.Model | None,
    *,
    input_shape: tuple[int, ...],
    outputs: int,
    task: str,
    learning_rate: float | None = None,
    widened: tuple[str, ...] = (),
) -> keras.Model:
    """Return the built and compiled network that `model` stands for.

    Parameters
    ----------
    model : str, path, keras.Model or None
        None is ``"mlp:64,32"``; ``"mlp:UNITS,..."`` a multilayer perceptron; ``"module:function"``
        a function that returns a network and is called with whichever of `input_shape`, `inputs`,
        `outputs` and `task` it takes; a path that ends in ``.keras`` a saved network, loaded in
        safe mode; an instance is used as it is (it is compiled if it is not).
    input_shape : tuple of int
        Shape of one encoded sample, such as ``(11,)``.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
    learning_rate : float, optional
        Replaces the optimizer's; an uncompiled network gets Adam with 0.001 otherwise.
    widened : tuple of str
        Names of the columns that take more than one encoded column, for the error text.

    Raises
    ------
    UserError
        Where there is no such network, or it does not fit the data.
    """
    if model is None:
        model = "mlp:" + ",".join(map(str, _DEFAULT_LAYERS))
    if isinstance(model, str | Path):
        network = _from_words(str(model), input_shape, outputs, task)
    elif isinstance(model, keras.Model):
        network = model
    else:
        raise UserError(
            "not-a-model",
            f"model must be a keras.Model, words or a path, received {type(model).__name__}",
            "words are 'mlp:64,32', 'module:function' or a path that ends in .keras",
        )
    _check_inputs(network, input_shape, widened)
    _build(network, input_shape)
    _check_outputs(network, outputs, task)
    if not network.compiled:
        _compile(network, outputs, task, learning_rate)
    elif learning_rate is not None:
        _set_learning_rate(network.optimizer, learning_rate)
    head_of(network, task=task, classes=outputs)
    return network


def describe(model: keras.Model) -> str:
    """Say in a few words what a compiled network is.

    Examples
    --------
    >>> describe(resolve_model("mlp:8,4", input_shape=(5,), outputs=2, task="classification"))
    'mlp 8-4, Adam(0.001)'
    """
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


def _from_words(words: str, input_shape: tuple[int, ...], outputs: int, task: str) -> keras.Model:
    if words == "mlp" or words.startswith("mlp:"):
        return _mlp_from_words(words, input_shape, outputs, task)
    if words.endswith(".keras"):
        return _load(Path(words))
    if ":" in words:
        return _call_function(words, input_shape, outputs, task)
    raise UserError(
        "unknown-model",
        f"cannot tell what the model {words!r} is",
        "write 'mlp:64,32', 'module:function', or a path that ends in .keras",
    )


def _mlp_from_words(
    words: str, input_shape: tuple[int, ...], outputs: int, task: str
) -> keras.Model:
    text = words.removeprefix("mlp").removeprefix(":")
    parts = [part.strip() for part in text.split(",")] if text else list(map(str, _DEFAULT_LAYERS))
    if not all(part.isdecimal() and 1 <= int(part) <= 1_000_000 for part in parts):
        raise UserError(
            "bad-layers",
            f"the layers of {words!r} must be whole numbers of at least 1, separated by commas",
            "for example mlp:64,32",
        )
    if len(input_shape) != 1:
        raise UserError(
            "mlp-needs-a-table",
            f"an mlp takes rows of numbers, the samples have the shape {_shape(input_shape)}",
            "bring a network for such samples: --model module:function, or a .keras file",
        )
    return mlp(input_shape[0], outputs, task, tuple(int(part) for part in parts))


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    here = str(Path.cwd())
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        yield
    finally:
        if added and here in sys.path:
            sys.path.remove(here)


def _call_function(
    words: str, input_shape: tuple[int, ...], outputs: int, task: str
) -> keras.Model:
    module_name, _, function_name = words.partition(":")
    with _working_directory_importable(), _users_code(words):
        try:
            module = importlib.import_module(module_name)
        except (ImportError, ValueError, SyntaxError) as error:
            raise UserError(
                "model-not-importable",
                f"cannot import {module_name!r} for the model {words!r}: {error}",
                f"it must be a module of the working directory ({Path.cwd()}) or an installed one, "
                "written with dots and without .py",
            ) from error
        function = getattr(module, function_name, None)
        if not callable(function):
            public = [name for name, value in vars(module).items() if inspect.isfunction(value)]
            raise UserError(
                "no-such-function",
                f"the module {module_name!r} has no function {function_name!r}",
                f"its functions: {', '.join(public) or 'none'}",
            )
        network = _call(function, words, input_shape, outputs, task)
    if not isinstance(network, keras.Model):
        raise UserError(
            "not-a-model",
            f"{words} returned {type(network).__name__}, expected a keras.Model",
            "return the network itself, built or not, compiled or not",
        )
    return network


@contextmanager
def _users_code(words: str) -> Iterator[None]:
    """Say of code that is not ours where it failed; what cannot be imported is told elsewhere."""
    try:
        yield
    except (UserError, ImportError, SyntaxError):
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = str(error).strip().splitlines()
        raise UserError(
            "model-function-fails",
            f"{words} raised {type(error).__name__}{f': {reason[0]}' if reason else ''} "
            f"(line {place.lineno} of {place.filename})",
            "call it on its own in Python to see the whole traceback",
        ) from error


def _call(function: Any, words: str, input_shape: tuple[int, ...], outputs: int, task: str) -> Any:
    offered = {
        "input_shape": input_shape,
        "inputs": input_shape[0] if len(input_shape) == 1 else input_shape,
        "outputs": outputs,
        "task": task,
    }
    parameters = inspect.signature(function).parameters
    everything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = {
        name
        for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and name not in offered
    ]
    if missing:
        raise UserError(
            "model-function-arguments",
            f"{words} needs the argument {missing[0]!r}, which is not known",
            f"known are {', '.join(offered)}; give any other argument a default",
        )
    return function(**{k: v for k, v in offered.items() if everything or k in named})


def _load(path: Path) -> keras.Model:
    if not path.is_file():
        raise UserError(
            "no-such-model", f"there is no file {path}", "give the path of a .keras file"
        )
    if not zipfile.is_zipfile(path):
        raise UserError(
            "not-a-keras-file",
            f"{path} is not a .keras file (those are zip archives)",
            "save the network with model.save('name.keras')",
        )
    with zipfile.ZipFile(path) as archive:
        if "config.json" not in archive.namelist():
            raise UserError(
                "not-a-keras-file",
                f"{path} is a zip archive without config.json, not a saved Keras network",
                "save the network with model.save('name.keras')",
            )
        config = json.loads(archive.read("config.json"))
    _refuse_code(config, path)
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except (TypeError, ValueError, KeyError, ImportError, AttributeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            "model-not-loadable",
            f"cannot load {path}: {first}",
            "custom layers are not in a .keras file: write --model module:function instead, where "
            "the function returns the network",
        ) from error


def _refuse_code(config: Any, path: Path) -> None:
    """Refuse a configuration that brings Python code along."""
    if isinstance(config, dict):
        if config.get("class_name") == "__lambda__":
            raise UserError(
                "model-brings-code",
                f"{path} holds a Lambda layer with Python code; running code from a file that "
                "somebody may have sent is not safe",
                "write --model module:function with that network, or replace the Lambda layer",
            )
        for value in config.values():
            _refuse_code(value, path)
    elif isinstance(config, list):
        for value in config:
            _refuse_code(value, path)


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
            f"the network has {len(model.inputs)} inputs; networks with one input are supported",
            "concatenate what the inputs take into one input, and slice it inside the network",
        )
    expected = tuple(model.inputs[0].shape[1:])
    fits = len(expected) == len(input_shape) and all(
        wanted is None or wanted == given
        for wanted, given in zip(expected, input_shape, strict=True)
    )
    if fits:
        return
    hint = f"build the network for the shape {_shape(input_shape)}"
    if widened:
        hint += (
            f" (text columns take one input for each of their levels: {', '.join(widened[:8])}"
            + (", ...)" if len(widened) > 8 else ")")
        )
    raise UserError(
        "model-input-shape",
        f"the network takes samples of the shape {_shape(expected)}, the encoded data have "
        f"{_shape(input_shape)}",
        hint,
    )


def _build(model: keras.Model, input_shape: tuple[int, ...]) -> None:
    if model.built and (model.variables or getattr(model, "inputs", None)):
        return
    try:
        model(keras.ops.zeros((2, *input_shape)), training=False)
    except (TypeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(
            "model-does-not-run",
            f"the network fails on samples of the shape {_shape(input_shape)}: {first}",
            "call it yourself on an array of that shape, with the batch axis first",
        ) from error


def _check_outputs(model: keras.Model, outputs: int, task: str) -> None:
    shape = output_shapes(model)
    if len(shape) != 1:
        raise UserError(
            "several-outputs",
            f"the network has {len(shape)} outputs; networks with one output are supported",
            "make a network that returns the one output that the target belongs to",
        )
    units, dimensions = output_units(model), len(shape[0])
    if task == "regression":
        allowed: tuple[int, ...] = (1,)
        wanted = "1 unit"
    elif outputs == 2:
        allowed = (1, 2)
        wanted = "1 unit (sigmoid) or 2 units (softmax) for the 2 classes"
    else:
        allowed = (outputs,)
        wanted = f"{outputs} units (softmax) for the {outputs} classes"
    if dimensions > 2 or units not in allowed:
        raise UserError(
            "model-output-shape",
            f"the network's output has the shape {_shape(shape[0][1:])}, expected {wanted}",
            f"end the network in a Dense layer with {' or '.join(map(str, allowed))} "
            f"{'unit' if allowed == (1,) else 'units'}",
        )


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


def _compile(model: keras.Model, outputs: int, task: str, learning_rate: float | None) -> None:
    rate = _DEFAULT_LEARNING_RATE if learning_rate is None else learning_rate
    loss: keras.losses.Loss | str = "mse"
    if task == "classification":
        logits = output_activation(model) not in ("softmax", "sigmoid")
        loss = (
            keras.losses.BinaryCrossentropy(from_logits=logits)
            if output_units(model) == 1
            else keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
        )
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
