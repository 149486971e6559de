"""A limit on the norm of the weights that a unit takes in, as constraints of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from gengap.networks.sites import incoming_axes, incoming_axes_of, kernels

__all__ = ["constrain_rest", "constraints_of", "set_constraints"]

#: The argument of Keras' layers that constrains a kernel, by its name.
_ARGUMENTS = {
    "kernel": "kernel_constraint",
    "recurrent_kernel": "recurrent_constraint",
    "depthwise_kernel": "depthwise_constraint",
    "pointwise_kernel": "pointwise_constraint",
}
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


def constraints_of(layer: keras.layers.Layer, limit: float) -> dict[str, keras.constraints.MaxNorm]:
    """Return the constraints of a layer's kernels, those of layers that it wraps included.

    Parameters
    ----------
    layer : keras.layers.Layer
        Built.
    limit : float

    Returns
    -------
    dict
        By the arguments of the constructors.
    """
    found = {}
    for inner in layer._flatten_layers(include_self=True, recursive=True):
        for variable in inner._trainable_variables:
            argument = _ARGUMENTS.get(variable.name)
            if argument is not None:
                if isinstance(inner, _DEPTHWISE):
                    argument = "depthwise_constraint"
                found[argument] = _max_norm(limit, incoming_axes_of(inner, variable))
    return found


def set_constraints(
    config: dict[str, Any], constraints: Mapping[str, keras.constraints.MaxNorm]
) -> None:
    """Write constraints into the configuration of a layer, and of layers that it wraps."""
    for name, value in config.items():
        if name in constraints:
            config[name] = keras.constraints.serialize(constraints[name])
        elif isinstance(value, dict) and isinstance(value.get("config"), dict):
            set_constraints(value["config"], constraints)


def constrain_rest(model: keras.Model, limit: float) -> None:
    """Set the constraint on kernels whose layer has no argument for it (custom layers)."""
    for variable, kernel, axes in zip(
        model.trainable_variables, kernels(model), incoming_axes(model), strict=True
    ):
        wanted = _max_norm(limit, axes)
        given = variable.constraint
        if kernel and (given is None or given.get_config() != wanted.get_config()):
            variable.constraint = wanted


def _max_norm(limit: float, axes: tuple[int, ...]) -> keras.constraints.MaxNorm:
    return keras.constraints.MaxNorm(limit, axis=axes[0] if len(axes) == 1 else list(axes))
