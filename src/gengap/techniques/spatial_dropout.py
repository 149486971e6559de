"""Spatial dropout: whole channels of hidden layers are switched off at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, Insertion, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def channels(values, key, hidden):
        between = [1] * (hidden.ndim - 2)
        shape = (hidden.shape[0], *between, hidden.shape[-1])
        return drop(key, values["rate"], hidden, shape)

    return Hooks(channels=channels)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    layer = Insertion("after_activation", "SpatialDropout{axes}D", {"rate": strengths["rate"]})
    return PlainKeras((layer,))


TECHNIQUE = Technique(
    name="spatial_dropout",
    summary="Switches whole channels off at random in training: neighbours tell what one hides.",
    formula="h * m / (1 - rate), m ~ Bernoulli(1 - rate) a channel and a row, the same at all "
    "positions or time steps; h at inference, and of hidden layers without channels",
    source="Tompson et al. (2015), Efficient object localization using convolutional networks, "
    "CVPR, section 3.2",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.1, 0.2, 0.35, 0.5), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    modalities=("image", "sequence"),
    order=24,
    cost=0.1,
    convolution_cost=0.2,
    replaces=("dropout",),
    random=True,
)
