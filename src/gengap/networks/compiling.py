"""Carry optimizer, loss and metrics from one network to another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import keras

__all__ = ["copy_compilation", "copy_optimizer"]


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
    excluded: set[int] = getattr(optimizer, "_exclude_from_weight_decay", set())
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    if excluded or pattern is not None:
        new.exclude_from_weight_decay(
            var_list=[variables[key] for key in excluded if key in variables],
            var_names=None if pattern is None else [pattern.pattern],
        )
    return new


def _fresh_metric(metric: Any) -> Any:
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric
