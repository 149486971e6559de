"""The outputs of a network: whether they are those of the data, and the losses that fit them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import count
from typing import Any

import keras

from gengap.data.dataset import Output
from gengap.data.fitted_outputs import FittedOutput
from gengap.errors import UserError
from gengap.networks.compiling import loss_weights_of
from gengap.networks.heads import head_of, heads_of, output_activation, output_units
from gengap.networks.rebuild import is_graph
from gengap.networks.shapes import (
    Shape,
    goes_by_keys,
    keras_output_names,
    output_names,
    output_shapes,
)

__all__ = [
    "check_distinct",
    "check_heads",
    "check_outputs",
    "deciding_output",
    "fitting_losses",
    "flat_outputs",
    "packed_outputs",
    "structured_outputs",
    "with_layers_behind",
]


def check_outputs(
    model: keras.Model, outputs: int, task: str, several: Sequence[Output] = ()
) -> None:
    """Refuse a network whose outputs are not those of the data.

    Parameters
    ----------
    model : keras.Model
        Built.
    outputs : int
        Number of classes; 1 for regression.
    task : {"classification", "regression"}
    several : sequence of Output
        Those of the data, in any order, where these are several; `outputs` and `task` are then
        said of the one that decides, and not looked at.

    Raises
    ------
    UserError
        ``several-outputs``, ``model-output-shape``.
    """
    shapes = output_shapes(model)
    if not several:
        if len(shapes) != 1:
            names = output_names(model) or tuple(f"output_{i}" for i, _ in enumerate(shapes, 1))
            raise UserError(
                "several-outputs",
                f"the network has {len(shapes)} outputs; y holds the targets of one",
                "in Python, give y as a mapping from the names of the outputs to targets, y={"
                + ", ".join(f"{name!r}: ..." for name in names)
                + "}; or compare the network of the one output that decides, such as "
                "keras.Model(model.input, model.output[0])",
            )
        _check_shape(
            shapes[0],
            output_units(model),
            outputs,
            task,
            "the network's output",
            "task='regression' (--task regression)",
        )
        return
    _check_names(model, [one.name for one in several], len(shapes))
    for place, name in enumerate(output_names(model)):
        one = next(one for one in several if one.name == name)
        units, what = output_units(model, place), f"the network's output '{name}'"
        quantity = f"task={{{name!r}: 'regression'}}"
        _check_shape(shapes[place], units, one.class_count or 1, one.task, what, quantity)


def check_distinct(model: keras.Model) -> None:
    """Refuse a network of which two outputs have one name.

    They do where one operation makes both: a network within it, or a layer that is called twice.

    Raises
    ------
    UserError
        ``several-outputs``.
    """
    for names in (keras_output_names(model), output_names(model)):
        repeated = [name for name, times in Counter(names).items() if times > 1]
        if repeated:
            raise UserError(
                "several-outputs",
                f"the network {model.name!r} has several outputs of the name {repeated[0]!r}",
                "put a layer with a name behind each, such as keras.layers.Identity(name='price')",
            )


def _check_names(model: keras.Model, wanted: Sequence[str], many: int) -> None:
    given = f"y holds the outputs {', '.join(map(repr, wanted))}"
    names = output_names(model)
    if many == 1:
        raise UserError(
            "several-outputs",
            f"{given}; the network has one output",
            "give the targets of one output, or a network with several: "
            "keras.Model(inputs, [first, second])",
        )
    if not (is_graph(model) and names):
        raise UserError(
            "several-outputs",
            f"{given}; the network {model.name!r} ({type(model).__name__}) is no "
            "keras.Model(inputs, outputs) with several outputs",
            "build it as keras.Model(inputs, [first, second])",
        )
    if many != len(_top(model)):
        raise UserError(
            "several-outputs",
            f"the outputs of the network {model.name!r} are nested",
            "make it with keras.Model(inputs, [a, b]) or keras.Model(inputs, {'a': a, 'b': b})",
        )
    if goes_by_keys(model) and list(names) != sorted(names):
        raise UserError(
            "several-outputs",
            f"the network {model.name!r} was made with an {type(model._outputs_struct).__name__} "
            "of outputs, whose order Keras does not keep in copies",
            f"make it with a plain mapping: keras.Model(inputs, {{{names[0]!r}: ..., ...}})",
        )
    check_distinct(model)
    if set(names) != set(wanted):
        raise UserError(
            "several-outputs",
            f"{given}; the network has {', '.join(map(repr, names))}",
            "name them alike, by the name= of the layers that make them",
        )


def _top(model: keras.Model) -> list[Any]:
    structure = model._outputs_struct
    return list(structure.values() if isinstance(structure, Mapping) else structure)


def _check_shape(
    shape: Shape, units: int, outputs: int, task: str, what: str, quantity: str
) -> None:
    if task == "regression":
        allowed: tuple[int, ...] = (1,)
        wanted = "1 unit"
    elif outputs == 2:
        allowed = (1, 2)
        wanted = "1 unit (sigmoid) or 2 units (softmax) for the 2 classes"
    else:
        allowed = (outputs,)
        wanted = f"{outputs} units (softmax) for the {outputs} classes"
    if len(shape) > 2 or units not in allowed:
        sizes = ", ".join("any" if size is None else str(size) for size in shape[1:])
        hint = f"end the network in a Dense layer with {' or '.join(map(str, allowed))} " + (
            "unit" if allowed == (1,) else "units"
        )
        if task == "classification" and units == 1:
            hint += f"; or, where the target is a quantity, say {quantity}"
        raise UserError(
            "model-output-shape", f"{what} has the shape ({sizes}), expected {wanted}", hint
        )


def check_heads(
    model: keras.Model, outputs: int, task: str, several: Sequence[Output] = ()
) -> None:
    """Refuse a compiled network whose losses do not go with its outputs; see `check_outputs`."""
    if not several:
        head_of(model, task=task, classes=outputs)
        return
    heads_of(model, several)
    loss_weights_of(model)


def fitting_losses(model: keras.Model, task: str, several: Sequence[Output] = ()) -> Any:
    """Return the loss that fits an uncompiled network, or a list of one for each output."""
    names = output_names(model)
    if not names:
        return _fitting_loss(model, 0, task)
    tasks = {one.name: one.task for one in several}
    return [_fitting_loss(model, place, tasks[name]) for place, name in enumerate(names)]


def _fitting_loss(model: keras.Model, place: int, task: str) -> Any:
    if task != "classification":
        return "mse"
    logits = output_activation(model, place) not in ("softmax", "sigmoid")
    if output_units(model, place) == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def deciding_output(outputs: Any, fitted: Sequence[FittedOutput], name: str) -> Any:
    """Return what a network says at the output that decides.

    Parameters
    ----------
    outputs : object
        What the network computes.
    fitted : sequence of FittedOutput
        In the order of its outputs, where these are a list; empty where it has one.
    name : str
        Of the output that decides.
    """
    if not fitted:
        return outputs
    if isinstance(outputs, Mapping):
        return outputs[name]
    return flat_outputs(outputs)[[one.output.name for one in fitted].index(name)]


def flat_outputs(outputs: Any) -> list[Any]:
    """Return what a network with several outputs computes, in the order of `output_names`."""
    return list(keras.tree.flatten(outputs))


def packed_outputs(model: keras.Model, values: Mapping[str, Any]) -> Any:
    """Put values by the names of outputs into the structure that a graph was made with."""
    return structured_outputs(model, [values[name] for name in output_names(model)])


def structured_outputs(model: keras.Model, values: Sequence[Any]) -> Any:
    """Put values in the order of a graph's outputs into the structure that it was made with."""
    return keras.tree.pack_sequence_as(model._outputs_struct, list(values))


def with_layers_behind(
    model: keras.Model, makers: Sequence[Callable[[str], keras.layers.Layer] | None]
) -> keras.Model:
    """Put layers behind some of several outputs, which keep their names.

    Parameters
    ----------
    model : keras.Model
        A graph; a layer in it that has the name of such an output is called ``NAME_before`` then.
    makers : sequence of callable
        ``name -> layer`` for each output, or None for one that stays as it is.
    """
    operations = model.operations
    taken = {operation.name for operation in operations}
    outputs = []
    for tensor, name, make in zip(model.outputs, output_names(model), makers, strict=True):
        if make is None:
            outputs.append(tensor)
            continue
        if goes_by_keys(model):
            # An output goes by its key, which need not be what a layer may be called.
            own = _free_name("target_unit", taken)
        else:
            # It goes by the name of the layer that makes it.
            own = name
            for operation in operations:
                if operation.name == name:
                    operation.name = _free_name(f"{name}_before", taken)
                    taken.add(operation.name)
        taken.add(own)
        outputs.append(make(own)(tensor))
    structure: Any = outputs
    if goes_by_keys(model):
        # A plain mapping: of no other kind would a file keep the order.
        structure = dict(zip(output_names(model), outputs, strict=True))
    return keras.Model(model.input, structure, name=model.name)


def _free_name(name: str, taken: Set[str]) -> str:
    """Return a name, with a number where it is taken."""
    if name not in taken:
        return name
    return next(one for place in count(2) if (one := f"{name}_{place}") not in taken)
