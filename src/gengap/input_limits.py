"""What a network takes in that some techniques cannot change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gengap.errors import UserError

__all__ = ["channels_last", "refuse_codes"]

_AXES_OF_IMAGES = 3


def refuse_codes(technique: str, what: str, model: Any) -> None:
    """Refuse a network that looks inputs up in a table: numbers in between mean nothing there.

    Parameters
    ----------
    technique : str
    what : str
        What it does to inputs, such as ``"moves inputs a little"``.
    model : keras.Model
        Built. One with several inputs is let pass: what changes inputs acts on those that are no
        codes (`gengap.lanes.inputs.served`).

    Raises
    ------
    UserError
        ``inputs-not-numbers``.
    """
    import keras

    if len(getattr(model, "inputs", None) or ()) > 1:
        return
    layers = model._flatten_layers(include_self=False, recursive=True)  # noqa: SLF001
    embedding = next((layer for layer in layers if isinstance(layer, keras.layers.Embedding)), None)
    if embedding is not None:
        raise UserError(
            "inputs-not-numbers",
            f"{technique} {what}, but those of the layer {embedding.name} are codes",
            f"leave {technique} out of the techniques",
        )


def channels_last(technique: str) -> Callable[[Any, Mapping[str, str]], None]:
    """Make a technique's check that a network takes no volumes and has its channels last.

    Images (height, width) get a channel axis while they are changed, see
    `gengap.lanes.step.changed_by_hooks`.

    Parameters
    ----------
    technique : str

    Returns
    -------
    callable
        ``(model, options)``, which raises a UserError (``channels-first``, ``volumes``).
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
        axes = len(_input_shape(model)) - 1
        if axes > _AXES_OF_IMAGES:
            raise UserError(
                "volumes",
                f"{technique} changes images (height, width, channels), but the network takes rows "
                f"of {axes} axes",
                f"leave {technique} out; mixup and techniques on layers serve such rows",
            )

    return check


def _input_shape(model: Any) -> tuple[int | None, ...]:
    """Return the shape of a batch that a built network with one input takes."""
    declared = getattr(model, "inputs", None)
    built = declared[0].shape if declared else next(iter(model._build_shapes_dict.values()))  # noqa: SLF001
    return tuple(built)
