"""Which network a recipe trains: the model, less what it replaces, plus what it inserts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from gengap.networks.existing import SWITCHABLE, existing_regularization
from gengap.networks.insertion import insert
from gengap.networks.sharing import share_cells
from gengap.recipe import Recipe
from gengap.techniques.base import Insertion
from gengap.techniques.discovery import find_technique

__all__ = ["Variant", "build_variant", "variant_of"]


@dataclass(frozen=True)
class Variant:
    """What distinguishes one traced network from another.

    Attributes
    ----------
    off : tuple of str
        Kinds of regularization that the model brought along and that are switched off.
    inserting : tuple of str
        Techniques whose layers are inserted, or that share cells.
    """

    off: tuple[str, ...] = ()
    inserting: tuple[str, ...] = ()

    def describe(self) -> str:
        """Say in a few words how it differs from the model as given."""
        parts = [f"without {', '.join(self.off)}"] if self.off else []
        parts += [f"with {', '.join(self.inserting)}"] if self.inserting else []
        return f"the model {' and '.join(parts)}" if parts else "the model as given"

    @property
    def insertions(self) -> tuple[Insertion, ...]:
        """The layers to insert."""
        return tuple(i for name in self.inserting for i in find_technique(name).insertions)

    @property
    def shares_cells(self) -> bool:
        """Whether stacked recurrent layers share their cells."""
        return any(find_technique(name).shares_cells for name in self.inserting)


def variant_of(recipe: Recipe, model: keras.Model) -> Variant:
    """Return the network that a recipe trains.

    A technique replaces what the model has of its own kind; ``none`` switches off all that can be.
    """
    brought = {existing.kind for existing in existing_regularization(model)} & SWITCHABLE
    replaced = (
        brought
        if recipe.everything_off
        else {kind for name in recipe.names for kind in find_technique(name).replaces} & brought
    )
    inserting = sorted(
        name
        for name in recipe.names
        if find_technique(name).insertions or find_technique(name).shares_cells
    )
    return Variant(tuple(sorted(replaced)), tuple(inserting))


def build_variant(model: keras.Model, variant: Variant) -> keras.Model:
    """Return the network with the variant's layers; the model itself where nothing differs."""
    insertions: Sequence[Insertion] = variant.insertions
    built = insert(model, insertions) if insertions else model
    return share_cells(built) if variant.shares_cells else built
