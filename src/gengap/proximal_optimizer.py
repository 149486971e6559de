"""The proximal step of an L1 penalty under Keras' optimizers, in the lanes and in plain Keras.

Notation
--------
w         a weight
s         the weight's own step size: what the optimizer multiplies its gradient with
strength  of the penalty ``strength * sum(|w|)``

``prox(w) = sign(w) * max(|w| - strength * s, 0)``. With a preconditioner a threshold of only
``learning rate * strength`` belongs to another problem: it leaves no zeros under Adam. With s the
fixed points are those of the penalized loss: a weight rests at 0 exactly where ``|gradient| <=
strength`` [1]_.

References
----------
.. [1] Duchi, Hazan and Singer (2011), Adaptive subgradient methods, JMLR 12, eq. 3.
"""

from __future__ import annotations

import inspect

import keras

from gengap.errors import UserError

__all__ = ["OPTIMIZERS", "check_optimizer", "own_step_size", "proximal_optimizer_source"]

#: Optimizers whose step a weight is known.
OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adam", "AdamW", "Nadam")


def own_step_size(optimizer, variable, learning_rate):
    """Return what the optimizer's latest step multiplied each weight's gradient with."""
    if isinstance(optimizer, keras.optimizers.SGD):
        return learning_rate / (1 - optimizer.momentum)
    index = optimizer._get_variable_index(variable)
    if isinstance(optimizer, keras.optimizers.Adagrad):
        return learning_rate / keras.ops.sqrt(optimizer._accumulators[index] + optimizer.epsilon)
    second_moment = keras.ops.convert_to_tensor(optimizer._velocities[index])
    if isinstance(optimizer, keras.optimizers.RMSprop):
        if optimizer.centered:
            second_moment -= keras.ops.square(optimizer._average_gradients[index])
        step = learning_rate / keras.ops.sqrt(second_moment + optimizer.epsilon)
        return step / (1 - optimizer.momentum)
    if getattr(optimizer, "amsgrad", False):
        second_moment = keras.ops.convert_to_tensor(optimizer._velocity_hats[index])
    steps = keras.ops.cast(optimizer.iterations + 1, second_moment.dtype)
    second_moment = second_moment / (1 - keras.ops.power(optimizer.beta_2, steps))
    return learning_rate / (keras.ops.sqrt(second_moment) + optimizer.epsilon)


def with_proximal_l1(optimizer, strength):
    """Let every step of the optimizer end with the proximal step of an L1 penalty on kernels."""

    class ProximalL1(type(optimizer)):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)
            if variable.name.endswith("kernel"):
                step = own_step_size(self, variable, keras.ops.cast(learning_rate, variable.dtype))
                size = keras.ops.maximum(keras.ops.abs(variable) - strength * step, 0)
                variable.assign(keras.ops.sign(variable) * size)

    return ProximalL1.from_config(optimizer.get_config())


def proximal_optimizer_source() -> str:
    """Return the source of `with_proximal_l1` and what it needs, for a plain Keras program."""
    return f"{inspect.getsource(own_step_size)}\n\n{inspect.getsource(with_proximal_l1)}"


def check_optimizer(optimizer: keras.Optimizer) -> None:
    """Refuse an optimizer whose own step sizes are not known.

    Raises
    ------
    UserError
        With the hint to use the subgradient form.
    """
    name = type(optimizer).__name__
    if name not in OPTIMIZERS:
        raise UserError(
            "proximal-optimizer",
            f"l1 needs each weight's own step size, which is not known for the optimizer {name}",
            f"use l1(form=subgradient), or one of {', '.join(OPTIMIZERS)}",
        )
