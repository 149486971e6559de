"""Residual branches that are changed at random, in plain Keras: source for plain programs.

A technique gives a class of layer, a `RandomJoin`, which takes the place of the additions that end
residual branches.
"""

from __future__ import annotations

import inspect

import keras

__all__ = ["RandomJoin", "plain_joins_source", "with_joins"]


class RandomJoin(keras.layers.Layer):
    """Add up residual branches and their shortcut; in training the branches change at random.

    `branches` are the places of the branches among what is added up, `depth` tells how deep in the
    network this is, up to 1.
    """

    def __init__(self, strength, branches, depth=1.0, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength
        self.branches = branches
        self.depth = depth
        self.seed_generator = keras.random.SeedGenerator()

    def uniform(self, like, low=0.0, high=1.0):
        """Draw a number a row, of a shape that goes with an array of as many rows."""
        shape = (keras.ops.shape(like)[0], *[1] * (len(like.shape) - 1))
        return keras.random.uniform(shape, low, high, like.dtype, self.seed_generator)

    def call(self, inputs, other=None, training=False):
        """Add up a list, or two values."""
        parts = list(inputs) if other is None else [inputs, other]
        if training:
            changed = self.changed([parts[place] for place in self.branches])
            for place, branch in zip(self.branches, changed, strict=True):
                parts[place] = branch
        return sum(parts)


def with_joins(network, kind, strength, joins):
    """Let layers of a kind take the place of a network's additions, by their names."""

    def change(operation):
        if operation.name not in joins:
            return operation
        return kind(strength, *joins[operation.name], name=operation.name)

    return keras.models.clone_model(network, clone_function=change, recursive=True)


def plain_joins_source() -> str:
    """Return the source of `with_joins` and what it needs, for a plain Keras program."""
    return f"{inspect.getsource(RandomJoin)}\n\n{inspect.getsource(with_joins)}"
