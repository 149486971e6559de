"""Weight tying: stacked recurrent layers compute with one cell."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import PlainKeras, Technique

__all__ = ["TECHNIQUE"]


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    from gengap.plain_cells import plain_cells_source

    return PlainKeras(
        definitions=plain_cells_source(), network="with_shared_cells({network}, {stacks})"
    )


TECHNIQUE = Technique(
    name="weight_tying",
    summary="Lets stacked recurrent layers of one width share their weights: fewer to fit.",
    formula="W[k] = W[1] and b[k] = b[1] for the layers k of a stack of recurrent layers of one "
    "kind, width and input width; the first layer has the input's width and mostly stays alone",
    source="Dehghani et al. (2019), Universal transformers, ICLR, section 2 (layers that share "
    "weights over depth); Bai, Kolter and Koltun (2019), Trellis networks, ICLR, section 4.1",
    family="architecture",
    strengths=(),
    shares_cells=True,
    plain_keras=_plain_keras,
    modalities=("sequence",),
    order=4,
    excludes=("group_lasso",),
)
