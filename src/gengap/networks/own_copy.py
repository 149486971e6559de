"""The user's own instance of a network stays theirs: a study works on a copy of it."""

from __future__ import annotations

from contextlib import suppress

import keras
import numpy as np

from gengap.errors import UserError
from gengap.networks.compiling import copy_compilation
from gengap.networks.inputs import trial_inputs
from gengap.networks.rebuild import copy_by_configuration, copy_network, is_graph, made_again

__all__ = ["is_built", "own_copy"]

_REBUILD_HINT = (
    "give the class a get_config() that returns the arguments of its __init__, or build the "
    "network as keras.Sequential or keras.Model(inputs, outputs)"
)


def is_built(model: keras.Model) -> bool:
    """Tell whether a network has its variables, or needs none."""
    return bool(model.built and (model.variables or getattr(model, "inputs", None)))


def own_copy(model: keras.Model) -> keras.Model:
    """Copy a network of any kind, so that nothing that is done to the copy reaches the original.

    Parameters
    ----------
    model : keras.Model
        Built or not, compiled or not.

    Returns
    -------
    keras.Model
        With its own variables, of the same values, and the same compilation with a fresh
        optimizer; not built where the original is not.

    Raises
    ------
    UserError
        ``network-cannot-be-rebuilt`` where the configurations of the network or of what it is
        compiled with do not suffice; ``network-not-in-its-configuration`` where the copy computes
        something else.
    """
    try:
        if not is_built(model):
            copy = made_again(model)
            copy_compilation(model, copy, {})
            return copy
        copy = _copy_built(model)
        _check_same_function(model, copy)
    except UserError:
        raise
    except (NotImplementedError, TypeError, ValueError) as error:
        # What Keras says of a missing get_config is a page with an example.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if isinstance(error, NotImplementedError):
            reason = "it does not tell what its __init__ was given"
        raise UserError(
            "network-cannot-be-rebuilt",
            f"the network {model.name!r} cannot be built again from its configuration, and a "
            f"study trains copies of it: {reason}",
            _REBUILD_HINT,
        ) from error
    return copy


def _copy_built(model: keras.Model) -> keras.Model:
    if is_graph(model):
        # A class with arguments of its own cannot be built layer by layer.
        with suppress(UserError):
            return copy_network(model)
    return copy_by_configuration(model)


def _check_same_function(model: keras.Model, copy: keras.Model) -> None:
    """Refuse a copy that computes something else from the same values.

    A class may be given more than its configuration tells, such as an attribute that is set after
    it was made; the copy would silently go without.
    """
    inputs = trial_inputs(model, 8)
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    outputs = [
        keras.tree.map_structure(np.asarray, network.stateless_call(trainable, others, inputs)[0])
        for network in (model, copy)
    ]
    same = all(
        np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True)
        for one, other in zip(*map(keras.tree.flatten, outputs), strict=True)
    )
    if not same:
        raise UserError(
            "network-not-in-its-configuration",
            f"the network {model.name!r} computes something else when it is built again from its "
            "configuration: part of what it is was set after it was made",
            "let __init__ take what decides what it computes, and get_config() return it",
        )
