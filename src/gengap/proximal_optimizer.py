"""The proximal step of an L1 penalty under Keras' optimizers, in the lanes and in plain Keras.

Notation
--------
w, w'     a weight before and after the optimizer's step on ``loss + strength * sum(|w|)``
s         the weight's own step size: what the optimizer multiplies its gradient with
strength  of the penalty

``prox(w' + strength * s * sign(w))`` with ``prox(u) = sign(u) * max(|u| - strength * s, 0)``: the
penalty's share of the step is taken back and the proximal step is taken instead. A weight that
keeps its sign moves as with Keras' own L1; one that crosses 0 stops there. Both have the same fixed
points: a weight rests at 0 exactly where ``|gradient of the loss| <= strength`` [1]_.

The penalty has to be in the gradient that the optimizer sees: with a second moment of the loss'
gradient alone, weights with a small one are gone within a few steps (s grows beyond all bounds),
and the others creep. With a threshold of only ``learning rate * strength`` the fixed points would
be those of another problem: it leaves no zeros under Adam.

References
----------
.. [1] Duchi, Hazan and Singer (2011), Adaptive subgradient methods, JMLR 12, eq. 3.
"""

from __future__ import annotations

import inspect

import keras

from gengap.errors import UserError

__all__ = [
    "OPTIMIZERS",
    "check_optimizer",
    "own_step_size",
    "proximal_optimizer_source",
    "step_size_source",
]

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
    """Let the optimizer minimize the loss plus an L1 penalty on kernels, by proximal steps."""

    class ProximalL1(type(optimizer)):
        def apply(self, grads, trainable_variables=None):
            variables = self._trainable_variables
            if trainable_variables is not None:
                variables = trainable_variables = list(trainable_variables)
            grads = [
                gradient + strength * keras.ops.sign(variable)
                if gradient is not None and variable.name.endswith("kernel")
                else gradient
                for gradient, variable in zip(grads, variables, strict=True)
            ]
            super().apply(grads, trainable_variables)

        def update_step(self, gradient, variable, learning_rate):
            sign = keras.ops.sign(variable)
            super().update_step(gradient, variable, learning_rate)
            if variable.name.endswith("kernel"):
                step = own_step_size(self, variable, keras.ops.cast(learning_rate, variable.dtype))
                weight = keras.ops.convert_to_tensor(variable)
                forward = weight + strength * step * sign
                size = keras.ops.maximum(keras.ops.abs(forward) - strength * step, 0)
                stopped = keras.ops.sign(forward) * size
                kept = keras.ops.equal(keras.ops.sign(weight), sign)
                variable.assign(keras.ops.where(kept, weight, stopped))

    # It stays the same optimizer: what it was told not to decay is in no configuration.
    optimizer.__class__ = ProximalL1
    return optimizer


def step_size_source() -> str:
    """Return the source of `own_step_size`, for a plain Keras program."""
    return inspect.getsource(own_step_size)


def proximal_optimizer_source() -> str:
    """Return the source of `with_proximal_l1`; it needs that of `own_step_size`."""
    return inspect.getsource(with_proximal_l1)


def check_optimizer(
    optimizer: keras.Optimizer,
    technique: str = "l1",
    instead: str = "use l1(form=subgradient), or",
) -> None:
    """Refuse an optimizer whose own step sizes are not known.

    Parameters
    ----------
    optimizer : keras.Optimizer
    technique : str
        That needs them.
    instead : str
        What else to do, before the optimizers that are known.

    Raises
    ------
    UserError
        ``proximal-optimizer``.
    """
    name = type(optimizer).__name__
    if name not in OPTIMIZERS:
        raise UserError(
            "proximal-optimizer",
            f"{technique} needs each weight's own step size, which is not known for the optimizer "
            f"{name}",
            f"{instead} one of {', '.join(OPTIMIZERS)}".strip(),
        )
