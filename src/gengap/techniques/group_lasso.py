"""Group lasso: an input column costs the norm of its weights, and many become exactly zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.proximal_groups import by_column, column_norms, stop_columns

    def column_penalty(values, kernels):
        matrices = [
            by_column(kernel, axis)
            for kernel, axis in zip(kernels, kernels.columns, strict=True)
            if axis is not None
        ]
        norms = [jnp.sqrt(rows.shape[1]) * jnp.sum(column_norms(rows)) for rows in matrices]
        return values["strength"] * sum(norms)

    def column_start(weights, columns):
        return [
            None if axis is None else (rows := by_column(weight, axis), jnp.zeros_like(rows))
            for weight, axis in zip(weights, columns, strict=True)
        ]

    def update(values, state, weights, step):
        ends = (step.moment.step + 1) % step.moment.steps == 0
        passed, found = list(state), list(weights)
        for place, (size, axis) in enumerate(zip(step.step_sizes(), step.columns, strict=True)):
            if axis is not None:
                strength = values["strength"].astype(size.dtype)
                found[place], passed[place] = stop_columns(
                    strength, found[place], step.before[place], size, passed[place], ends, axis
                )
        return passed, found

    return Hooks(column_penalty=column_penalty, column_start=column_start, update=update)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.proximal_groups import proximal_groups_source
    from gengap.proximal_optimizer import step_size_source

    return PlainKeras(
        shared_definitions=(step_size_source(),),
        definitions=proximal_groups_source(),
        optimizer=f"with_group_lasso({{optimizer}}, {strengths['strength']!r}, {{columns}}, steps)",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    from gengap.proximal_optimizer import check_optimizer

    check_optimizer(model.optimizer, "group_lasso", "compile the network with")


TECHNIQUE = Technique(
    name="group_lasso",
    summary="Adds the norms of the inputs' weights to the loss, and leaves inputs out altogether.",
    formula="minimizes loss + strength * sum(sqrt(p) * |w|) over the input columns, w the p "
    "weights that a column has in a kernel which takes the inputs in, |w| their norm; after every "
    "epoch the columns become exactly zero that a proximal step over the epoch, in the metric of "
    "the optimizer's own step sizes, leads there: |mean gradient of the loss| <= strength * "
    "sqrt(p)",
    source="Yuan and Lin (2006), Model selection and estimation in regression with grouped "
    "variables, JRSS B 68(1), eq. 2.1; columns of networks: Scardapane et al. (2017), Group sparse "
    "regularization for deep neural networks, Neurocomputing 241, section 3",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=10.0, neutral=0.0, grid=(1e-3, 3e-3, 1e-2, 3e-2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    modalities=("table", "sequence"),
    check=_check,
    order=25,
    cost=0.15,
)
