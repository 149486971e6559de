"""How long a training step takes: rough figures, from which plans are made.

Notation
--------
B   rows of a batch
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import jax
import keras

from gengap.lanes.network import takes_turns
from gengap.lanes.operations import operations
from gengap.lanes.windows.substitution import convolves
from gengap.memory import lanes_on_host
from gengap.networks.shapes import batch_spec
from gengap.techniques.base import Technique
from gengap.techniques.discovery import find_technique

__all__ = ["StepTime", "kept_bytes", "step_time"]

#: Seconds of a lane's step besides its arithmetic, operations a second, seconds of a step of a loop
#: besides its arithmetic, backwards too, and seconds of a small convolutional network's step for
#: each number of its images: of a server's core (a laptop's differ by less than a factor of 2), and
#: of a large GPU full of lanes (there the last two are guesses).
CORE_SPEED, GPU_SPEED = (7e-6, 8e10, 1e-6, 1e-7), (1e-6, 1.5e12, 1e-7, 5e-9)

#: Seconds, on a core, of a byte that a network of convolutions keeps for its gradient: what its
#: layers make leaves the cache. Six networks of 16 x 16 to 32 x 32 pixels took 2.4e-10 to 3.5e-10.
KEPT_BYTE_SECONDS = 3e-10


@dataclass(frozen=True)
class StepTime:
    """What a step of a lane takes.

    Attributes
    ----------
    seconds : float
        Without techniques.
    convolves : bool
        Whether the network has convolutions or pooling.
    image_seconds : float
        Of a small convolutional network's step on images of the same size; 0 where inputs are none.
    """

    seconds: float
    convolves: bool = False
    image_seconds: float = 0.0

    def added(self, technique: Technique) -> float:
        """Return the seconds that a technique adds, also where its strength is neutral."""
        if technique.modalities == ("image",) and not self.convolves:
            # It goes through the pixels, whatever network there is behind them.
            return self.image_seconds * technique.cost
        return self.seconds * technique.cost_where(convolves=self.convolves)

    def with_techniques(self, names: Iterable[str]) -> StepTime:
        """Return what the step takes where techniques are always part of the network."""
        added = (self.added(find_technique(name)) for name in names)
        return replace(self, seconds=self.seconds + sum(added))


def step_time(model: keras.Model, batch_size: int) -> StepTime:
    """Estimate a lane's step on one device from the operations of a forward pass.

    Parameters
    ----------
    model : keras.Model
    batch_size : int
        B.
    """
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    inputs = batch_spec(model, batch_size)
    count, turns = operations(lambda x: model.stateless_call(trainable, others, x)[0], inputs)
    overhead, a_second, turn, number = CORE_SPEED if lanes_on_host() else GPU_SPEED
    # A gradient costs about twice a forward pass.
    seconds = overhead + 3 * count / a_second + turns * turn
    if takes_turns(model):
        seconds += KEPT_BYTE_SECONDS * kept_bytes(model, batch_size)
    # Grey images may lack the axis of channels. Sequences have three, too, but no such techniques.
    images = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(inputs) if leaf.ndim >= 3)
    return StepTime(seconds, convolves(model), number * images)


def kept_bytes(model: keras.Model, batch_size: int) -> int:
    """Return the bytes that a batch's rows leave for the gradient; weights are not among them.

    Parameters
    ----------
    model : keras.Model
    batch_size : int
        B.
    """
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def backward(weights: list[Any], inputs: Any) -> Any:
        def outputs(weights: list[Any]) -> Any:
            return model.stateless_call(weights, others, inputs)[0]

        return jax.vjp(outputs, weights)[1]

    def kept(rows: int) -> int:
        inputs = batch_spec(model, rows)
        leaves = jax.tree.leaves(jax.eval_shape(backward, trainable, inputs))
        return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)

    return batch_size * (kept(3) - kept(2))
