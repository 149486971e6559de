"""What optimizers do beside their step that techniques cannot act together with."""

from __future__ import annotations

from typing import Any

from gengap.errors import UserError

__all__ = ["refuse_accumulation", "refuse_average"]


def refuse_accumulation(technique: str, optimizer: Any) -> None:
    """Refuse an optimizer whose steps are not those of the loss' own gradient.

    Parameters
    ----------
    technique : str
        That acts on the gradient, or on what every step does.
    optimizer : keras.Optimizer

    Raises
    ------
    UserError
        ``optimizer-not-served``, where it scales the loss or gathers gradients over several steps.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None or optimizer.loss_scale_factor is not None:
        found = f"{type(optimizer).__name__} scales the loss"
    elif optimizer.gradient_accumulation_steps:
        found = f"{type(optimizer).__name__} gathers the gradients of several steps"
    else:
        return
    raise UserError(
        "optimizer-not-served",
        f"{technique} acts on every step by the gradient of the loss itself, but {found}",
        "compile the network with an optimizer without loss_scale_factor and "
        f"gradient_accumulation_steps, or leave {technique} out",
    )


def refuse_average(technique: str, optimizer: Any) -> None:
    """Refuse an optimizer that ends with an average of the weights itself.

    Parameters
    ----------
    technique : str
        That scores an average.
    optimizer : keras.Optimizer

    Raises
    ------
    UserError
        ``optimizer-not-served``.
    """
    if getattr(optimizer, "inner_optimizer", optimizer).use_ema:
        raise UserError(
            "optimizer-not-served",
            f"{technique} averages weights, but {type(optimizer).__name__} is compiled with "
            "use_ema=True and does so already",
            f"compile the network with use_ema=False, or leave {technique} out",
        )
