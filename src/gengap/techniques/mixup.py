"""Mixup: the network learns from points between two rows, and from both rows' targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def mixed_up(alpha):
    """Mix every row with another one, in shares that are drawn once a batch."""

    def change(key, inputs, targets):
        share = jax.random.beta(key, alpha, alpha)
        inputs = share * inputs + (1 - share) * partners(inputs)
        return inputs, mixed(targets, share)

    return change
'''


def drawn(key: Any, alpha: Any) -> Any:
    """Draw the share of a row itself, one for the whole batch; 1 where `alpha` is 0."""
    import jax.numpy as jnp

    from gengap.random_bits import symmetric_beta

    share = symmetric_beta(key, jnp.where(alpha > 0, alpha, 1))
    return jnp.where(alpha > 0, share, 1)


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.mixing import mixed, partners

    def batch(values, key, batch: Batch) -> Batch:
        share = drawn(key, values["alpha"])
        own = share.astype(batch.inputs.dtype)
        inputs = own * batch.inputs + (1 - own) * partners(batch.inputs)
        return mixed(batch, inputs, share)

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.mixing import PLAIN_MIXING
    from gengap.plain_steps import plain_batches

    if not strengths["alpha"]:
        return PlainKeras()  # there is no Beta(0, 0)
    return plain_batches(f"mixed_up({strengths['alpha']!r})", DEFINITIONS, PLAIN_MIXING)


def _check(model: Any, options: Mapping[str, str]) -> None:
    from gengap.input_limits import refuse_codes

    refuse_codes("mixup", "mixes inputs", model)


TECHNIQUE = Technique(
    name="mixup",
    summary="Trains on mixtures of two rows and on both their targets, in the same shares.",
    formula="a * x + (1 - a) * x' with the loss a * loss(y) + (1 - a) * loss(y'), where (x', y') "
    "is another row of the batch and a ~ Beta(alpha, alpha), one a batch; x at inference",
    source="Zhang, Cisse, Dauphin and Lopez-Paz (2018), mixup: beyond empirical risk minimization, "
    "ICLR, eq. 1",
    family="augmentation",
    strengths=(Strength("alpha", low=0.0, high=32.0, neutral=0.0, grid=(0.1, 0.2, 0.4, 1.0)),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=30,
    cost=0.05,
    excludes=("cutmix",),
    random=True,
    of_numbers=True,
    mixes=True,
)
