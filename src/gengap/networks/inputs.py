"""What a network does with its inputs itself, so that it is not done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import jax
import keras
import numpy as np

from gengap.data.row_form import RowForm
from gengap.networks.shapes import inference_mode, input_dtype, sample_shape
from gengap.networks.tracing import patched

__all__ = [
    "form_taken",
    "mask_value",
    "masking_layer",
    "preparing_layers",
    "rescales",
    "takes_codes",
    "takes_inputs",
    "trial_inputs",
]

#: Layers that look numbers up as codes, and layers that bring numbers to a scale or into bins.
_LOOKUPS = (keras.layers.Embedding, keras.layers.CategoryEncoding)
_SCALING = (keras.layers.Rescaling, keras.layers.Normalization, keras.layers.Discretization)
#: Operations of JAX that compute with numbers, and those that leave them as they are.
_ARITHMETIC = {"add", "div", "divide", "mul", "multiply", "sub", "subtract", "true_divide"}
_REARRANGING = {"convert_element_type", "copy", "reshape", "rev", "slice", "squeeze", "transpose"}


def form_taken(form: RowForm, model: keras.Model) -> RowForm:
    """Return rows as a built network takes them.

    One that takes grey images without a channel axis gets them so, and one that scales pixels
    itself gets bytes as they are. Steps after the last one of a row hold what its Masking layer
    takes for none; without one zeros, which is the mean of a channel.

    Parameters
    ----------
    form : RowForm
        As they were read.
    model : keras.Model
    """
    if form.padding is not None:
        value = mask_value(model)
        return replace(form, padding=0.0 if value is None else value)
    if form.modality != "image":
        return form
    if len(sample_shape(model)) == len(form.shape) - 1:
        form = replace(form, shape=form.shape[:-1])
    scales = rescales(model) or _computes_with_constants(model)
    return replace(form, divisor=1.0) if scales else form


def rescales(model: keras.Model) -> bool:
    """Tell whether a network prepares its inputs itself, by a layer of Keras made for that.

    Examples
    --------
    >>> rescales(keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(1 / 255)]))
    True
    >>> rescales(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    False
    """
    return bool(preparing_layers(model)) or takes_codes(model)


def takes_codes(model: keras.Model) -> bool:
    """Tell whether a network looks its inputs up, or part of them, as whole numbers.

    Such as tokens in an Embedding; or its input says itself that it is of whole numbers.

    Examples
    --------
    >>> takes_codes(keras.Sequential([keras.Input((9,)), keras.layers.Embedding(50, 4)]))
    True
    """
    whole = input_dtype(model).kind in "iu"
    # Bytes of images are numbers: it takes a layer to tell that they are codes.
    whole = whole and len(sample_shape(model)) < 3
    found = (inner for layer in preparing_layers(model) for inner in layer._flatten_layers())
    return whole or any(isinstance(layer, _LOOKUPS) for layer in found)


def trial_inputs(model: keras.Model, rows: int) -> np.ndarray:
    """Return inputs (rows, ...) to see what a built network does: random ones, or codes 0 and 1."""
    shape = tuple(size or 1 for size in sample_shape(model))
    values = 3.0 * np.random.default_rng(0).standard_normal((rows, *shape))
    # Other codes may be beyond its table.
    return (values > 0 if takes_codes(model) else values).astype(input_dtype(model))


def preparing_layers(model: keras.Model) -> tuple[keras.layers.Layer, ...]:
    """Return the layers that scale, bin or look up what they get straight from the inputs.

    A layer counts where the value that it takes hangs on the inputs and on no variable of the
    network: an Embedding of positions, or a Rescaling of the output, is none.

    Parameters
    ----------
    model : keras.Model
        Built, with one input; it may be code.
    """
    layers = [layer for layer in _distinct(model) if _prepares(layer)]
    if not layers:
        return ()
    taken: list[tuple[keras.layers.Layer, Any]] = []
    depth = [0]

    def watch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if not depth[0]:  # what is within a wrapper may see one step at a time
                taken.append((layer, keras.tree.flatten((args, kwargs))[0]))
            depth[0] += 1
            try:
                return call(*args, **kwargs)
            finally:
                depth[0] -= 1

        return watched

    with patched(layers, watch):
        jaxpr = _traced(model, lambda output: [value for _, value in taken])
    from_variables = _derived(jaxpr, jaxpr.invars[:-1])
    from_inputs = _derived(jaxpr, jaxpr.invars[-1:])
    return tuple(
        layer
        for (layer, _), value in zip(taken, jaxpr.outvars, strict=True)
        if id(value) in from_inputs and id(value) not in from_variables
    )


def _computes_with_constants(model: keras.Model) -> bool:
    """Tell whether the first thing that a network does with its inputs is to shift or scale them.

    By arithmetic with numbers that are written in it, such as ``inputs / 255``.
    """
    jaxpr = _traced(model, lambda output: output)
    hang = _derived(jaxpr, jaxpr.invars)
    straight = {id(jaxpr.invars[-1])}
    for equation in jaxpr.eqns:
        if not any(id(value) in straight for value in equation.invars):
            continue
        name = equation.primitive.name
        if name in _REARRANGING:
            straight.update(id(value) for value in equation.outvars)
        constant = any(id(value) not in hang for value in equation.invars)
        if constant and {name, equation.params.get("name")} & _ARITHMETIC:
            return True
    return False


def _traced(model: keras.Model, returned: Callable[[Any], Any]) -> Any:
    """Return the jaxpr of a pass in inference mode: of all variables, and then of the inputs."""

    def run(trainable: Any, others: Any, inputs: Any) -> Any:
        output, _ = model.stateless_call(trainable, others, inputs, **inference_mode(model))
        return returned(output)

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    shape = (2, *(size or 1 for size in sample_shape(model)))
    inputs = jax.ShapeDtypeStruct(shape, input_dtype(model))
    return jax.make_jaxpr(run)(trainable, others, inputs).jaxpr


def _prepares(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.Wrapper):
        return any(_prepares(inner) for inner in layer._flatten_layers(include_self=False))
    return isinstance(layer, _LOOKUPS + _SCALING)


def _distinct(model: keras.Model) -> Iterable[keras.layers.Layer]:
    found = model._flatten_layers(include_self=False, recursive=True)
    return {id(layer): layer for layer in found}.values()


def _derived(jaxpr: Any, sources: Sequence[Any]) -> set[int]:
    """Return the ids of the variables of a jaxpr that hang on some of them."""
    known = {id(source) for source in sources}
    for equation in jaxpr.eqns:
        if any(id(value) in known for value in equation.invars):
            known.update(id(value) for value in equation.outvars)
    return known


def masking_layer(model: keras.Model) -> keras.layers.Masking | None:
    """Return the layer that tells a network which steps are none, if it has one."""
    found = (layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Masking))
    return next(found, None)


def takes_inputs(layer: keras.layers.Layer, model: keras.Model) -> bool:
    """Tell whether a layer of a Sequential or Functional network is called on its inputs."""
    if isinstance(model, keras.Sequential):
        return model.layers[0] is layer
    return any(node.input_tensors[0] is model.inputs[0] for node in layer._inbound_nodes)


def mask_value(model: keras.Model) -> float | None:
    """Return what a network takes for a step that is none, where it has a Masking layer.

    Examples
    --------
    >>> mask_value(keras.Sequential([keras.Input((9, 2)), keras.layers.Masking(-1.0)]))
    -1.0
    """
    layer = masking_layer(model)
    return None if layer is None else float(layer.mask_value)
