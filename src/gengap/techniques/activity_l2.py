"""L2 penalty on activities: hidden units cost the square of what they put out."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, Insertion, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def activity(values, hidden):
        return values["strength"] * jnp.sum(jnp.square(hidden)) / hidden.shape[0]

    return Hooks(activity=activity)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    arguments = {"l2": strengths["strength"]}
    return PlainKeras((Insertion("after_activation", "ActivityRegularization", arguments),))


TECHNIQUE = Technique(
    name="activity_l2",
    summary="Adds the squares of what hidden units put out to the loss, which keeps them small.",
    formula="loss + strength * mean over rows of sum(h ** 2) over the hidden units, before dropout",
    source="Merity, McCann and Socher (2017), Revisiting activation regularization for language "
    "RNNs, arXiv 1708.01009, AR (here of all hidden layers, and squared as in Keras)",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=16,
    cost=0.05,
    replaces=("activity",),
)
