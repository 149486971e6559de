"""Warm restarts: the learning rate falls along cosines, and begins anew after each of them."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
def with_restarts(optimizer, first_cycle, growth):
    """Let the learning rate fall along cosines, each `growth` times as long as the one before."""
    restarts = keras.optimizers.schedules.CosineDecayRestarts
    rate = optimizer.get_config()["learning_rate"]
    if not isinstance(rate, dict):
        optimizer.learning_rate = restarts(rate, first_cycle, growth)
        return optimizer
    schedule = keras.optimizers.schedules.deserialize(rate)
    factor = restarts(1.0, first_cycle, growth)

    class Product(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return schedule(step) * factor(step)

    optimizer.learning_rate = Product()
    return optimizer
'''

#: Of a cycle: how close to its end a step counts as the next one's first. Sums of 32 bits may miss
#: a restart by less, and it would come a step late, with a learning rate of 0. It is a quarter of a
#: step at most: a cycle of very many steps must not begin anew before its end.
CLOSE = 1e-5


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def schedule(values, moment):
        cycles, growth = values["cycles"], values["growth"]
        grows = growth > 1
        ratio = jnp.where(grows, growth, 2.0)
        # Lengths and places in units of the first cycle.
        whole = jnp.where(grows, (ratio**cycles - 1) / (ratio - 1), cycles)
        steps = moment.steps * moment.epochs
        place = moment.step / steps * whole
        number = jnp.where(grows, jnp.log1p(place * (ratio - 1)) / jnp.log(ratio), place)
        pace = jnp.where(grows, (ratio - 1) / (jnp.log(ratio) * (1 + place * (ratio - 1))), 1)
        number = jnp.floor(number + jnp.minimum(CLOSE, pace * whole / steps / 4))
        length = jnp.where(grows, ratio**number, 1.0)
        start = jnp.where(grows, (ratio**number - 1) / (ratio - 1), number)
        way = jnp.clip((place - start) / length, 0, 1)
        return jnp.where(cycles > 0, (1 + jnp.cos(jnp.pi * way)) / 2, 1.0)

    return Hooks(schedule=schedule)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    cycles, growth = int(strengths["cycles"]), strengths["growth"]
    if not cycles:
        return PlainKeras()
    whole = sum(growth**number for number in range(cycles))
    return PlainKeras(
        definitions=DEFINITIONS,
        optimizer=f"with_restarts({{optimizer}}, EPOCHS * steps / {whole:g}, {growth!r})",
    )


TECHNIQUE = Technique(
    name="lr_restarts",
    summary="Lets the learning rate fall in cycles, which ends in a calm and leaves bad spots.",
    formula="learning rate * (1 + cos(pi * t / T)) / 2 after t of the T steps of a cycle; `cycles` "
    "of them fill all epochs, each `growth` times as long as the one before; 0 cycles: no schedule",
    source="Loshchilov and Hutter (2017), SGDR: Stochastic gradient descent with warm restarts, "
    "ICLR, eq. 5",
    family="schedule",
    strengths=(
        Strength("cycles", low=0, high=100, neutral=0, grid=(1, 2, 4), integer=True),
        Strength("growth", low=1.0, high=10.0, neutral=None, grid=(1.0,)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=85,
    cost=0.05,
    convolution_cost=0.02,
)
