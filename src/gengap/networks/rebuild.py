"""Build a network anew from its layers' configurations, with changes on the way.

What comes out has variables of its own, holding the values of the original's. A layer that is
shared is made once; nested Sequential and Functional networks are built anew too. A subclassed
network computes what its code says: it can be copied, not changed.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.layers import Layer

from gengap.errors import UserError
from gengap.networks.compiling import copy_compilation
from gengap.networks.own import own_objects
from gengap.networks.shapes import inference_mode, input_names, zeros

__all__ = [
    "Edit",
    "copy_by_configuration",
    "copy_network",
    "is_graph",
    "made_again",
    "matching",
    "rebuild",
    "variable_pairs",
]


@dataclass(frozen=True)
class Edit:
    """What becomes of one layer when its network is built anew.

    Attributes
    ----------
    change : callable, optional
        Takes the layer's configuration and changes it in place.
    drop : bool
        Whether the layer is left out.
    then : tuple of (Layer, set of int or None)
        New layers that are called after it, at these of its calls (counted from 0), or at all.
    moved : tuple of (Layer, Layer)
        A layer that was within it, and the new one after it that takes its values.
    begins : mapping
        The how-manieth of its calls -> the name of a detour that begins with what it takes in.
    ends : mapping
        The same, of a detour that ends behind it and the layers after it, and a new layer that
        takes ``[where it begins, where it ends]``.
    """

    change: Callable[[dict[str, Any]], None] | None = None
    drop: bool = False
    then: tuple[tuple[Layer, frozenset[int] | None], ...] = ()
    moved: tuple[tuple[Layer, Layer], ...] = ()
    begins: Mapping[int, Any] = field(default_factory=dict)
    ends: Mapping[int, tuple[Any, Layer]] = field(default_factory=dict)


_AS_IT_IS = Edit()


def is_graph(model: Layer) -> bool:
    """Tell whether a network is Sequential or Functional, so that it can be built anew."""
    return isinstance(model, keras.Model) and bool(getattr(model, "inputs", None))


def rebuild(
    model: keras.Model,
    edit: Callable[[Layer], Edit | None],
    first: Sequence[Layer] | Mapping[str, Sequence[Layer]] = (),
    sample_shape: Any = None,
) -> keras.Model:
    """Build a Sequential or Functional network anew.

    Parameters
    ----------
    model : keras.Model
        Built; the compilation is carried over (`copy_compilation`).
    edit : callable
        ``layer -> Edit``, or None for a layer that stays as it is.
    first : sequence of Layer
        New layers behind the input; by name where there are several inputs, which get the names
        of `input_names`.
    sample_shape : tuple of int or mapping of such, optional
        Of its input or inputs, in place of a shape with open sizes.

    Raises
    ------
    UserError
        For a layer that cannot be made again from its configuration.
    """
    builder = _Builder(edit)
    new = builder.network(model, first, sample_shape)
    for old_layer, new_layer in builder.pairs:
        _copy_variables(old_layer, new_layer)
    copy_compilation(model, new, variable_pairs(model, new))
    return new


def made_again(model: keras.Model) -> keras.Model:
    """Make a network again from its configuration, built or not, with weights of its own.

    Raises
    ------
    NotImplementedError, TypeError, ValueError
        Where the configuration does not suffice.
    """
    kind, config = type(model), model.get_config()
    taken = inspect.signature(kind.__init__).parameters.values()
    if not is_graph(model) and all(one.kind is not one.VAR_KEYWORD for one in taken):
        # Keras adds these to every configuration, and a class of the user's own may know none.
        unknown = {"name", "trainable", "dtype"} - {one.name for one in taken}
        config = {name: value for name, value in config.items() if name not in unknown}
    with keras.saving.custom_object_scope(own_objects(model)):
        return kind.from_config(config)


def copy_network(model: keras.Model) -> keras.Model:
    """Copy a built network of any kind: its own variables, the same values, the same compilation.

    Raises
    ------
    UserError
        For a network that cannot be made again from its configuration.
    """
    if is_graph(model):
        return rebuild(model, lambda layer: None)
    try:
        return copy_by_configuration(model)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UserError(
            "model-not-copyable",
            f"the subclassed network {type(model).__name__} cannot be made again: "
            f"{_first_line(error)}",
            "give it a get_config() that returns the arguments of its __init__",
        ) from error


def copy_by_configuration(model: keras.Model) -> keras.Model:
    """Copy a built network by its own configuration, as a subclassed one has to be.

    Raises
    ------
    NotImplementedError, TypeError, ValueError
        Where the configuration does not suffice.
    """
    new = made_again(model)
    if not new.built:
        new(zeros(model), **inference_mode(new))
    new.set_weights(model.get_weights())
    for layer in new._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    copy_compilation(model, new, variable_pairs(model, new))
    return new


def matching(source: keras.Model, target: keras.Model) -> tuple[int | None, ...]:
    """Tell where each variable of one network is in another, by the names that lead to it.

    Parameters
    ----------
    source, target : keras.Model
        Of which one was made from the other by `rebuild`.

    Returns
    -------
    tuple of int or None
        For each of ``target.variables`` its index in ``source.variables``; None for a new one.
    """
    index = {id(variable): place for place, variable in enumerate(source.variables)}
    known = {key: index[id(v)] for key, v in _named_variables(source) if id(v) in index}
    place: dict[int, int] = {}
    for key, variable in _named_variables(target):
        if key in known:  # of a shared variable the first name counts
            place.setdefault(id(variable), known[key])
    return tuple(place.get(id(variable)) for variable in target.variables)


class _Builder:
    def __init__(self, edit: Callable[[Layer], Edit | None]) -> None:
        self.edit = edit
        self.made: dict[int, Layer] = {}
        self.pairs: list[tuple[Layer, Layer]] = []
        self.calls: dict[int, int] = {}
        self.detours: dict[Any, Any] = {}

    def network(
        self,
        model: keras.Model,
        first: Any,
        sample_shape: Any = None,
    ) -> keras.Model:
        build: Callable[..., keras.Model]
        build = self.sequential if isinstance(model, keras.Sequential) else self.functional
        try:
            new = build(model, first, sample_shape)
        except TypeError as error:
            raise UserError(
                "model-not-copyable",
                f"the network {type(model).__name__} cannot be made again: {_first_line(error)}",
                "build it as keras.Sequential or keras.Model(inputs, outputs)",
            ) from error
        if not model.trainable:
            new.trainable = False
        return new

    def sequential(
        self,
        model: keras.Sequential,
        first: Sequence[Layer],
        sample_shape: tuple[int, ...] | None,
    ) -> keras.Sequential:
        given = model.inputs[0]
        shape = given.shape if sample_shape is None else (given.shape[0], *sample_shape)
        start = keras.Input(batch_shape=shape, dtype=given.dtype, name=given.name)
        edits = [(layer, self.edit(layer) or _AS_IT_IS) for layer in model.layers]
        if any(edit.ends for _, edit in edits):
            return self.sequence_with_detours(model, start, edits, first)
        layers: list[Any] = [*first]
        for layer, edit in edits:
            if not edit.drop:
                layers.append(self.layer(layer))
            layers += self.behind(layer, edit)
        return type(model)([start, *(layers or [keras.layers.Identity()])], name=model.name)

    def sequence_with_detours(
        self,
        model: keras.Sequential,
        start: Any,
        edits: Sequence[tuple[Layer, Edit]],
        first: Sequence[Layer],
    ) -> keras.Model:
        value = start
        for layer in first:
            value = layer(value)
        for layer, edit in edits:
            value = self.called(layer, edit, None if edit.drop else self.layer(layer), value)
        return keras.Model(start, value, name=model.name)

    def functional(
        self,
        model: keras.Model,
        first: Sequence[Layer] | Mapping[str, Sequence[Layer]],
        sample_shape: Any,
    ) -> keras.Model:
        names = dict(zip(map(id, model.inputs), input_names(model), strict=False))

        def start(given: Any) -> Any:
            name = names.get(id(given))
            own = sample_shape if sample_shape is None or name is None else sample_shape[name]
            shape = given.shape if own is None else (given.shape[0], *own)
            return keras.Input(batch_shape=shape, dtype=given.dtype, name=name or given.name)

        inputs = keras.tree.map_structure(start, model.input)
        replaced: dict[int, Any] = {}
        starts = keras.tree.flatten(inputs)
        behind = first.items() if isinstance(first, Mapping) else [(starts[0].name, first)]
        for name, layers in behind:
            value = given = next(one for one in starts if one.name == name)
            for layer in layers:
                value = layer(value)
            replaced[id(given)] = value

        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            args, kwargs = keras.tree.map_structure(
                lambda value: replaced.get(id(value), value), (args, kwargs)
            )
            old = originals.get(id(operation))
            if old is None:
                return operation(*args, **kwargs)
            edit = self.edit(old) or _AS_IT_IS
            return self.called(old, edit, None if edit.drop else operation, *args, **kwargs)

        originals: dict[int, Layer] = {}

        def clone(operation: Any) -> Any:
            if not isinstance(operation, Layer):
                return operation
            new = self.layer(operation)
            originals[id(new)] = operation
            return new

        # Without its compilation, which Keras would carry over by way of configurations.
        bare = keras.Model(model.input, model.output, name=model.name)
        new = keras.models.clone_model(
            bare, clone_function=clone, call_function=call, input_tensors=inputs
        )
        if type(model) is type(bare):
            return new
        return type(model)(inputs=new.input, outputs=new.output, name=model.name)

    def called(self, old: Layer, edit: Edit, new: Any, *args: Any, **kwargs: Any) -> Any:
        number = self.calls.get(id(old), 0)
        if number in edit.begins:
            self.detours[edit.begins[number]] = args[0]
        value = args[0] if new is None else new(*args, **kwargs)
        for layer in self.behind(old, edit):
            value = layer(value)
        if number in edit.ends:
            detour, layer = edit.ends[number]
            value = layer([self.detours[detour], value])
        return value

    def behind(self, layer: Layer, edit: Edit) -> Iterator[Layer]:
        number = self.calls.get(id(layer), 0)
        self.calls[id(layer)] = number + 1
        return (new for new, calls in edit.then if calls is None or number in calls)

    def layer(self, layer: Layer) -> Layer:
        if id(layer) not in self.made:
            if is_graph(layer):
                self.made[id(layer)] = self.network(layer, ())
            else:
                self.made[id(layer)] = self.plain_layer(layer)
        return self.made[id(layer)]

    def plain_layer(self, layer: Layer) -> Layer:
        edit = self.edit(layer) or _AS_IT_IS
        try:
            config = copy.deepcopy(layer.get_config())
            if edit.change is not None:
                edit.change(config)
            new = type(layer).from_config(config)
        except (NotImplementedError, TypeError, ValueError) as error:
            if layer.variables or edit.change is not None:
                raise UserError(
                    "layer-not-copyable",
                    f"the layer {layer.name!r} ({type(layer).__name__}) cannot be made again: "
                    f"{_first_line(error)}",
                    "give it a get_config() that returns the arguments of its __init__",
                ) from error
            return layer  # without variables it can serve both networks
        self.pairs += [(layer, new), *edit.moved]
        return new


def _copy_variables(old: Layer, new: Layer) -> None:
    sources = old._flatten_layers(recursive=True)
    targets = new._flatten_layers(recursive=True)
    if len(sources) != len(targets):  # the activation that it held stands behind it now
        sources, targets = [old], [new]
    for source, target in zip(sources, targets, strict=True):
        ours = target._trainable_variables + target._non_trainable_variables
        theirs = source._trainable_variables + source._non_trainable_variables
        by_name = {variable.name: variable for variable in theirs}
        same = len(ours) == len(theirs)
        for place, variable in enumerate(ours):
            given = theirs[place] if same else by_name[variable.name]
            # A buffer of its own: `fit` gives the buffers of its network away.
            variable.assign(keras.ops.copy(given.value))
        if isinstance(target, keras.layers.Normalization):
            target.finalize_state()


def _named_variables(model: keras.Model) -> Iterator[tuple[tuple[Any, ...], Any]]:
    def walk(
        layer: Layer, path: tuple[Any, ...], above: frozenset[int]
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        # What is shared has several names, but nothing is within itself.
        if id(layer) in above:
            return
        count: dict[str, int] = {}
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            number = count[variable.name] = count.get(variable.name, -1) + 1
            yield (*path, variable.name, number), variable
        # Only the layers of a graph keep their names; others may name what is in them anew.
        for place, inner in enumerate(layer._flatten_layers(include_self=False, recursive=False)):
            name = inner.name if is_graph(layer) else place
            yield from walk(inner, (*path, name), above | {id(layer)})

    yield from walk(model, (), frozenset())


def variable_pairs(source: keras.Model, target: keras.Model) -> dict[int, Any]:
    """Map the id of each variable of `source` to its variable in `target`."""
    theirs, ours = source.variables, target.variables
    return {
        id(theirs[place]): variable
        for variable, place in zip(ours, matching(source, target), strict=True)
        if place is not None
    }


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
