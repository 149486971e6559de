"""An optimizer's learning rate, times a factor, while its step is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

__all__ = ["learning_rate_times"]

Array = Any


class _Times(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """What an optimizer has for a learning rate (a number, a schedule, a function), times a factor.

    Optimizers ask a schedule at every step, whereas a number is a variable that a step may not
    change: it would be multiplied again in the next one.
    """

    def __init__(self, rate: Any, factor: Array) -> None:
        self._rate = rate
        self._factor = factor

    def __call__(self, step: Any) -> Any:
        rate = self._rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = rate(step)
        elif callable(rate):
            rate = rate()
        rate = keras.ops.convert_to_tensor(rate)
        return rate * keras.ops.cast(self._factor, rate.dtype)


@contextmanager
def learning_rate_times(optimizer: Any, factor: Array | None) -> Iterator[None]:
    """Let an optimizer reckon with another learning rate.

    Parameters
    ----------
    optimizer : keras.Optimizer
        As it was afterwards.
    factor : array (), optional
        1 changes no bit; None changes nothing that is traced.
    """
    if factor is None:
        yield
        return
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    given = inner._learning_rate
    # Past the tracking of variables, which an optimizer that is built has locked.
    object.__setattr__(inner, "_learning_rate", _Times(given, factor))
    try:
        yield
    finally:
        object.__setattr__(inner, "_learning_rate", given)
