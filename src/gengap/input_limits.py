"""What a network takes in that some techniques cannot change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gengap.errors import UserError

__all__ = ["channels_last", "refuse_codes"]


def refuse_codes(technique: str, what: str, model: Any) -> None:
    """Refuse a network that looks inputs up in a table: numbers in between mean nothing there.

    Parameters
    ----------
    technique : str
    what : str
        What it does to inputs, such as ``"moves inputs a little"``.
    model : keras.Model
        Built.

    Raises
    ------
    UserError
        ``inputs-not-numbers``.
    """
    import keras

    layers = model._flatten_layers(include_self=False, recursive=True)  # noqa: SLF001
    embedding = next((layer for layer in layers if isinstance(layer, keras.layers.Embedding)), None)
    if embedding is not None:
        raise UserError(
            "inputs-not-numbers",
            f"{technique} {what}, but those of the layer {embedding.name} are codes",
            f"leave {technique} out of the techniques",
        )


def channels_last(technique: str) -> Callable[[Any, Mapping[str, str]], None]:
    """Make a technique's check that a network takes images as (height, width, channels).

    Parameters
    ----------
    technique : str

    Returns
    -------
    callable
        ``(model, options)``, which raises a UserError (``channels-first``).
    """

    def check(model: Any, options: Mapping[str, str]) -> None:
        layers = model._flatten_layers(include_self=False, recursive=True)  # noqa: SLF001
        first = next((x for x in layers if getattr(x, "data_format", "") == "channels_first"), None)
        if first is not None:
            raise UserError(
                "channels-first",
                f"{technique} changes images (height, width, channels), but the layer {first.name} "
                "takes channels first",
                f'build the network with data_format="channels_last", or leave {technique} out',
            )

    return check
