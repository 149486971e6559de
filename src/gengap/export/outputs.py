"""What is put behind trained networks: the mean of several, and the targets' own units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from gengap.data.fitted_outputs import FittedOutput
from gengap.data.joint import AnyPreprocessing
from gengap.networks.heads import Head, head_of, heads_of
from gengap.networks.outputs import flat_outputs, structured_outputs, with_layers_behind
from gengap.networks.rebuild import is_graph
from gengap.networks.shapes import (
    goes_by_keys,
    input_dtype,
    inputs_like,
    output_names,
    sample_shape,
)

__all__ = ["ensemble", "in_own_units", "member_heads"]


def member_heads(model: keras.Model, preprocessing: AnyPreprocessing) -> list[Head]:
    """Return how each output of a compiled network is read, in their order."""
    if not preprocessing.outputs:
        classes = len(preprocessing.classes)
        return [head_of(model, task=preprocessing.task, classes=classes)]
    return list(heads_of(model, [one.output for one in preprocessing.outputs]).values())


def ensemble(members: Sequence[keras.Model], heads: Sequence[Head]) -> keras.Model:
    """Put networks into one whose outputs are the mean of theirs.

    Parameters
    ----------
    members : sequence of keras.Model
        Alike, at least two.
    heads : sequence of Head
        How their outputs are read: one, or one for each of several.

    Returns
    -------
    keras.Model
        A graph of Keras' own layers around them. Logits are averaged as the probabilities that they
        stand for, and are logits again.
    """
    first = members[0]
    inputs = inputs_like(first)
    # A graph made with a mapping has names of its own for its outputs.
    names: Sequence[str | None]
    names = [None] * len(heads) if goes_by_keys(first) else output_names(first)
    outputs = []
    for number, member in enumerate(members, 1):
        # Layers of a graph have names of their own, and no optimizer.
        member.name, member.compiled, member.optimizer = f"member_{number}", False, None
        outputs.append(flat_outputs(member(inputs)))
    means = [_mean(one, head) for one, head in zip(zip(*outputs, strict=True), heads, strict=True)]
    if len(heads) == 1:
        return keras.Model(inputs, means[0], name="ensemble")
    named = [
        keras.layers.Identity(name=name)(mean) for name, mean in zip(names, means, strict=True)
    ]
    return keras.Model(inputs, structured_outputs(first, named), name="ensemble")


def _rescaling(one: FittedOutput) -> Callable[[str], keras.layers.Layer] | None:
    if one.output.task != "regression":
        return None
    return lambda name: keras.layers.Rescaling(one.scale, offset=one.shift, name=name)


def _mean(outputs: Sequence[Any], head: Head) -> Any:
    """Return the mean of the outputs of several networks."""
    least = keras.config.epsilon()
    if not head.from_logits:
        return keras.layers.average(list(outputs))
    if head.units == 1:
        second = keras.layers.average([keras.ops.sigmoid(output) for output in outputs])
        second = keras.ops.clip(second, least, 1 - least)
        return keras.ops.log(second) - keras.ops.log(1 - second)
    mean = keras.layers.average([keras.ops.softmax(output) for output in outputs])
    return keras.ops.log(keras.ops.maximum(mean, least))


def in_own_units(model: keras.Model, preprocessing: AnyPreprocessing) -> keras.Model:
    """Let a network give values in their targets' own units; classes stay as they are.

    Parameters
    ----------
    model : keras.Model
        Trained; it may be changed.
    preprocessing : Preprocessing or JointPreprocessing

    Returns
    -------
    keras.Model
        Its several outputs have the names that they had.
    """
    if preprocessing.outputs:
        return with_layers_behind(model, [_rescaling(one) for one in preprocessing.outputs])
    if preprocessing.task != "regression":
        return model
    scale, shift = preprocessing.target_scale, preprocessing.target_shift
    rescaling = keras.layers.Rescaling(scale, offset=shift, name="target_unit")
    if isinstance(model, keras.Sequential):
        return keras.Sequential([model.inputs[0], *model.layers, rescaling], name=model.name)
    if is_graph(model):
        return keras.Model(model.input, rescaling(model.output), name=model.name)
    # Without its input it would be unbuilt, and saved without its weights.
    inputs = keras.Input(sample_shape(model), dtype=input_dtype(model).name)
    return keras.Sequential([inputs, model, rescaling], name=f"{model.name}_in_own_unit")
