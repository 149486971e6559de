"""A recipe on a network as an ordinary Keras model, with trained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from gengap.errors import UserError
from gengap.export.outputs import ensemble, in_own_units, member_heads
from gengap.lanes.ending import Member
from gengap.networks.compiling import compile_plainly
from gengap.networks.insertion import insert
from gengap.networks.rebuild import is_graph, matching
from gengap.networks.strip import strip
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe
from gengap.refit import Refit
from gengap.techniques.base import Insertion, PlainKeras, Technique
from gengap.techniques.discovery import find_technique

__all__ = ["in_order", "plain_keras_of", "plain_model", "trained_model"]

#: Layers that do nothing at inference, and so may be left out of a network that cannot be changed.
TRAINING_ONLY = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "SpatialDropout{axes}D",
    }
)


def plain_keras_of(recipe: Recipe) -> tuple[PlainKeras, ...]:
    """Return how each technique of a recipe is written, in the order in which they act."""
    values, options = recipe.values(), recipe.options()
    return tuple(
        technique.plain_keras(values[technique.name], options[technique.name])
        for technique in in_order(recipe)
    )


def in_order(recipe: Recipe) -> list[Technique]:
    """Return the techniques of a recipe in the order in which they act."""
    return sorted((find_technique(name) for name in recipe.names), key=lambda t: t.order)


def plain_model(model: keras.Model, recipe: Recipe, *, trained: bool = False) -> keras.Model:
    """Write a recipe into a network, with layers and regularizers of Keras.

    Parameters
    ----------
    model : keras.Model
        Built and compiled; it stays as it is.
    recipe : Recipe
        Every strength given. What it replaces in the network is left out.
    trained : bool
        Whether it is not to be trained any more: layers that act in training only are then left
        out where a layer of the user's own has hidden layers that they cannot be put behind.

    Returns
    -------
    keras.Model
        With the network's own values where it has the same variables. What is not part of a
        network (an optimizer's step, a loss, a callback) is in `plain_keras_of`.

    Notes
    -----
    Layers that only act in training cannot be put into a subclassed network; it is the same
    network without them at inference.

    Raises
    ------
    UserError
        Where the network cannot be copied or changed.
    """
    fragments = plain_keras_of(recipe)
    insertions = [insertion for fragment in fragments for insertion in fragment.insertions]
    if not is_graph(model):
        insertions = [i for i in insertions if i.layer not in TRAINING_ONLY]
    penalties = {
        name: sum(fragment.kernel_regularizer.get(name, 0.0) for fragment in fragments)
        for name in ("l1", "l2")
    }
    cell_arguments = {
        name: value for fragment in fragments for name, value in fragment.cell_arguments.items()
    }
    bare = strip(model, variant_of(recipe, model).off)
    limits = [f.kernel_max_norm for f in fragments if f.kernel_max_norm is not None]

    def inserted(insertions: Sequence[Insertion]) -> keras.Model:
        return insert(
            bare,
            insertions,
            penalties,
            max_norm=min(limits, default=None),
            cell_arguments=cell_arguments if is_graph(model) else {},
        )

    acting = [insertion for insertion in insertions if insertion.layer not in TRAINING_ONLY]
    try:
        return inserted(insertions)
    except UserError as error:
        if not trained or error.code != "cannot-insert-layers" or acting == insertions:
            raise
    return inserted(acting)


def trained_model(model: keras.Model, fitted: Refit) -> keras.Model:
    """Return a trained recipe as an ordinary Keras model that is ready to be saved.

    Parameters
    ----------
    model : keras.Model
        As the user gave it.
    fitted : Refit

    Returns
    -------
    keras.Model
        Of Keras' own layers where the user's network is. For regression a last layer brings its
        outputs to the target's own unit. It is compiled with the user's optimizer and loss where
        these are Keras' own, so that it loads anywhere.
    """
    preprocessing = fitted.preprocessing
    members = [_member(model, fitted, member) for member in fitted.members]
    plain = members[0]
    if len(members) > 1:
        plain = ensemble(members, member_heads(model, preprocessing))
    plain = in_own_units(plain, preprocessing)
    compile_plainly(model, plain)
    return plain


def _member(model: keras.Model, fitted: Refit, member: Member) -> keras.Model:
    """Write the recipe into the network, with the values of one of its trained networks."""
    program = build_variant(model, fitted.variant)
    values: dict[int, np.ndarray] = {}
    for variables, given in zip(
        (program.trainable_variables, program.non_trainable_variables), member, strict=True
    ):
        values |= {id(v): value for v, value in zip(variables, given, strict=True)}
    plain = plain_model(model, fitted.recipe, trained=True)
    set_values(plain, program, values)
    return plain


def set_values(target: keras.Model, source: keras.Model, values: Mapping[int, np.ndarray]) -> None:
    """Set the variables of a network from those of the one that it was made from, or beside.

    Parameters
    ----------
    target, source : keras.Model
    values : mapping
        The id of a variable of the source -> its value.

    Raises
    ------
    ValueError
        Where a weight of the target has no counterpart.
    """
    missing = []
    for variable, place in zip(target.variables, matching(source, target), strict=True):
        if place is not None:
            variable.assign(values[id(source.variables[place])])
        elif not _is_seed(variable):
            missing.append(variable.path)
    if missing:
        raise ValueError(f"no trained values for {', '.join(missing)}")
    _finish_normalization(target.layers)


def _finish_normalization(layers: Sequence[keras.layers.Layer]) -> None:
    for layer in layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
        elif isinstance(layer, keras.Model):
            _finish_normalization(layer.layers)


def _is_seed(variable: keras.Variable) -> bool:
    return "seed_generator" in variable.path
