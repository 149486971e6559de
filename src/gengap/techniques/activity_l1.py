"""L1 penalty on activities: hidden units cost the size of what they put out."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.proximal import absolute_size
from gengap.techniques.base import Hooks, Insertion, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    def activity(values, hidden):
        return values["strength"] * absolute_size([hidden]) / hidden.shape[0]

    return Hooks(activity=activity)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    arguments = {"l1": strengths["strength"]}
    return PlainKeras((Insertion("after_activation", "ActivityRegularization", arguments),))


TECHNIQUE = Technique(
    name="activity_l1",
    summary="Adds what hidden units put out to the loss, so that few of them are active at a time.",
    formula="loss + strength * mean over rows of sum(|h|) over the hidden units, before dropout",
    source="Olshausen and Field (1996), Emergence of simple-cell receptive field properties by "
    "learning a sparse code for natural images, Nature 381, eq. 2 to 4 with S(x) = |x|; in "
    "rectifier networks: Glorot, Bordes and Bengio (2011), AISTATS",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=15,
    cost=0.05,
    replaces=("activity",),
)
