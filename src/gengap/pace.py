"""How fast this machine is: a small training is timed, for plans to say what takes how long.

The figures that plans are made from are those of one machine, so that what is planned does not
hang on the clock. What a study is announced to take is multiplied by what is found here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gengap.memory import lanes_on_host
from gengap.plan import Plan

__all__ = ["at_this_pace", "slowness", "small_training"]

#: A small recurrent network, trained for some steps in a loop: of small products and short turns,
#: as most of what lanes do.
ROWS, TURNS, CHANNELS, UNITS, STEPS = 32, 30, 8, 32, 100

#: Times that it is trained; the shortest counts: what else the machine does comes and goes.
ROUNDS = 7

#: Seconds of a round on the machine that plans take their figures from, on both of its cores at
#: once. It was not timed there: another machine took 0.029, and 1.2 times as long for its studies.
REFERENCE_SECONDS = 0.024


def at_this_pace(plan: Plan) -> Plan:
    """Return a plan that says how long the study takes on this machine.

    Parameters
    ----------
    plan : Plan
    """
    return replace(plan, slowness=slowness(plan.devices))


def slowness(devices: int) -> float:
    """Return how many times longer a training takes here than plans reckon with.

    All devices train at once, as they do in a study: cores that share what they compute with are
    slower then.

    Parameters
    ----------
    devices : int
        Those that train, from the first.

    Returns
    -------
    float
        1 where lanes are not on processor cores: figures of GPUs are guesses anyway.
    """
    if not lanes_on_host():
        return 1.0
    train = small_training(devices)
    rounds = []
    for _ in range(1 + ROUNDS):
        started = time.perf_counter()
        jax.block_until_ready(train())
        rounds.append(time.perf_counter() - started)
    return min(rounds[1:]) / REFERENCE_SECONDS  # in the first it is compiled


def small_training(devices: int) -> Callable[[], Any]:
    """Return a function that trains the small network on each device, all at once.

    Parameters
    ----------
    devices : int

    Returns
    -------
    callable
        Returns the weights, an axis of devices before their own.
    """
    each = PartitionSpec("devices")
    mesh = Mesh(np.array(jax.devices()[:devices]), ("devices",))
    train = jax.jit(
        jax.shard_map(
            jax.vmap(_trained), mesh=mesh, in_specs=(each, each), out_specs=each, check_vma=False
        )
    )
    start = jax.tree.map(lambda leaf: np.stack([leaf] * devices), _start())
    return partial(train, *jax.device_put(start, NamedSharding(mesh, each)))


def _start() -> tuple[Any, np.ndarray]:
    """Return weights and inputs."""
    draw = np.random.default_rng(0)
    shapes = ((CHANNELS, UNITS), (UNITS, UNITS), (TURNS, ROWS, CHANNELS))
    first, again, inputs = (0.1 * draw.normal(size=shape).astype(np.float32) for shape in shapes)
    return (first, again), inputs


def _trained(weights: Any, inputs: Any) -> Any:
    """Train for all steps, towards outputs of zero."""

    def loss(weights: Any) -> Any:
        def turn(state: Any, values: Any) -> tuple[Any, None]:
            return jnp.tanh(values @ weights[0] + state @ weights[1]), None

        last, _ = jax.lax.scan(turn, jnp.zeros((ROWS, UNITS)), inputs)
        return jnp.mean(last**2)

    def step(weights: Any, _: None) -> tuple[Any, None]:
        gradient = jax.grad(loss)(weights)
        return jax.tree.map(lambda weight, slope: weight - 0.001 * slope, weights, gradient), None

    return jax.lax.scan(step, weights, None, length=STEPS)[0]
