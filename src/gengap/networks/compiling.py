"""Carry optimizer, loss and metrics from one network to another."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from gengap.errors import UserError
from gengap.networks.shapes import goes_by_keys, keras_output_names

__all__ = [
    "compile_plainly",
    "copy_compilation",
    "copy_optimizer",
    "decay_exclusions",
    "exclude_from_decay",
    "is_keras_own",
    "loss_weights_of",
    "losses_of",
    "single_loss",
]


def copy_compilation(
    source: keras.Model,
    target: keras.Model,
    variables: Mapping[int, Any],
    *,
    optimizer: keras.optimizers.Optimizer | None = None,
    loss: Any = None,
) -> None:
    """Compile a network as another one is, with a fresh optimizer.

    Parameters
    ----------
    source, target : keras.Model
        Nothing happens where the source is not compiled.
    variables : mapping
        The id of a variable of the source -> the variable of the target.
    optimizer, loss : optional
        Take the place of the source's.

    Notes
    -----
    Losses and functions have no state and are shared; the optimizer and the metrics are made
    again from their configurations, learning-rate schedules are kept as they are.
    """
    if not source.compiled:
        return
    given = dict(source._compile_config.config)
    given["optimizer"] = optimizer or copy_optimizer(source.optimizer, variables)
    given["loss"] = source.loss if loss is None else loss
    for name in ("metrics", "weighted_metrics"):
        given[name] = keras.tree.map_structure(_fresh_metric, given[name])
    target.compile(**given)


def copy_optimizer(
    optimizer: keras.optimizers.Optimizer, variables: Mapping[int, Any]
) -> keras.optimizers.Optimizer:
    """Make an optimizer again, unbuilt: configuration, schedule, exclusions from weight decay."""
    schedule = optimizer._learning_rate
    config = copy.deepcopy(optimizer.get_config())
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        config["learning_rate"] = schedule
    new = type(optimizer).from_config(config)
    excluded, pattern = _excluded(optimizer)
    if excluded or pattern is not None:
        new.exclude_from_weight_decay(
            var_list=[variables[key] for key in excluded if key in variables],
            var_names=None if pattern is None else [pattern],
        )
    return new


def decay_exclusions(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[Any]
) -> tuple[tuple[int, ...], str | None]:
    """Return which variables an optimizer was told not to decay, and the pattern of names."""
    excluded, pattern = _excluded(optimizer)
    key = getattr(optimizer, "_var_key", id)  # on TensorFlow it is not the variable's id
    places = tuple(place for place, variable in enumerate(variables) if key(variable) in excluded)
    return places, pattern


def exclude_from_decay(model: keras.Model, places: Sequence[int], pattern: str | None) -> None:
    """Tell the optimizer of a compiled network what `decay_exclusions` returned of another one.

    An optimizer can only be told before it is built: it is made again.
    """
    if not places and pattern is None:
        return
    optimizer = copy_optimizer(model.optimizer, {})
    optimizer.exclude_from_weight_decay(
        var_list=[model.trainable_variables[place] for place in places],
        var_names=None if pattern is None else [pattern],
    )
    copy_compilation(model, model, {}, optimizer=optimizer)


def _excluded(optimizer: keras.optimizers.Optimizer) -> tuple[set[int], str | None]:
    """Return the ids of the variables that are not decayed, and the pattern of such names."""
    excluded: set[int] = getattr(optimizer, "_exclude_from_weight_decay", set())
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return excluded, None if pattern is None else pattern.pattern


def _fresh_metric(metric: Any) -> Any:
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric


def compile_plainly(source: keras.Model, target: keras.Model) -> None:
    """Compile a network that is to be saved, with what loads where only Keras is installed.

    Where the source's optimizer or loss is not one of Keras' own, the target is left without both;
    metrics are left out. The optimizer is built, or a warning would meet whoever loads it.
    """
    losses = losses_of(source) if source.compiled else ()
    parts = (source.optimizer, *losses) if source.compiled else (None,)
    if not all(is_keras_own(part) for part in parts):
        target.compiled, target.optimizer = False, None
        return
    loss, weights = losses[0], None
    if len(losses) > 1:
        # By their order: layers behind an output may have given it another name.
        loss, weights = _for_outputs(source, losses), loss_weights_of(source)
        weights = None if weights is None else _for_outputs(source, weights)
    target.compile(copy_optimizer(source.optimizer, {}), loss, loss_weights=weights)
    # On another backend than this one, what compiles the steps is not what compiles them here.
    target._compile_config.config["jit_compile"] = "auto"
    target.optimizer.build(target.trainable_variables)


def _for_outputs(model: keras.Model, values: Sequence[Any]) -> Any:
    """Put values for several outputs, in their order, as `compile` of such a network takes them."""
    if goes_by_keys(model):
        return dict(zip(keras_output_names(model), values, strict=True))
    return list(values)


def is_keras_own(value: Any) -> bool:
    """Tell whether an optimizer, a loss or a layer is one of Keras' own, or the name of one."""
    kind = value if hasattr(value, "__name__") else type(value)
    return isinstance(value, str) or str(getattr(kind, "__module__", "")).startswith("keras.")


def single_loss(model: keras.Model) -> Any:
    """Return the loss of a network with one output, as it was given."""
    return keras.tree.flatten(model.loss)[0]


def loss_weights_of(model: keras.Model) -> tuple[float, ...] | None:
    """Return how much the loss of each of several outputs counts; None where all count alike.

    Raises
    ------
    UserError
        ``loss-weights`` where they do not go with the losses: Keras would fail, or take them by
        the alphabet.
    """
    weights, loss = model._compile_config.config.get("loss_weights"), model.loss
    if weights is None:
        return None
    names, found = keras_output_names(model), keras.tree.flatten(weights)
    if isinstance(weights, Mapping):
        if isinstance(loss, Mapping) and set(weights) == set(names):
            return tuple(float(weights[name]) for name in names)
    elif isinstance(loss, Mapping | list | tuple):
        if len(found) == len(names):
            order = names
            if isinstance(loss, Mapping) and goes_by_keys(model):
                order = tuple(path[0] for path, _ in keras.tree.flatten_with_path(loss))
            named = dict(zip(order, found, strict=True))
            return tuple(float(named[name]) for name in names)
    elif len(found) == 1:
        return (float(found[0]),) * len(names)
    kind = "losses by name" if isinstance(loss, Mapping) else "a list of losses"
    if not isinstance(loss, Mapping | list | tuple):
        kind = "one loss for all"
    raise UserError(
        "loss-weights",
        f"the network is compiled with loss_weights={weights!r} beside {kind}; it has the "
        f"outputs {', '.join(map(repr, names))}",
        "compile it with lists, loss=[...] and loss_weights=[...], in the order of the outputs, or "
        "with both by their names",
    )


def losses_of(model: keras.Model) -> tuple[Any, ...]:
    """Return the loss of every output of a compiled network, as it was given.

    None for an output that has none. One loss alone is, as Keras takes it, that of all outputs.

    Raises
    ------
    UserError
        ``several-losses`` where they do not go with the outputs.
    """
    loss = model.loss
    names = keras_output_names(model)
    if len(names) < 2:
        return (None if loss is None else single_loss(model),)
    if isinstance(loss, Mapping):
        if set(loss) <= set(names):
            return tuple(loss.get(name) for name in names)
        given = f"losses for {', '.join(map(repr, loss))}"
    elif isinstance(loss, list | tuple):
        if len(loss) == len(names):
            return tuple(loss)
        given = f"{len(loss)} losses"
    else:
        return (loss,) * len(names)
    raise UserError(
        "several-losses",
        f"the network is compiled with {given}; it has the outputs {', '.join(map(repr, names))}",
        "compile it with a loss for each: loss={"
        + ", ".join(f"{name!r}: ..." for name in names)
        + "}",
    )
