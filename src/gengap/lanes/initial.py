"""Values of a network's variables before the first step, for any seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax
import keras
import numpy as np

from gengap.errors import UserError
from gengap.networks.rebuild import made_again
from gengap.networks.shapes import inference_mode, zeros

__all__ = ["Initial", "fresh_copy", "initial_values"]

_REBUILD_HINT = (
    "give the class a get_config() that returns the arguments of its __init__, or build the "
    "network as keras.Sequential or keras.Model(inputs, outputs)"
)


@dataclass(frozen=True, eq=False)
class Initial:
    """Values of the variables for one seed: of the weights, and of the others."""

    weights: tuple[np.ndarray, ...]
    others: tuple[np.ndarray, ...]


def fresh_copy(model: keras.Model, seed: int) -> keras.Model:
    """Build a network again, with new initial weights.

    Weights that are not trained (frozen layers, the statistics of a `Normalization` layer) are
    taken over; everything else starts anew, so that nothing learned before, perhaps on the very
    rows that a fold tests on, comes along.

    Parameters
    ----------
    model : keras.Model
        Built.
    seed : int
        Of the initializers and of the layers that draw random numbers.

    Returns
    -------
    keras.Model
        Built, not compiled, with its own variables in the same order.

    Raises
    ------
    UserError
        Where the network cannot be built from its configuration.
    """
    with _seeded(seed):
        try:
            copy = made_again(model)
            if not copy.built:
                copy(zeros(model), **inference_mode(copy))
        except (NotImplementedError, TypeError, ValueError) as error:
            # What Keras says of a missing get_config is a page with an example.
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            if isinstance(error, NotImplementedError):
                reason = "it does not tell what its __init__ was given"
            raise UserError(
                "network-cannot-be-rebuilt",
                f"the network {model.name!r} cannot be built again from its configuration, and "
                f"every fold starts from new weights: {reason}",
                _REBUILD_HINT,
            ) from error
    if [v.shape for v in copy.variables] != [v.shape for v in model.variables]:
        raise UserError(
            "network-cannot-be-rebuilt",
            f"the network {model.name!r} has other variables when it is built from its "
            f"configuration ({len(copy.variables)} instead of {len(model.variables)})",
            _REBUILD_HINT,
        )
    for new, old in zip(_layers(copy), _layers(model), strict=True):
        if not old.trainable or isinstance(old, keras.layers.Normalization):
            new.trainable = old.trainable
            new.set_weights(old.get_weights())
            if isinstance(old, keras.layers.Normalization):
                new.finalize_state()
    return copy


def initial_values(
    model: keras.Model, seed: int, vary: Callable[[keras.Model], keras.Model] = lambda copy: copy
) -> Initial:
    """Return the values from which a run with this seed starts.

    Parameters
    ----------
    model : keras.Model
        As the user gave it, built.
    seed : int
    vary : callable
        Inserts a variant's layers into the copy; what the variant shares with the model then
        starts from the same weights as in the baseline.
    """
    with _seeded(seed):
        copy = vary(fresh_copy(model, seed))
    return Initial(
        weights=tuple(jax.device_get([v.value for v in copy.trainable_variables])),
        others=tuple(jax.device_get([v.value for v in copy.non_trainable_variables])),
    )


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return list(model._flatten_layers(include_self=False, recursive=True))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what Keras draws its seeds from, and put the user's own state back."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
