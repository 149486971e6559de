"""Stochastic weight averaging: the mean of the weights of the last epochs is scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_average
from gengap.techniques.base import Hooks, Keep, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class WeightAveraging(keras.callbacks.Callback):
    """End with the mean of the weights after each of the last epochs, a share of all of them.

    The statistics of batch normalization are then measured on the training rows, which come in a
    random order: batches of rows in the order of their classes vary less than rows do.
    """

    def __init__(self, start, inputs, batch_size):
        super().__init__()
        self.start, self.inputs, self.batch_size = start, inputs, batch_size

    def on_train_begin(self, logs=None):
        self.count, self.mean = 0, None

    def on_epoch_end(self, epoch, logs=None):
        epochs = self.params["epochs"]
        if epoch + 1 > min(round(self.start * epochs), epochs - 1):
            weights = [weight.numpy() for weight in self.model.trainable_variables]
            mean = weights if self.mean is None else self.mean
            self.count += 1
            self.mean = [m + (w - m) / self.count for m, w in zip(mean, weights)]

    def on_train_end(self, logs=None):
        for weight, mean in zip(self.model.trainable_variables, self.mean or ()):
            weight.assign(mean)
        layers = list(self.normalizations(self.model))
        if self.count > 1 and layers:
            self.measure(layers)

    def normalizations(self, network):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                yield layer
            elif isinstance(layer, keras.Model):
                yield from self.normalizations(layer)

    def measure(self, layers):
        momenta = [layer.momentum for layer in layers]
        rows = len(keras.tree.flatten(self.inputs)[0])
        for start in range(0, rows, self.batch_size):
            end = min(start + self.batch_size, rows)
            batch = keras.tree.map_structure(lambda values: values[start:end], self.inputs)
            for layer in layers:
                layer.momentum = start / end
            self.model(batch, training=True)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def start(weights, others):
        return {"mean": list(weights), "count": jnp.zeros((), jnp.int32)}

    def update(values, kept, weights, others, moment):
        epoch = (moment.step + 1) // moment.steps
        begins = jnp.minimum(jnp.round(values["start"] * moment.epochs), moment.epochs - 1)
        enters = epoch > begins
        count = kept["count"] + enters

        def mean(before, weight):
            moved = before + (weight - before) / jnp.maximum(count, 1).astype(weight.dtype)
            # The first one stays as it is to the last bit.
            return jnp.where(count == 1, weight, moved)

        return {
            "mean": [
                jnp.where(enters, mean(before, weight), before)
                for before, weight in zip(kept["mean"], weights, strict=True)
            ],
            "count": count.astype(jnp.int32),
        }

    def members(kept, others):
        return [(kept["mean"], others)]

    def stale(kept):
        return bool(kept["count"] > 1)

    keep = Keep(start=start, update=update, every="epoch", members=members, stale=stale)
    return Hooks(keep=keep)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    arguments = f"{strengths['start']!r}, shuffled, BATCH_SIZE"
    return PlainKeras(definitions=DEFINITIONS, callbacks=(f"WeightAveraging({arguments})",))


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_average("swa", model.optimizer)


TECHNIQUE = Technique(
    name="swa",
    summary="Scores the mean of the weights after each of the last epochs: the middle of a basin.",
    formula="a = (n * a + w) / (n + 1) after every epoch beyond the share `start` of all; then the "
    "moving statistics of a are measured on the training rows",
    source="Izmailov et al. (2018), Averaging weights leads to wider optima and better "
    "generalization, UAI, algorithm 1 (a cycle is an epoch, the learning rate the recipe's own)",
    family="averaging",
    strengths=(
        Strength("start", low=0.0, high=1.0, neutral=1.0, grid=(0.75, 0.5), prior="uniform"),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=95,
)
