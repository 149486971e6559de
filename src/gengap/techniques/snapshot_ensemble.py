"""Snapshot ensemble: what one training passes through predicts together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gengap.optimizer_limits import refuse_average
from gengap.techniques.base import Hooks, Keep, Option, PlainKeras, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class Snapshots(keras.callbacks.Callback):
    """Keep the weights at the end of each of so many parts of the training."""

    def __init__(self, members):
        super().__init__()
        self.members = members

    def on_train_begin(self, logs=None):
        self.kept = {}

    def on_epoch_end(self, epoch, logs=None):
        part = ((epoch + 1) * self.members - 1) // self.params["epochs"]
        self.kept[part] = self.model.get_weights()


class Ensemble:
    """Predict with the mean of what a network predicts with each of its snapshots."""

    def __init__(self, network, snapshots, activation):
        self.network, self.snapshots = network, list(snapshots.kept.values())
        self.activation = activation

    def predict(self, inputs, **options):
        total = 0
        for weights in self.snapshots:
            self.network.set_weights(weights)
            outputs = self.network.predict(inputs, **options)
            total = total + np.asarray(keras.activations.get(self.activation)(outputs))
        mean = total / len(self.snapshots)
        if self.activation == "linear":
            return mean
        # Logits again.
        if self.activation == "softmax":
            return np.log(np.maximum(mean, 1e-7))
        mean = np.clip(mean, 1e-7, 1 - 1e-7)
        return np.log(mean) - np.log1p(-mean)
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    most = int(options["members"])

    def start(weights, others):
        return {
            "weights": [jnp.stack([weight] * most) for weight in weights],
            "others": [jnp.stack([other] * most) for other in others],
            "taken": jnp.zeros(most, bool),
        }

    def update(values, kept, weights, others, moment):
        epoch = (moment.step + 1) // moment.steps
        # The last epoch of a part is the last one to write its place.
        here = jnp.arange(most) == (epoch * most - 1) // moment.epochs

        def written(every, new):
            return jnp.where(here.reshape(-1, *(1,) * new.ndim), new, every)

        return {
            "weights": [written(*pair) for pair in zip(kept["weights"], weights, strict=True)],
            "others": [written(*pair) for pair in zip(kept["others"], others, strict=True)],
            "taken": kept["taken"] | here,
        }

    def members(kept, others):
        return [
            ([every[i] for every in kept["weights"]], [every[i] for every in kept["others"]])
            for i in range(most)
            if kept["taken"][i]
        ]

    return Hooks(keep=Keep(start=start, update=update, every="epoch", members=members, most=most))


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(
        definitions=DEFINITIONS,
        callbacks=(f"snapshots := Snapshots({options['members']})",),
        trained="Ensemble({network}, snapshots, {activation})",
    )


def _check(model: Any, options: Mapping[str, str]) -> None:
    refuse_average("snapshot_ensemble", model.optimizer)


TECHNIQUE = Technique(
    name="snapshot_ensemble",
    summary="Averages what one training predicts at the ends of its parts; with lr_restarts.",
    formula="mean of the probabilities (or values) that the weights predict at the end of each of "
    "`members` equal parts of the training; lr_restarts with as many cycles lets parts end calmly",
    source="Huang et al. (2017), Snapshot ensembles: train 1, get M for free, ICLR, section 3",
    family="averaging",
    strengths=(),
    options=(Option("members", ("5", "3", "8"), "into how many parts the training is divided"),),
    hooks=_hooks,
    plain_keras=_plain_keras,
    check=_check,
    order=95,
)
