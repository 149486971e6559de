"""Shake-shake: two parallel residual branches are mixed at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class ShakeShake(RandomJoin):
    """Mix two residual branches at random, row by row, their gradients by other numbers."""

    def changed(self, branches):
        ahead = 1 + self.strength * self.uniform(branches[0], -1.0)
        back = 1 + self.strength * self.uniform(branches[0], -1.0)
        pairs = zip(branches, [(ahead, back), (2 - ahead, 2 - back)], strict=True)
        return [b * g + keras.ops.stop_gradient(b * (f - g)) for b, (f, g) in pairs]
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax

    from gengap.random_bits import bits, fold_in, symmetric

    def parallel(values, key, first, second):
        shape = (first.shape[0], *[1] * (first.ndim - 1))

        def drawn(number):
            return (values["spread"] * symmetric(bits(fold_in(key, number), shape))).astype(
                first.dtype
            )

        ahead, back = drawn(0), drawn(1)

        def scaled(branch, forward, backward):
            away = jax.lax.stop_gradient(branch * (forward - backward))
            return branch * (1 + backward) + away

        return scaled(first, ahead, back), scaled(second, -ahead, -back)

    return Hooks(parallel=parallel)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_joins import plain_joins_source

    return PlainKeras(
        shared_definitions=(plain_joins_source(),),
        definitions=DEFINITIONS,
        network=f"with_joins({{network}}, ShakeShake, {strengths['spread']!r}, {{pairs}})",
    )


TECHNIQUE = Technique(
    name="shake_shake",
    summary="Mixes two parallel residual branches at random in training, their gradients anew.",
    formula="x + 2 * a * f(x) + 2 * (1 - a) * g(x), a = 1/2 + spread * u, u ~ Uniform(-1/2, 1/2) a "
    "pair of branches and a row; their gradients have a u of their own; x + f(x) + g(x) at "
    "inference (in the paper, whose spread is 1, everything without the 2)",
    source="Gastaldi (2017), Shake-shake regularization of 3-branch residual networks, ICLR "
    "workshop, eq. 2 (Shake-Shake-Image)",
    family="noise",
    strengths=(
        Strength("spread", low=0.0, high=1.0, neutral=0.0, grid=(0.25, 0.5, 1.0), prior="uniform"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=3,
    cost=0.05,
    excludes=("shake_drop", "stochastic_depth"),
    random=True,
)
