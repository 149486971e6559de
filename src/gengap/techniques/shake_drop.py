"""ShakeDrop: residual branches are shrunk, turned or left as they are at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class ShakeDrop(RandomJoin):
    """Scale residual branches at random, row by row, their gradients by other numbers."""

    def changed(self, branches):
        rate = self.strength * self.depth
        whole = self.uniform(branches[0]) >= rate
        ahead = keras.ops.where(whole, 1, self.uniform(branches[0], -1.0)) / (1 - rate)
        back = keras.ops.where(whole, 1, self.uniform(branches[0])) / (1 - rate)
        return [b * back + keras.ops.stop_gradient(b * (ahead - back)) for b in branches]
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax
    import jax.numpy as jnp

    from gengap.random_bits import bernoulli, bits, fold_in, symmetric

    def residual(values, key, branch, depth):
        keep = 1 - values["rate"] * depth
        shape = (branch.shape[0], *[1] * (branch.ndim - 1))
        whole = bernoulli(key, keep, shape)
        alpha = symmetric(bits(fold_in(key, 1), shape))
        beta = (1 + symmetric(bits(fold_in(key, 2), shape))) / 2
        ahead = (jnp.where(whole, 1, alpha) / keep).astype(branch.dtype)
        back = (jnp.where(whole, 1, beta) / keep).astype(branch.dtype)
        return branch * back + jax.lax.stop_gradient(branch * (ahead - back))

    return Hooks(residual=residual)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_joins import plain_joins_source

    return PlainKeras(
        shared_definitions=(plain_joins_source(),),
        definitions=DEFINITIONS,
        network=f"with_joins({{network}}, ShakeDrop, {strengths['rate']!r}, {{joins}})",
    )


TECHNIQUE = Technique(
    name="shake_drop",
    summary="Scales residual branches at random in training, and their gradients otherwise.",
    formula="x + f(x) * (b + a - b * a) / p, b ~ Bernoulli(p) and a ~ Uniform(-1, 1) a branch and "
    "a row, p = 1 - rate * l / L for branch l of L; the gradient of f(x) has c ~ Uniform(0, 1) in "
    "the place of a; x + f(x) at inference (in the paper p * f(x), and no 1 / p in training)",
    source="Yamada et al. (2019), ShakeDrop regularization for deep residual learning, IEEE "
    "Access 7, eq. 6 and 7",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=2,
    cost=0.05,
    excludes=("shake_shake", "stochastic_depth"),
    random=True,
)
