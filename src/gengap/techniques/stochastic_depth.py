"""Stochastic depth: residual branches are left out at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class StochasticDepth(RandomJoin):
    """Leave residual branches out at random, row by row, the deeper the more often."""

    def changed(self, branches):
        rate = self.strength * self.depth
        kept = self.uniform(branches[0]) >= rate
        return [keras.ops.where(kept, branch / (1 - rate), 0) for branch in branches]
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def residual(values, key, branch, depth):
        shape = (branch.shape[0], *[1] * (branch.ndim - 1))
        return drop(key, values["rate"] * depth, branch, shape)

    return Hooks(residual=residual)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_joins import plain_joins_source

    return PlainKeras(
        shared_definitions=(plain_joins_source(),),
        definitions=DEFINITIONS,
        network=f"with_joins({{network}}, StochasticDepth, {strengths['rate']!r}, {{joins}})",
    )


TECHNIQUE = Technique(
    name="stochastic_depth",
    summary="Leaves residual branches out at random in training, deep ones more often.",
    formula="x + f(x) * m / p, m ~ Bernoulli(p) a branch and a row, p = 1 - rate * l / L for "
    "branch l of L; x + f(x) at inference (in the paper m is drawn a batch, and f(x) scaled by p "
    "at inference instead of by 1 / p in training)",
    source="Huang et al. (2016), Deep networks with stochastic depth, ECCV, eq. 2 to 5",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=1,
    cost=0.05,
    excludes=("shake_drop", "shake_shake"),
    random=True,
)
