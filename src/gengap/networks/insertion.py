"""Add a technique's standard Keras layers, and what acts on kernels, to a network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from gengap.errors import UserError
from gengap.networks.cells import recurrent_cells
from gengap.networks.constraining import constrain_rest, constraints_of, set_constraints
from gengap.networks.existing import l1_l2, penalties
from gengap.networks.inputs import masking_layer, takes_codes, takes_inputs
from gengap.networks.rebuild import Edit, copy_network, is_graph, rebuild
from gengap.networks.residuals import residual_joins
from gengap.networks.shapes import input_names, known_shape
from gengap.networks.sites import Site, count_calls, hidden_sites, kernels
from gengap.techniques.base import Insertion
from gengap.techniques.discovery import techniques

__all__ = ["KERNEL_ARGUMENTS", "insert"]

#: Arguments of Keras' layers that regularize a kernel.
KERNEL_ARGUMENTS = frozenset(
    {
        "kernel_regularizer",
        "recurrent_regularizer",
        "depthwise_regularizer",
        "pointwise_regularizer",
    }
)


@dataclass
class _Plan:
    """What happens at one layer, collected over the insertions in their order."""

    drop: bool = False
    linear: bool = False
    without_bias: bool = False
    inner: list[keras.layers.Layer] = field(default_factory=list)
    outer: list[keras.layers.Layer] = field(default_factory=list)
    moved: list[tuple[keras.layers.Layer, keras.layers.Layer]] = field(default_factory=list)
    calls: set[int] = field(default_factory=set)
    begins: dict[int, keras.layers.Layer] = field(default_factory=dict)
    ends: dict[int, tuple[keras.layers.Layer, keras.layers.Layer]] = field(default_factory=dict)


def insert(
    model: keras.Model,
    insertions: Sequence[Insertion],
    regularizer: Mapping[str, float] | None = None,
    cell_arguments: Mapping[str, float] | None = None,
    max_norm: float | None = None,
) -> keras.Model:
    """Build a network anew with layers, kernel regularizers and constraints added.

    Parameters
    ----------
    model : keras.Model
        Built; its variables are copied, and its compilation is carried over.
    insertions : sequence of Insertion
        At hidden sites (`gengap.networks.sites`) a layer takes the place of those of its own class
        that follow there already. Where a hidden layer has no nonlinearity that could be
        separated (recurrent and attention layers, wrappers), "before_activation" is behind it.
        "around" leads around what the others add to a hidden layer, too.
    regularizer : mapping, optional
        ``{"l1": strength, "l2": strength}`` for every kernel, added to what regularizes it
        already.
    cell_arguments : mapping, optional
        Arguments to set in every recurrent layer, such as ``{"recurrent_dropout": 0.2}``.
    max_norm : float, optional
        Of ``keras.constraints.MaxNorm`` for every kernel, in place of its own constraint.

    Returns
    -------
    keras.Model
        Sequential where the original is and no skip connections are added.

    Raises
    ------
    UserError
        For a subclassed network, or one in which the layers cannot be placed at every site, or the
        arguments of a recurrent layer cannot be set.
    """
    strengths = {name: value for name, value in (regularizer or {}).items() if value}
    cell_arguments = cell_arguments or {}
    if (insertions or cell_arguments) and not is_graph(model):
        names = ", ".join([*(insertion.layer for insertion in insertions), *cell_arguments])
        raise UserError(
            "cannot-insert-layers",
            f"cannot add {names} to the subclassed network {type(model).__name__}: its layers are "
            "called by its own code (0 of its hidden layers can be changed)",
            f"{_without_layers()}; or build the network as keras.Sequential or "
            "keras.Model(inputs, outputs)",
        )
    if not is_graph(model):
        new = copy_network(model)
    else:
        new = _insert_into_graph(model, insertions, strengths, cell_arguments, max_norm)
    if strengths:
        _regularize_rest(new, strengths)
    if max_norm is not None:
        constrain_rest(new, max_norm)
    return new


def _insert_into_graph(
    model: keras.Model,
    insertions: Sequence[Insertion],
    strengths: Mapping[str, float],
    cell_arguments: Mapping[str, float],
    max_norm: float | None,
) -> keras.Model:
    shape = known_shape(model)
    hidden = [insertion for insertion in insertions if insertion.place != "inputs"]
    all_sites = hidden_sites(model, shape) if hidden else ()
    masking = masking_layer(model)
    taking: list[str | None] = [*input_names(model)] or [None]
    maskings = {name: _first_masking(model, name) for name in taking}
    for insertion in hidden:
        _check_masked(insertion, all_sites, masking)
    taken = {layer.name for layer in model._flatten_layers()}
    plans: dict[int, _Plan] = {}
    added = []
    # What leads around a layer leads around all that is added there.
    for insertion in sorted(hidden, key=lambda insertion: insertion.place == "around"):
        sites = [site for site in all_sites if _layer_at(insertion, site)]
        if insertion.place == "around":
            held = frozenset[int]().union(*(j.within for j in residual_joins(model, shape)))
            sites = [site for site in sites if id(site.kernel_layer) not in held]
        if not sites:
            raise _refusal(insertion, 0, 0, ()) if insertion.place != "around" else _no_detour()
        added.append((insertion, sites, _plan_insertion(insertion, sites, plans, taken)))
    first = {
        name: [
            _new_layer(insertion.layer, insertion.arguments, name or "input", taken)
            for insertion in insertions
            if insertion.place == "inputs"
        ]
        for name in taking
        # What is inserted there computes with numbers.
        if name is None or not takes_codes(model, name)
    }

    def edit(layer: keras.layers.Layer) -> Edit:
        plan = plans.get(id(layer), _Plan())
        constraints = {} if max_norm is None else constraints_of(layer, max_norm)

        def change(config: dict[str, Any]) -> None:
            if plan.linear:
                config["activation"] = "linear"
            if plan.without_bias:
                config["use_bias"] = False
            if strengths:
                _add_penalties(config, strengths)
            if constraints:
                set_constraints(config, constraints)
            if cell_arguments:
                _set_cell_arguments(config, cell_arguments)

        then: list[tuple[keras.layers.Layer, frozenset[int] | None]]
        then = [(new, None) for new in plan.inner]
        for name, first_masking in maskings.items():
            if layer is first_masking:
                # What is changed before it would no longer tell which steps are none.
                then += [(new, None) for new in first.get(name, [])]
        then += [(new, frozenset(plan.calls)) for new in plan.outer]
        inside = bool(constraints) or bool((strengths or cell_arguments) and layer.variables)
        touched = plan.linear or plan.without_bias or inside
        edit = Edit(change if touched else None, plan.drop, tuple(then), tuple(plan.moved))
        return replace(edit, begins=plan.begins, ends=plan.ends)

    before: dict[Any, list[keras.layers.Layer]]
    before = {name: layers for name, layers in first.items() if maskings[name] is None}
    new = rebuild(model, edit, before.get(None, ()) if taking == [None] else before)
    for insertion, sites, layers in added:
        count = count_calls(new, layers, shape)
        if count != len(sites):
            raise _refusal(insertion, count, len(sites), sites)
    if cell_arguments:
        _check_cells(model, new, cell_arguments)
    return new


def _first_masking(model: keras.Model, name: str | None) -> keras.layers.Masking | None:
    """Return the Masking layer that takes an input itself, if there is one."""
    masking = masking_layer(model, name)
    return masking if masking is not None and takes_inputs(masking, model, name) else None


def _check_masked(
    insertion: Insertion, sites: Sequence[Site], masking: keras.layers.Layer | None
) -> None:
    """Refuse a layer of batch statistics where it would count the steps that are none."""
    if masking is None or insertion.layer != "BatchNormalization":
        return
    layers = [site.kernel_layer for site in sites]
    deaf = [layer.name for layer in layers if not layer.supports_masking]
    if deaf:
        raise UserError(
            "cannot-insert-layers",
            f"BatchNormalization behind {', '.join(deaf)} would count the steps after a row's last "
            "one: these layers pass no mask on",
            "use a recurrent network, such as lstm:32, or rows of one length",
        )


def _plan_insertion(
    insertion: Insertion, sites: Sequence[Site], plans: dict[int, _Plan], taken: set[str]
) -> list[keras.layers.Layer]:
    """Write an insertion into the plans of the sites' layers; return the new layers."""
    made: dict[int, keras.layers.Layer] = {}
    for site in sites:
        name = _layer_at(insertion, site)
        kind = getattr(keras.layers, name)
        for layer in site.layers[1:]:
            if type(layer) is kind:
                plans.setdefault(id(layer), _Plan()).drop = True
        kept = [
            (layer, call)
            for layer, call in zip(site.layers, site.calls, strict=True)
            if not plans.get(id(layer), _Plan()).drop
        ]
        before = insertion.place == "before_activation"
        anchor, call = kept[0] if before else kept[-1]
        plan = plans.setdefault(id(anchor), _Plan())
        if insertion.place == "around":
            layer = made.get(id(anchor)) or _new_layer(name, {}, site.kernel_layer.name, taken)
            made[id(anchor)] = layer
            plans.setdefault(id(site.kernel_layer), _Plan()).begins[site.calls[0]] = layer
            plan.ends[call] = (layer, layer)
            continue
        plan.calls.add(call)
        if id(anchor) in made:
            continue
        base = site.kernel_layer.name
        new = made[id(anchor)] = _new_layer(name, insertion.arguments, base, taken)
        if not before:
            plan.outer.append(new)
            continue
        at = len(plan.inner)
        if _splits(anchor):
            if not plan.linear and keras.activations.serialize(anchor.activation) != "linear":
                plan.inner.append(_activation_of(anchor, taken))
                if isinstance(anchor.activation, keras.layers.Layer):
                    plan.moved.append((anchor.activation, plan.inner[-1]))
                plan.linear = True
            at = len(plan.inner) - plan.linear
            plan.without_bias = plan.without_bias or insertion.replaces_bias
        plan.inner.insert(at, new)
    return list(made.values())


def _layer_at(insertion: Insertion, site: Site) -> str:
    """Return the class that is added at a site; an empty name where there is nothing to add."""
    if insertion.place == "around" and site.input_shape != site.output_shape:
        return ""
    if "{axes}" not in insertion.layer:
        return insertion.layer
    return insertion.layer.format(axes=site.axes) if site.has_channels else ""


def _splits(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer is a linear part and a nonlinearity that can be taken apart."""
    recurrent = isinstance(layer, keras.layers.RNN)
    arguments = getattr(layer, "activation", None) is not None and hasattr(layer, "use_bias")
    return arguments and not recurrent and type(layer).__module__.startswith("keras.")


def _activation_of(layer: keras.layers.Layer, taken: set[str]) -> keras.layers.Layer:
    activation = layer.activation
    if isinstance(activation, keras.layers.Layer):
        return type(activation).from_config(activation.get_config())
    return _new_layer("Activation", {"activation": activation}, layer.name, taken)


def _new_layer(
    kind: str, arguments: Mapping[str, Any], base: str, taken: set[str]
) -> keras.layers.Layer:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    name = wanted = f"{base}_{snake}"
    number = 1
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return getattr(keras.layers, kind)(**arguments, name=name)


def _add_penalties(config: dict[str, Any], strengths: Mapping[str, float]) -> None:
    """Add L1 and L2 to the kernel regularizers in a configuration, in wrapped layers too."""
    for name, value in config.items():
        if name in KERNEL_ARGUMENTS:
            merged = _merged(keras.regularizers.get(value), strengths)
            config[name] = None if merged is None else keras.regularizers.serialize(merged)
        elif isinstance(value, dict) and isinstance(value.get("config"), dict):
            _add_penalties(value["config"], strengths)


def _set_cell_arguments(config: dict[str, Any], arguments: Mapping[str, float]) -> None:
    """Set arguments in the configuration of a recurrent layer, in wrapped ones and cells too."""
    if "recurrent_dropout" in config:
        config.update(arguments)
    for value in config.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
                _set_cell_arguments(inner["config"], arguments)


def _check_cells(model: keras.Model, new: keras.Model, arguments: Mapping[str, float]) -> None:
    expected = recurrent_cells(model)
    done = [
        cell
        for cell in recurrent_cells(new)
        if all(getattr(cell.layer, name) == value for name, value in arguments.items())
    ]
    if len(done) != len(expected):
        names = ", ".join(arguments)
        raise UserError(
            "cannot-insert-layers",
            f"{names} could be set in {len(done)} of {len(expected)} recurrent layers",
            "a recurrent layer must be one of Keras, not one that a layer of your own makes",
        )


def _merged(regularizer: Any, strengths: Mapping[str, float]) -> Any:
    l1, l2 = penalties(regularizer)
    if l1 is None or l2 is None:
        raise UserError(
            "regularizer-not-addable",
            f"an L1 or L2 penalty cannot be added to {type(regularizer).__name__} in one object",
            "leave that regularizer out of the network, or the technique",
        )
    return l1_l2(l1 + strengths.get("l1", 0.0), l2 + strengths.get("l2", 0.0))


def _regularize_rest(model: keras.Model, strengths: Mapping[str, float]) -> None:
    """Set the penalty on kernels whose layer has no argument for it (custom layers)."""
    # Keras keeps L1's strength in 32 bits: 0.01 comes back a little smaller.
    wanted = [np.float32(strengths.get(name, 0.0)) for name in ("l1", "l2")]
    for variable, kernel in zip(model.trainable_variables, kernels(model), strict=True):
        found = [np.float32(strength or 0.0) for strength in penalties(variable.regularizer)]
        reached = all(now >= then for now, then in zip(found, wanted, strict=True))
        if kernel and not reached:
            variable.regularizer = _merged(variable.regularizer, strengths)


def _no_detour() -> UserError:
    return UserError(
        "no-equal-shapes",
        "a skip connection adds the input of a hidden layer to its output, and the network has no "
        "hidden layer of which both have one shape and around which none leads yet",
        'give neighbouring hidden layers as many units (of convolutions, padding="same" and as '
        "many filters), or leave skip_connection out",
    )


def _refusal(insertion: Insertion, count: int, expected: int, sites: Sequence[Site]) -> UserError:
    names = ", ".join(site.kernel_layer.name for site in sites) or "none"
    layer = insertion.layer.format(axes="")
    return UserError(
        "cannot-insert-layers",
        f"{layer} could be added at {count} of {expected} hidden layers ({names})",
        f"{_without_layers()}; a hidden layer must be a layer of Keras that is not shared with the "
        "output",
    )


def _without_layers() -> str:
    """Say which techniques change no network, and so serve any."""
    names = [technique.name for technique in techniques().values() if not technique.insertions]
    return f"techniques that need no layers of their own: {', '.join(sorted(names))}"
