"""CutMix: a part of every row comes from another row, and so does that share of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.input_limits import channels_last
from gengap.techniques.base import Batch, Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE", "drawn"]

DEFINITIONS = '''
def cut_and_mixed(probability, columns):
    """Take a part of every row from another one; the part is drawn once a batch."""

    def change(key, inputs, targets):
        often, much, where = jax.random.split(key, 3)
        share = jax.random.uniform(much) * jax.random.bernoulli(often, probability)
        inside, covered = patch(where, share, (1, *inputs.shape[1:]), columns)
        inputs = keras.ops.where(inside, partners(inputs), inputs)
        return inputs, mixed(targets, 1 - covered[0])

    return change
'''


def drawn(key: Any, probability: Any, shape: tuple[int, ...], columns: Any = None) -> Any:
    """Draw the part that is exchanged, the same in all rows of a batch, and its share."""
    from gengap.patches import patch
    from gengap.random_bits import bernoulli, named, uniform

    happens = bernoulli(named(key, "happens"), probability, ())
    share = uniform(named(key, "share"), ()) * happens
    inside, covered = patch(named(key, "place"), share, (1, *shape[1:]), columns)
    return inside, covered[0]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    from gengap.mixing import mixed, partners

    def batch(values, key, batch: Batch) -> Batch:
        given = batch.inputs
        inside, covered = drawn(key, values["probability"], given.shape, batch.columns)
        return mixed(batch, jnp.where(inside, partners(given), given), 1 - covered)

    return Hooks(batch=batch)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.mixing import PLAIN_MIXING
    from gengap.patches import PLAIN_PATCH
    from gengap.plain_steps import plain_batches

    change = f"cut_and_mixed({strengths['probability']!r}, columns)"
    return plain_batches(change, DEFINITIONS, PLAIN_MIXING, PLAIN_PATCH)


TECHNIQUE = Technique(
    name="cutmix",
    summary="Puts a part of another row (a rectangle, a span, some columns) in place of the row's.",
    formula="x' inside a part of share s, x outside, with the loss (1 - s) * loss(y) + s * loss(y')"
    ", where (x', y') is another row of the batch; the share that is aimed at is uniform between 0 "
    "and 1, s what of the part lies within; one part a batch, in a share of batches `probability`",
    source="Yun et al. (2019), CutMix: regularization strategy to train strong classifiers with "
    "localizable features, ICCV, eq. 1 and 2 with alpha = 1",
    family="augmentation",
    strengths=(
        Strength(
            "probability", low=0.0, high=1.0, neutral=0.0, grid=(0.25, 0.5, 1.0), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=channels_last("cutmix"),
    order=31,
    cost=0.05,
    excludes=("mixup",),
    random=True,
    mixes=True,
)
