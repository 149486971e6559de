"""The shapes of a built network's inputs and outputs, subclassed networks included.

A network with several inputs is a graph; these go by their names, and what is said of them is a
mapping. In a list or tuple of Keras they have the order of ``model.inputs``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import keras
import numpy as np

__all__ = [
    "Shape",
    "Shapes",
    "batch_spec",
    "goes_by_keys",
    "inference_mode",
    "input_dtype",
    "input_names",
    "inputs_like",
    "keras_output_names",
    "known_shape",
    "output_names",
    "output_shapes",
    "packed",
    "sample_shape",
    "zeros",
]

Shape: TypeAlias = tuple[int | None, ...]
#: Of the one input, or of several by their names.
Shapes: TypeAlias = Shape | Mapping[str, Shape]

#: What Keras calls inputs that have no names.
_NAMELESS = re.compile(r"(keras_tensor|input_layer)(_\d+)?")


def input_names(model: keras.Model) -> tuple[str, ...]:
    """Return the names of a graph's several inputs, in its order; nothing where it has one input.

    One without a name is called by its place.

    Examples
    --------
    >>> inputs = [keras.Input((2,), name="numbers"), keras.Input((3,))]
    >>> input_names(keras.Model(inputs, keras.layers.Concatenate()(inputs)))
    ('numbers', 'input_2')
    """
    inputs = getattr(model, "inputs", None) or ()
    if len(inputs) < 2:
        return ()
    return tuple(
        f"input_{place}" if _NAMELESS.fullmatch(given.name) else given.name
        for place, given in enumerate(inputs, 1)
    )


def keras_output_names(model: keras.Model) -> tuple[str, ...]:
    """Return what Keras calls a graph's outputs, in its order: by these go losses in `compile`."""
    if goes_by_keys(model):
        paths = keras.tree.flatten_with_path(model._outputs_struct)
        return tuple(dict.fromkeys(path[0] for path, _ in paths))
    return tuple(getattr(model, "output_names", None) or ())


def goes_by_keys(model: keras.Model) -> bool:
    """Tell whether a graph was made with a mapping of outputs, not with a list."""
    return isinstance(getattr(model, "_outputs_struct", None), Mapping)


def output_names(model: keras.Model) -> tuple[str, ...]:
    """Return the names of a graph's several outputs, in its order; nothing where it has one.

    One whose layer was given no name is called by its place.

    Examples
    --------
    >>> inputs = keras.Input((2,))
    >>> outputs = [keras.layers.Dense(1, name="price")(inputs), keras.layers.PReLU()(inputs)]
    >>> output_names(keras.Model(inputs, outputs))
    ('price', 'output_2')
    """
    outputs = getattr(model, "outputs", None) or ()
    names = keras_output_names(model)
    if len(outputs) < 2 or goes_by_keys(model):
        return names if len(outputs) > 1 else ()
    return tuple(
        f"output_{place}" if _is_nameless(given._keras_history.operation, name) else name
        for place, (given, name) in enumerate(zip(outputs, names, strict=True), 1)
    )


def _is_nameless(operation: Any, name: str) -> bool:
    """Tell whether Keras named an operation, by its class and a number."""
    # A word begins with a capital that a small letter follows, or that follows one: MLPHead.
    begins = r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])"
    kind = re.sub(begins, "_", type(operation).__name__).lower()
    return re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name) is not None


def packed(model: keras.Model, inputs: Any) -> Any:
    """Put inputs by their names into the structure that a graph was made with."""
    if not isinstance(inputs, Mapping):
        return inputs
    ordered = [inputs[name] for name in input_names(model)]
    return keras.tree.pack_sequence_as(model._inputs_struct, ordered)


def inputs_like(model: keras.Model) -> Any:
    """Return new inputs like those of a built network, in the structure that it takes."""
    shape = sample_shape(model)
    if not isinstance(shape, Mapping):
        return keras.Input(shape, dtype=input_dtype(model).name)
    given = {
        name: keras.Input(one, dtype=input_dtype(model, name).name, name=name)
        for name, one in shape.items()
    }
    return packed(model, given)


def sample_shape(model: keras.Model) -> Shapes:
    """Return the shape of one sample that a built network takes."""
    names = input_names(model)
    if names:
        return {
            name: tuple(given.shape[1:]) for name, given in zip(names, model.inputs, strict=True)
        }
    if getattr(model, "inputs", None):
        return tuple(model.inputs[0].shape[1:])
    return tuple(next(iter(model._build_shapes_dict.values()))[1:])


def known_shape(model: keras.Model) -> Any:
    """Return the same with 1 for every size that is open."""
    shape = sample_shape(model)
    if isinstance(shape, Mapping):
        return {name: tuple(size or 1 for size in one) for name, one in shape.items()}
    return tuple(size or 1 for size in shape)


def input_dtype(model: keras.Model, name: str | None = None) -> np.dtype[Any]:
    """Return the type of the network's input, or of one of several."""
    declared = getattr(model, "inputs", None)
    place = 0 if name is None else input_names(model).index(name)
    return np.dtype(declared[place].dtype if declared else keras.config.floatx())


def batch_spec(model: keras.Model, rows: int, shape: Any = None) -> Any:
    """Return shape and type of a batch, by the names of the inputs where there are several.

    Parameters
    ----------
    model : keras.Model
        Built.
    rows : int
    shape : tuple of int or mapping of such, optional
        Of one sample; the network's own, with 1 for open sizes, where it is left out.
    """
    shape = known_shape(model) if shape is None else shape
    if isinstance(shape, Mapping):
        return {
            name: jax.ShapeDtypeStruct((rows, *one), input_dtype(model, name))
            for name, one in shape.items()
        }
    return jax.ShapeDtypeStruct((rows, *shape), input_dtype(model))


def zeros(model: keras.Model, rows: int = 2, shape: Any = None) -> Any:
    """Return a batch of zeros (see `batch_spec`)."""
    return jax.tree.map(
        lambda one: keras.ops.zeros(one.shape, one.dtype), batch_spec(model, rows, shape)
    )


def inference_mode(model: keras.Model) -> dict[str, bool]:
    """Return what its `call` takes for inference; one of the user's own may take nothing."""
    return {"training": False} if model._call_has_training_arg else {}


def output_shapes(model: keras.Model) -> list[tuple[int | None, ...]]:
    """Return the shape of every output, the batch axis (None) first.

    A subclassed network does not know it; it is evaluated abstractly, on a batch of 2.
    """
    if getattr(model, "outputs", None):
        return [tuple(tensor.shape) for tensor in model.outputs]
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    mode = inference_mode(model)
    result = jax.eval_shape(
        lambda inputs: model.stateless_call(trainable, others, inputs, **mode)[0],
        batch_spec(model, 2),
    )
    return [(None, *leaf.shape[1:]) for leaf in keras.tree.flatten(result)]
