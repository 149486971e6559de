"""What a network's outputs mean: probabilities or logits, and the targets that its loss takes.

Notation
--------
n   rows
C   classes
U   units of the output, C or 1 for classification, 1 for regression
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from gengap.data.dataset import Output
from gengap.errors import UserError
from gengap.networks.compiling import losses_of
from gengap.networks.inputs import trial_inputs
from gengap.networks.shapes import output_names, output_shapes

__all__ = [
    "Head",
    "TargetForm",
    "head_of",
    "heads_of",
    "output_activation",
    "output_units",
    "to_probabilities",
]

Array = Any
Activation = Literal["softmax", "sigmoid", "linear", "unknown"]

_ONE_HOT_LOSSES = {
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "kl_divergence",
    "poisson",
    "cosine_similarity",
    "dice",
    "tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "hinge",
    "squared_hinge",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "log_cosh",
    "huber",
}
_SPARSE_LOSSES = {"sparse_categorical_crossentropy"}
_CROSS_ENTROPIES = {
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
}


@dataclass(frozen=True)
class TargetForm:
    """The form in which a loss takes its targets.

    Attributes
    ----------
    kind : {"codes", "one_hot", "column"}
        Class codes (n,) int32; indicator rows (n, C) float32; one float32 column (n, 1).
    classes : int
        C, or 0 for regression.
    """

    kind: Literal["codes", "one_hot", "column"]
    classes: int

    def encode(self, target: np.ndarray) -> np.ndarray:
        """Bring class codes or values, (n,), into this form.

        Examples
        --------
        >>> TargetForm("one_hot", 3).encode(np.array([2, 0])).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
        """
        if self.kind == "codes":
            return np.asarray(target, dtype=np.int32)
        if self.kind == "one_hot":
            return np.eye(self.classes, dtype=np.float32)[np.asarray(target, dtype=np.int64)]
        return np.asarray(target, dtype=np.float32).reshape(-1, 1)


@dataclass(frozen=True)
class Head:
    """How the outputs of a compiled network are read.

    Attributes
    ----------
    units : int
        U.
    activation : {"softmax", "sigmoid", "linear", "unknown"}
        Of the output, as far as it can be told from the layers.
    from_logits : bool
        Whether the outputs still need a softmax or sigmoid to be probabilities.
    loss : str
        Snake-case name of the loss; a callable's own name where it is not one of Keras.
    keras_loss : bool
        Whether it is one of Keras' losses.
    targets : TargetForm
    """

    units: int
    activation: Activation
    from_logits: bool
    loss: str
    keras_loss: bool
    targets: TargetForm


def to_probabilities(outputs: Array, from_logits: bool, units: int) -> Array:
    """Turn outputs (n, U) into class probabilities (n, C), rows summing to 1.

    Parameters
    ----------
    outputs : array (n, U) or (n,)
    from_logits : bool
        Whether they are logits (`Head.from_logits`).
    units : int
        U; one unit is the probability, or the logit, of the second class.

    Examples
    --------
    >>> np.asarray(to_probabilities(np.array([[0.25]]), from_logits=False, units=1)).tolist()
    [[0.75, 0.25]]
    """
    ops = keras.ops
    if units == 1:
        column = ops.reshape(outputs, (-1, 1))
        second = ops.sigmoid(column) if from_logits else column
        return ops.concatenate([1.0 - second, second], axis=-1)
    if from_logits:
        return ops.softmax(outputs, axis=-1)
    positive = ops.maximum(outputs, np.finfo(np.float32).tiny)
    return positive / ops.sum(positive, axis=-1, keepdims=True)


def head_of(model: keras.Model, *, task: str, classes: int, output: str | None = None) -> Head:
    """Read off what the outputs of a compiled, built network mean.

    Parameters
    ----------
    model : keras.Model
        Compiled and built.
    task : {"classification", "regression"}
    classes : int
        C; ignored for regression.
    output : str, optional
        Which of several outputs (`gengap.networks.shapes.output_names`).

    Raises
    ------
    UserError
        Where the loss cannot go with the outputs: a cross-entropy of probabilities over linear
        outputs, a sparse loss over one unit, several losses.
    """
    place = 0 if output is None else output_names(model).index(output)
    units = output_units(model, place)
    activation = output_activation(model, place)
    name, keras_loss, declared = _loss_of(model, place)
    if task == "regression":
        return Head(units, activation, False, name, keras_loss, TargetForm("column", 0))
    if declared is False and activation == "linear" and name in _CROSS_ENTROPIES:
        raise UserError(
            "loss-expects-probabilities",
            f"the loss {name} expects probabilities, but the network's output is linear (logits)",
            "compile it with from_logits=True, or end the network in "
            + ("a sigmoid" if units == 1 else "a softmax"),
        )
    from_logits = activation == "linear" or (activation == "unknown" and declared is not False)
    kind: Literal["codes", "one_hot", "column"]
    if name in _SPARSE_LOSSES:
        if units == 1:
            raise UserError(
                "loss-does-not-fit",
                f"the loss {name} needs {classes} output units, the network has 1",
                "use binary_crossentropy with 1 unit, or a unit for each class",
            )
        kind = "codes"
    elif units == 1:
        kind = "column"
    else:
        kind = "one_hot" if name in _ONE_HOT_LOSSES else "codes"
    return Head(units, activation, from_logits, name, keras_loss, TargetForm(kind, classes))


def heads_of(model: keras.Model, outputs: Sequence[Output]) -> dict[str, Head]:
    """Read off what each of several outputs means, by their names; see `head_of`."""
    return {
        one.name: head_of(model, task=one.task, classes=one.class_count, output=one.name)
        for one in outputs
    }


def output_units(model: keras.Model, place: int = 0) -> int:
    """Return the last axis of an output of the network; 1 for an output of shape (n,)."""
    shape = output_shapes(model)[place]
    last = shape[-1]
    return 1 if len(shape) == 1 or last is None else last


def output_activation(model: keras.Model, place: int = 0) -> Activation:
    """Tell the activation of an output from the layer that makes it.

    Where no layer says it (a subclassed network that applies a function itself) the outputs for
    random inputs decide: rows that sum to 1 are a softmax's, values within 0 and 1 a sigmoid's.
    """
    layer = _last_layer(model, place)
    if layer is not None:
        name = _activation_name(layer)
        if name is not None:
            return name
    return _probed_activation(model, place)


def _last_layer(model: keras.Model, place: int = 0) -> keras.layers.Layer | None:
    if isinstance(model, keras.Sequential):
        last = model.layers[-1]
        return _last_layer(last) if isinstance(last, keras.Model) else last
    if hasattr(model, "_run_through_graph"):
        tensors = keras.tree.flatten(model.outputs)
        operation, _, inner = tensors[place]._keras_history
        if isinstance(operation, keras.Model):
            return _last_layer(operation, inner)
        return operation if isinstance(operation, keras.layers.Layer) else None
    return None


def _activation_name(layer: keras.layers.Layer) -> Activation | None:
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    activation = getattr(layer, "activation", None)
    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) or activation is None:
        return None
    if isinstance(activation, keras.layers.Layer):
        return _activation_name(activation)
    names: dict[str, Activation] = {"softmax": "softmax", "sigmoid": "sigmoid", "linear": "linear"}
    if activation is keras.activations.hard_sigmoid:
        return "sigmoid"
    return names.get(getattr(activation, "__name__", ""))


def _probed_activation(model: keras.Model, place: int) -> Activation:
    inputs = trial_inputs(model, 64)
    found = keras.tree.flatten(model(inputs, training=False))[place]
    outputs = np.asarray(found).reshape(64, -1)
    if not np.isfinite(outputs).all() or outputs.min() < 0.0 or outputs.max() > 1.0:
        return "unknown"
    if outputs.shape[1] == 1:
        return "sigmoid"
    return "softmax" if np.allclose(outputs.sum(axis=1), 1.0, atol=1e-3) else "unknown"


def _loss_of(model: keras.Model, place: int) -> tuple[str, bool, bool | None]:
    """Return the loss' name, whether it is one of Keras, and its ``from_logits`` if it has one."""
    loss = model.loss
    if loss is None:
        raise UserError(
            "no-loss",
            "the network is compiled without a loss",
            "compile it with one, or leave it uncompiled: the loss that fits is chosen then",
        )
    names = output_names(model)
    if names:
        loss = losses_of(model)[place]
        if loss is None:
            raise UserError(
                "no-loss",
                f"the network's output '{names[place]}' is compiled without a loss",
                "compile the network with a loss for every output, or leave that output out",
            )
    elif isinstance(loss, dict | list | tuple):
        losses = keras.tree.flatten(loss)
        if len(losses) != 1:
            raise UserError(
                "several-losses",
                f"the network is compiled with {len(losses)} losses; one output takes one loss",
                "compile it with one loss",
            )
        loss = losses[0]
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    declared = getattr(loss, "from_logits", None)
    function = getattr(loss, "fn", loss)
    if declared is None:
        declared = getattr(loss, "_fn_kwargs", {}).get("from_logits")
    name = getattr(function, "__name__", None) or getattr(loss, "name", type(loss).__name__)
    keras_loss = str(getattr(function, "__module__", "")).startswith("keras.")
    if declared is None and name in _CROSS_ENTROPIES:
        declared = False
    return str(name), keras_loss, declared
