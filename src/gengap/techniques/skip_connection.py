"""Skip connections: what a hidden layer takes in is added to what it makes."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Insertion, PlainKeras, Technique

__all__ = ["TECHNIQUE"]

LAYER = Insertion("around", "Add")


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras((LAYER,))


TECHNIQUE = Technique(
    name="skip_connection",
    summary="Adds the input of hidden layers to their output: each learns a change of its input.",
    formula="x + h(x) for every hidden layer h, its nonlinearity and dropout included, whose "
    "output has the shape of its input and around which no skip connection leads yet",
    source="He et al. (2016), Deep residual learning for image recognition, CVPR, eq. 1",
    family="architecture",
    strengths=(),
    insertions=(LAYER,),
    plain_keras=_plain_keras,
    cost=0.02,
)
