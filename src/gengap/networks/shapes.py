"""The shapes of a built network's inputs and outputs, subclassed networks included."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

__all__ = ["inference_mode", "input_dtype", "output_shapes", "sample_shape"]


def sample_shape(model: keras.Model) -> tuple[int | None, ...]:
    """Return the shape of one sample that a built network with one input takes."""
    if getattr(model, "inputs", None):
        return tuple(model.inputs[0].shape[1:])
    return tuple(next(iter(model._build_shapes_dict.values()))[1:])


def input_dtype(model: keras.Model) -> np.dtype[Any]:
    """Return the type of the network's input."""
    declared = getattr(model, "inputs", None)
    return np.dtype(declared[0].dtype if declared else keras.config.floatx())


def inference_mode(model: keras.Model) -> dict[str, bool]:
    """Return what its `call` takes for inference; one of the user's own may take nothing."""
    return {"training": False} if model._call_has_training_arg else {}


def output_shapes(model: keras.Model) -> list[tuple[int | None, ...]]:
    """Return the shape of every output, the batch axis (None) first.

    A subclassed network does not know it; it is evaluated abstractly, on a batch of 2.
    """
    if getattr(model, "outputs", None):
        return [tuple(tensor.shape) for tensor in model.outputs]
    shape = tuple(1 if size is None else size for size in sample_shape(model))
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    mode = inference_mode(model)
    result = jax.eval_shape(
        lambda inputs: model.stateless_call(trainable, others, inputs, **mode)[0],
        jax.ShapeDtypeStruct((2, *shape), input_dtype(model)),
    )
    return [(None, *leaf.shape[1:]) for leaf in keras.tree.flatten(result)]
