"""Steps that techniques change, in plain Keras on JAX: the source goes into plain programs.

A technique gives a change of the batch, ``(key, inputs, targets) -> (inputs, targets)``, or of the
gradient, ``(compute, weights, inputs) -> found``. Targets are a list of alternatives, each a share
of the loss, the targets, and what rows count. `compute` makes a pass forwards and backwards at any
weights and inputs, and returns the gradients by both and what else the pass found. Changes of
gradients are nested in the order in which they are given, the last one outermost. Penalties on
weights are outside of all passes, at the weights as they are. Where sequences have different
lengths, the steps after the last one are zeros for changes of the batch, and are none afterwards.
Images without a channel axis have one for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import keras

from gengap.techniques.base import PlainKeras

__all__ = [
    "ChangedSteps",
    "in_passes",
    "of_each",
    "of_flat",
    "plain_batches",
    "plain_inputs_source",
    "plain_steps_source",
    "with_batches",
    "without_padding",
]


class ChangedSteps(keras.Model):
    """A network whose training steps are changed; everything else is the network's own.

    `padding` is what the steps of sequences that are none hold: they are not changed. `flat` tells
    that images come without a channel axis: they get one while they are changed.
    """

    def __init__(self, network, batches=(), passes=()):
        super().__init__()
        self.network = network
        if len(getattr(network, "outputs", None) or ()) > 1:
            self.output_names = network.output_names  # by these go losses
        self.batches = batches
        self.passes = passes
        self.padding = None
        self.flat = False
        self.key = jax.random.key(int(keras.random.randint((), 0, 2**31 - 1)))

    def call(self, inputs, training=None):
        """Compute what the network computes; without `training` it would be as at inference."""
        return self.network(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss; of alternative targets, the sum of their shares."""
        loss = super().compute_loss
        if not isinstance(y, Alternatives):
            return loss(x, y, y_pred, sample_weight, training)
        return sum(share * loss(x, given, y_pred, rows, training) for share, given, rows in y.all)

    def compute_loss_and_updates(
        self,
        weights,
        others,
        metrics,
        x,
        y,
        sample_weight,
        training=False,
        optimizer_variables=None,
    ):
        """Return the loss of a changed batch, with the gradient that the changes make of it."""

        def whole(weights, inputs):
            return super(ChangedSteps, self).compute_loss_and_updates(
                weights, others, metrics, inputs, y, sample_weight, training, optimizer_variables
            )

        def penalty(weights):
            pairs = zip(self.trainable_variables, weights, strict=True)
            return sum(v.regularizer(w) for v, w in pairs if v.regularizer is not None) + 0.0

        def bare(weights, inputs):
            loss, kept = whole(weights, inputs)
            return loss - penalty(weights), (loss, kept)

        def compute(weights, inputs):
            (by_weights, by_inputs), found = jax.grad(bare, (0, 1), has_aux=True)(weights, inputs)
            return by_weights, by_inputs, found

        if training and self.batches:
            # An optimizer's first variable counts the steps.
            key = jax.random.fold_in(self.key, optimizer_variables[0])
            targets = [(1.0, y, sample_weight)]
            given = x
            if self.padding is not None:
                none = keras.ops.all(keras.ops.equal(x, self.padding), axis=-1, keepdims=True)
                x = keras.ops.where(none, 0, x)
            if self.flat:
                x = keras.ops.expand_dims(x, -1)
            for number, change in enumerate(self.batches):
                x, targets = change(jax.random.fold_in(key, number), x, targets)
            if self.flat:
                x = keras.ops.squeeze(x, -1)
            if self.padding is not None:
                x = keras.ops.where(none, given, x)
            y, sample_weight = Alternatives(targets), None
        if not (training and self.passes):
            return whole(weights, x)
        fixed = jax.lax.stop_gradient(weights)
        found = compute
        for change in self.passes:
            found = change(found)
        gradients, _, (loss, kept) = found(fixed, x)
        gradients = [g + p for g, p in zip(gradients, jax.grad(penalty)(fixed), strict=True)]
        # The trainer differentiates what this returns: a number with this very gradient.
        parts = zip(gradients, weights, fixed, strict=True)
        return loss + sum(keras.ops.sum(g * (w - f)) for g, w, f in parts), kept


class Alternatives:
    """Targets of which each has a share of the loss: the share, the targets, what rows count."""

    def __init__(self, targets):
        self.all = targets


def with_batches(network, change):
    """Change the batches that a network learns from."""
    if isinstance(network, ChangedSteps):
        return ChangedSteps(network.network, (*network.batches, change), network.passes)
    return ChangedSteps(network, batches=(change,))


def in_passes(network, change):
    """Change how the gradient of a network is computed."""
    if isinstance(network, ChangedSteps):
        return ChangedSteps(network.network, network.batches, (*network.passes, change))
    return ChangedSteps(network, passes=(change,))


def of_each(*changes, mixing=False):
    """Change some of several inputs: pairs of a name and a change.

    Each has random numbers of its own, but where rows are mixed: partners are then the same for
    all inputs, and the targets' shares are the mean of what the inputs leave of a row.
    """

    def change(key, inputs, targets):
        inputs, left = dict(inputs), []
        for number, (name, own) in enumerate(changes):
            drawn = key if mixing else jax.random.fold_in(key, number)
            inputs[name], found = own(drawn, inputs[name], targets)
            left.append(found)
        return inputs, [
            (sum(share for share, *_ in same) / len(same), *same[0][1:])
            for same in zip(*left, strict=True)
        ]

    return change


def without_padding(change, padding):
    """Leave the steps of sequences that are none as they are; a change gets them as zeros."""

    def kept(key, inputs, targets):
        none = keras.ops.all(keras.ops.equal(inputs, padding), axis=-1, keepdims=True)
        found, targets = change(key, keras.ops.where(none, 0, inputs), targets)
        return keras.ops.where(none, inputs, found), targets

    return kept


def of_flat(change):
    """Give images that come without a channel axis one, while they are changed."""

    def changed(key, inputs, targets):
        found, targets = change(key, keras.ops.expand_dims(inputs, -1), targets)
        return keras.ops.squeeze(found, -1), targets

    return changed


def plain_inputs_source(part: Callable[..., Any]) -> str:
    """Return the source of `of_each`, `without_padding` or `of_flat`, for plain programs."""
    return inspect.getsource(part)


def plain_steps_source() -> str:
    """Return the source of `with_batches`, `in_passes` and what they need, for plain programs."""
    parts = (ChangedSteps, Alternatives, with_batches, in_passes)
    return "\n\n".join(inspect.getsource(part) for part in parts)


def plain_batches(change: str, definitions: str, *shared: str) -> PlainKeras:
    """Return how a change of the batch is written in plain Keras.

    Parameters
    ----------
    change : str
        An expression: a call of what the definitions define.
    definitions : str
    *shared : str
        Definitions that other techniques need as well.
    """
    return PlainKeras(
        shared_definitions=(plain_steps_source(), *shared),
        definitions=definitions,
        batches=change,
        network=f"with_batches({{network}}, {change})",
    )
