"""Whether a network has the parts that a technique acts on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras

from gengap.errors import UserError
from gengap.networks.cells import Cell, recurrent_cells
from gengap.networks.columns import column_axes
from gengap.networks.residuals import Join, residual_joins
from gengap.networks.shapes import known_shape
from gengap.networks.sites import Site, hidden_sites
from gengap.recipe import Recipe
from gengap.techniques.discovery import find_technique

__all__ = ["check_parts"]


def check_parts(recipe: Recipe, network: keras.Model) -> None:
    """Refuse a recipe of which some technique has nothing to act on.

    Parameters
    ----------
    recipe : Recipe
    network : keras.Model
        Built, with the layers that the recipe inserts.

    Raises
    ------
    UserError
        ``no-hidden-layers``, ``no-channels``, ``channels-first``, ``no-residual-branches``,
        ``no-input-columns`` or ``no-recurrent-cells``.
    """
    parts = _Parts(network)
    for name, options in recipe.options().items():
        hooks = find_technique(name).hooks(options)
        if (hooks.activation or hooks.activity) and not parts.sites:
            raise UserError(
                "no-hidden-layers",
                f"{name} acts on what hidden layers make, and the network {network.name} has none",
                f"leave {name} out, or take input_dropout or a penalty on weights such as l2",
            )
        if hooks.channels:
            _check_channels(name, network, parts.sites)
        if hooks.residual and all(join.depth is None for join in parts.joins):
            raise _no_branches(name, "residual branches", network)
        if hooks.parallel and all(len(join.branches) != 2 for join in parts.joins):
            raise _no_branches(name, "two residual branches beside each other", network)
        if hooks.column_penalty and not parts.takes_columns:
            raise UserError(
                "no-input-columns",
                f"{name} acts on dense, recurrent and one-dimensional convolutional layers that "
                f"take in the input columns themselves, and the network {network.name} has none",
                f"leave {name} out, or take l1, which acts on single weights",
            )
        if (hooks.cell_inputs or hooks.cell_state) and not parts.cells:
            raise UserError(
                "no-recurrent-cells",
                f"{name} acts in recurrent layers (LSTM, GRU, SimpleRNN, ConvLSTM), and the "
                f"network {network.name} has none",
                f"leave {name} out, or take dropout, which acts behind every layer",
            )


class _Parts:
    """What a network consists of, looked for once it is asked for."""

    def __init__(self, network: keras.Model) -> None:
        self._network = network

    @cached_property
    def _shape(self) -> Any:
        return known_shape(self._network)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        return hidden_sites(self._network, self._shape)

    @cached_property
    def takes_columns(self) -> bool:
        return any(axis is not None for axis in column_axes(self._network, self._shape))

    @cached_property
    def joins(self) -> tuple[Join, ...]:
        return residual_joins(self._network, self._shape)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return recurrent_cells(self._network)


def _no_branches(name: str, what: str, network: keras.Model) -> UserError:
    return UserError(
        "no-residual-branches",
        f"{name} acts on {what}, and the network {network.name} has none that an Add layer or + "
        "joins to what they start from",
        f"leave {name} out, combine it with skip_connection where hidden layers are of one width, "
        "or build the network as keras.Model(inputs, outputs) with residual blocks",
    )


def _check_channels(name: str, network: keras.Model, sites: Sequence[Site]) -> None:
    having = [site for site in sites if site.has_channels]
    if not having:
        raise UserError(
            "no-channels",
            f"{name} acts on hidden layers with channels at several positions or time steps "
            f"(convolutions, recurrent layers that return sequences), and the network "
            f"{network.name} has none",
            f"leave {name} out, or take dropout, which acts on single units",
        )
    for site in having:
        for layer in site.kernel_layer._flatten_layers(recursive=True):
            if getattr(layer, "data_format", None) == "channels_first":
                raise UserError(
                    "channels-first",
                    f"{name} takes the last axis for the channels, and the layer {layer.name} has "
                    "them first",
                    'give the network data_format="channels_last", or leave the technique out',
                )
