"""What a network does with its inputs itself, so that it is not done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import jax
import keras
import numpy as np

from gengap.data.row_form import RowForm
from gengap.networks.shapes import (
    batch_spec,
    inference_mode,
    input_dtype,
    input_names,
    known_shape,
    packed,
)
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


def form_taken(form: RowForm, model: keras.Model, name: str | None = None) -> RowForm:
    """Return rows as a built network takes them.

    One that takes grey images without a channel axis gets them so, and one that scales pixels
    itself gets bytes as they are. Steps after the last one of a row hold what its Masking layer
    takes for none; without one zeros, which is the mean of a channel.

    Parameters
    ----------
    form : RowForm
        As they were read.
    model : keras.Model
    name : str, optional
        Of one of several inputs; the same for all functions of this module.
    """
    if form.padding is not None:
        value = mask_value(model, name)
        return replace(form, padding=0.0 if value is None else value)
    if form.modality != "image":
        return form
    if len(_shape_of(model, name)) == len(form.shape) - 1:
        form = replace(form, shape=form.shape[:-1])
    scales = rescales(model, name) or _computes_with_constants(model, name)
    return replace(form, divisor=1.0) if scales else form


def _shape_of(model: keras.Model, name: str | None) -> tuple[int, ...]:
    shape: Any = known_shape(model)
    return tuple(shape if name is None else shape[name])


def rescales(model: keras.Model, name: str | None = None) -> bool:
    """Tell whether a network prepares its inputs itself, by a layer of Keras made for that.

    Examples
    --------
    >>> rescales(keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(1 / 255)]))
    True
    >>> rescales(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    False
    """
    return bool(preparing_layers(model, name)) or takes_codes(model, name)


def takes_codes(model: keras.Model, name: str | None = None) -> bool:
    """Tell whether a network looks its inputs up, or part of them, as whole numbers.

    Such as tokens in an Embedding; or its input says itself that it is of whole numbers.

    Examples
    --------
    >>> takes_codes(keras.Sequential([keras.Input((9,)), keras.layers.Embedding(50, 4)]))
    True
    """
    whole = input_dtype(model, name).kind in "iu"
    # Bytes of images are numbers: it takes a layer to tell that they are codes.
    whole = whole and len(_shape_of(model, name)) < 3
    found = (inner for layer in preparing_layers(model, name) for inner in layer._flatten_layers())
    return whole or any(isinstance(layer, _LOOKUPS) for layer in found)


def trial_inputs(model: keras.Model, rows: int) -> Any:
    """Return inputs (rows, ...) to see what a built network does: random ones, or codes 0 and 1.

    They are packed as the network takes them.
    """
    generator = np.random.default_rng(0)

    def values(name: str | None) -> np.ndarray:
        drawn = 3.0 * generator.standard_normal((rows, *_shape_of(model, name)))
        # Other codes may be beyond its table.
        codes = takes_codes(model, name)
        return (drawn > 0 if codes else drawn).astype(input_dtype(model, name))

    names = input_names(model)
    return packed(model, {name: values(name) for name in names}) if names else values(None)


def preparing_layers(model: keras.Model, name: str | None = None) -> tuple[keras.layers.Layer, ...]:
    """Return the layers that scale, bin or look up what they get straight from the inputs.

    A layer counts where the value that it takes hangs on the inputs and on no variable of the
    network: an Embedding of positions, or a Rescaling of the output, is none.

    Parameters
    ----------
    model : keras.Model
        Built; it may be code.
    """
    layers = [layer for layer in _distinct(model) if _prepares(layer)]
    return _layers_at_inputs(model, layers, name)


def _layers_at_inputs(
    model: keras.Model, layers: Sequence[keras.layers.Layer], name: str | None
) -> tuple[keras.layers.Layer, ...]:
    """Return those of some layers that take what hangs on the inputs and on no variable."""
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
    variables, inputs = _invars(jaxpr, model, name)
    from_variables = _derived(jaxpr, variables)
    from_inputs = _derived(jaxpr, inputs)
    return tuple(
        layer
        for (layer, _), value in zip(taken, jaxpr.outvars, strict=True)
        if id(value) in from_inputs and id(value) not in from_variables
    )


def _computes_with_constants(model: keras.Model, name: str | None = None) -> bool:
    """Tell whether the first thing that a network does with its inputs is to shift or scale them.

    By arithmetic with numbers that are written in it, such as ``inputs / 255``.
    """
    jaxpr = _traced(model, lambda output: output)
    hang = _derived(jaxpr, jaxpr.invars)
    straight = {id(value) for value in _invars(jaxpr, model, name)[1]}
    for equation in jaxpr.eqns:
        if not any(id(value) in straight for value in equation.invars):
            continue
        primitive = equation.primitive.name
        if primitive in _REARRANGING:
            straight.update(id(value) for value in equation.outvars)
        constant = any(id(value) not in hang for value in equation.invars)
        if constant and {primitive, equation.params.get("name")} & _ARITHMETIC:
            return True
    return False


def _traced(model: keras.Model, returned: Callable[[Any], Any]) -> Any:
    """Return the jaxpr of a pass in inference mode: of all variables, and then of the inputs."""

    def run(trainable: Any, others: Any, inputs: Any) -> Any:
        taken = packed(model, inputs)
        output, _ = model.stateless_call(trainable, others, taken, **inference_mode(model))
        return returned(output)

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    return jax.make_jaxpr(run)(trainable, others, batch_spec(model, 2)).jaxpr


def _invars(jaxpr: Any, model: keras.Model, name: str | None) -> tuple[list[Any], list[Any]]:
    """Return what a jaxpr of `_traced` takes in: the variables, and an input (or the only one)."""
    names: list[str | None] = [*sorted(input_names(model))] or [
        None
    ]  # JAX takes a mapping in the order of its names
    variables, inputs = jaxpr.invars[: -len(names)], jaxpr.invars[-len(names) :]
    wanted = [value for one, value in zip(names, inputs, strict=True) if one == name]
    return variables, wanted


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


def masking_layer(model: keras.Model, name: str | None = None) -> keras.layers.Masking | None:
    """Return the layer that tells a network which steps are none, if it has one."""
    found = [layer for layer in _distinct(model) if isinstance(layer, keras.layers.Masking)]
    if name is not None:
        found = list(_layers_at_inputs(model, found, name))
    return next(iter(found), None)


def takes_inputs(layer: keras.layers.Layer, model: keras.Model, name: str | None = None) -> bool:
    """Tell whether a layer of a Sequential or Functional network is called on its inputs."""
    if isinstance(model, keras.Sequential):
        return model.layers[0] is layer
    given = model.inputs[0 if name is None else input_names(model).index(name)]
    return any(node.input_tensors[0] is given for node in layer._inbound_nodes)


def mask_value(model: keras.Model, name: str | None = None) -> float | None:
    """Return what a network takes for a step that is none, where it has a Masking layer.

    Examples
    --------
    >>> mask_value(keras.Sequential([keras.Input((9, 2)), keras.layers.Masking(-1.0)]))
    -1.0
    """
    layer = masking_layer(model, name)
    return None if layer is None else float(layer.mask_value)
