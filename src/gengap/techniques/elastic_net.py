"""Elastic net: L1 and L2 together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.proximal import absolute_size, stop_at_zero
from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def penalty(values, kernels):
        squares = sum(jnp.sum(jnp.square(kernel)) for kernel in kernels)
        return values["l1"] * absolute_size(kernels) + values["l2"] * squares

    def update(values, state, weights, step):
        return state, stop_at_zero(values["l1"], weights, step)

    return Hooks(penalty=penalty, update=update)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.proximal_optimizer import proximal_optimizer_source, step_size_source

    return PlainKeras(
        kernel_regularizer={"l2": strengths["l2"]},
        shared_definitions=(step_size_source(),),
        definitions=proximal_optimizer_source(),
        optimizer=f"with_proximal_l1({{optimizer}}, {strengths['l1']!r})",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    from gengap.proximal_optimizer import check_optimizer

    check_optimizer(model.optimizer)


TECHNIQUE = Technique(
    name="elastic_net",
    summary="Adds absolute and squared kernel weights to the loss: zeros, and groups kept whole.",
    formula="minimizes loss + l1 * sum(|w|) + l2 * sum(w ** 2) over the kernels, l1 by the "
    "proximal step",
    source="Zou and Hastie (2005), Regularization and variable selection via the elastic net, "
    "JRSS B 67(2), eq. 3",
    family="penalty",
    strengths=(
        Strength("l1", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
        Strength("l2", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=20,
    cost=0.2,
    convolution_cost=0.02,
    replaces=("kernel_l1", "kernel_l2"),
    excludes=("l1", "l2"),
)
