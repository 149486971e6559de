"""Code that a user might have beside a notebook, in a module that a process can import."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import keras
from keras import layers

from gengap.interrupts import is_interrupt_waiting
from study.cases import endless

#: The environment variable that lets a child press Ctrl-C.
PRESS = "TEST_PRESS"

#: True in the process that says so; a process that only imports this module has it otherwise.
HERE = False


class Doubled(layers.Layer):
    """A layer that nobody registered."""

    def call(self, inputs: Any) -> Any:
        return keras.ops.multiply(inputs, 2.0)


@keras.saving.register_keras_serializable("gengap-tests", name="AnotherName")
class Halved(layers.Layer):
    """A layer that is registered under another name than its own."""

    def call(self, inputs: Any) -> Any:
        return keras.ops.multiply(inputs, 0.5)


class OnlyHere(layers.Layer):
    """A layer that runs in one process, as one with another backend's operations does."""

    def call(self, inputs: Any) -> Any:
        if not HERE:
            raise TypeError("these operations know no such arrays")
        return inputs


class Broken(layers.Layer):
    """A layer whose class cannot be found again by its name."""

    def call(self, inputs: Any) -> Any:
        return inputs


def absolute(truth: Any, predicted: Any) -> Any:
    """Return a loss that Keras does not know by name."""
    return keras.ops.mean(keras.ops.abs(truth - predicted), axis=-1)


def network(*own: layers.Layer, units: int = 1, activation: Any = None) -> keras.Model:
    """Return an uncompiled list of layers with the user's own among them."""
    return keras.Sequential(
        [keras.Input((5,)), *own, layers.Dense(6, activation="relu", name="hidden"),
         layers.Dense(units, activation=activation)]
    )  # fmt: skip


def killed(inputs: int, outputs: int) -> keras.Model:
    """End the process as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def gone(inputs: int, outputs: int) -> keras.Model:
    """End the process without a word to anybody who waits."""
    os.write(2, b"the last words\n")
    os._exit(9)


def talking(inputs: int, outputs: int) -> keras.Model:
    """Print, as users' functions do."""
    print("printed by the function")
    os.write(1, b"written by a library\n")
    return keras.Sequential([keras.Input((inputs,)), layers.Dense(outputs)])


def interrupting(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return a network during whose training somebody presses Ctrl-C."""
    from study.traps import while_training

    while_training(_press_once)
    return keras.Sequential([keras.Input(input_shape), layers.Dense(outputs)])


def interrupting_for_ever(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return the same with an epoch that never ends."""
    from study.traps import while_training

    while_training(_press_once)
    return endless(input_shape, outputs)


def _press_once() -> None:
    if not os.environ.pop(PRESS, ""):
        return
    # Whoever tells no groups of processes apart sends it to both.
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getppid(), signal.SIGINT)
    while not is_interrupt_waiting():
        time.sleep(0.01)


def halved(inputs: Any) -> Any:
    """Return an activation that Keras does not know by name."""
    return keras.ops.multiply(inputs, 0.5)
