"""L1 penalty: every weight costs its size, and many become exactly zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.proximal import absolute_size, stop_at_zero
from gengap.techniques.base import Hooks, Option, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    def penalty(values, kernels):
        return values["strength"] * absolute_size(kernels)

    def update(values, state, weights, step):
        return state, stop_at_zero(values["strength"], weights, step)

    return Hooks(penalty=penalty, update=update if options["form"] == "proximal" else None)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.proximal_optimizer import proximal_optimizer_source, step_size_source

    strength = strengths["strength"]
    if options["form"] == "subgradient":
        return PlainKeras(kernel_regularizer={"l1": strength})
    return PlainKeras(
        shared_definitions=(step_size_source(),),
        definitions=proximal_optimizer_source(),
        optimizer=f"with_proximal_l1({{optimizer}}, {strength!r})",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    from gengap.proximal_optimizer import check_optimizer

    if options["form"] == "proximal":
        check_optimizer(model.optimizer)


TECHNIQUE = Technique(
    name="l1",
    summary="Adds the kernels' absolute values to the loss and sets small weights exactly to zero.",
    formula="minimizes loss + strength * sum(|w|) over the kernels; the optimizer's step from w to "
    "v is followed by u = v + strength * s * sign(w), v = sign(u) * max(|u| - strength * s, 0), "
    "s the weight's own step size: a weight that crosses zero stops there",
    source="Tibshirani (1996), The lasso, JRSS B 58(1), eq. 1; proximal step: Parikh and Boyd "
    "(2014), Proximal algorithms, section 6.5.2; a step a weight: Duchi et al. (2011), JMLR 12, "
    "eq. 3",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
    ),
    options=(Option("form", ("proximal", "subgradient")),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=20,
    cost=0.15,
    convolution_cost=0.02,
    replaces=("kernel_l1",),
    excludes=("elastic_net",),
)
