"""The proximal step of a group lasso over input columns, in the lanes and in plain Keras.

Notation
--------
w      the weights of a column in a kernel
t      the column's threshold: strength * sqrt(number of its weights)
s      the weights' own step sizes: what the optimizer multiplies their gradients with
S      their sums over an epoch
u      where the gradients of the loss alone, without the penalty's, would have led in an epoch

The optimizer steps on the loss and the penalty ``t * |w|``, whose gradient is ``t * w / |w|``. At
the end of an epoch a column is set to 0 where a proximal step of the whole epoch, in the metric of
the step sizes [1]_, would do so:

``argmin over v of sum((v - u) ** 2 / S) / 2 + t * |v|`` is 0 where ``|u / S| <= t``.

A column rests at 0 exactly where the mean gradient of the loss over an epoch is no longer than t.
That of a single batch would not do: of a group of many weights even its noise is mostly longer than
t, and with proximal steps after every batch no column comes to rest (as single weights do, which
noise carries across 0). Averages of gradients find which groups are 0 [2]_. Columns that are 0 are
held there through an epoch, and let go at its end where they would not rest.

References
----------
.. [1] Duchi, Hazan and Singer (2011), Adaptive subgradient methods, JMLR 12, section 5.3.
.. [2] Lee and Wright (2012), Manifold identification in dual averaging for regularized stochastic
   online learning, JMLR 13, section 4.
"""

from __future__ import annotations

import inspect

import keras

from gengap.proximal_optimizer import own_step_size

__all__ = ["by_column", "column_norms", "proximal_groups_source", "stop_columns"]


def by_column(kernel, axis):
    """Return the weights of a kernel as a matrix, a row for each input column along an axis."""
    return keras.ops.reshape(keras.ops.moveaxis(kernel, axis, 0), (kernel.shape[axis], -1))


def column_norms(rows):
    """Return the norms of rows (D, P) as (D, 1); the gradient of a norm of 0 is 0."""
    squares = keras.ops.sum(keras.ops.square(rows), axis=1, keepdims=True)
    positive = squares > 0
    return keras.ops.where(positive, keras.ops.sqrt(keras.ops.where(positive, squares, 1)), 0)


def stop_columns(strength, weight, before, step, passed, ends, axis):
    """Turn the optimizer's step on a kernel into that of a group lasso.

    `passed` are u and S so far in this epoch, `ends` tells whether it ends with this step. What is
    returned is the kernel, with whole columns at 0, and `passed` for the next step.
    """
    after, start = by_column(weight, axis), by_column(before, axis)
    steps = by_column(keras.ops.broadcast_to(step, weight.shape), axis)
    threshold = strength * after.shape[1] ** 0.5
    lengths = column_norms(start)
    held = lengths == 0
    direction = start / keras.ops.where(held, 1, lengths)
    led = passed[0] + after - start + threshold * steps * direction
    sizes = passed[1] + steps
    length = column_norms(led / sizes)
    rests = length <= threshold
    # What is let go begins where a proximal step leads.
    begun = led * (1 - threshold / keras.ops.where(rests, threshold + 1, length))
    rows = keras.ops.where(held, 0, after)
    at_end = keras.ops.where(rests, 0, keras.ops.where(held, begun, after))
    rows = keras.ops.where(ends, at_end, rows)
    passed = keras.ops.where(ends, rows, led), keras.ops.where(ends, 0, sizes)
    rest = [size for place, size in enumerate(weight.shape) if place != axis]
    found = keras.ops.moveaxis(keras.ops.reshape(rows, (weight.shape[axis], *rest)), 0, axis)
    return keras.ops.where(threshold > 0, found, weight), passed


def with_group_lasso(optimizer, strength, columns, steps):
    """Let the optimizer minimize the loss plus the norms of input columns, and set some to 0.

    `columns` tells for places among the weights along which axis their input columns lie; an epoch
    has so many `steps`.
    """

    class GroupLasso(type(optimizer)):
        def build(self, variables):
            super().build(variables)
            self.passed, self.before = {}, {}
            for place, axis in columns.items():
                rows = by_column(variables[place], axis)
                self.passed[place] = [self.add_variable(rows.shape) for _ in range(2)]

        def apply(self, grads, trainable_variables=None):
            variables = self._trainable_variables
            if trainable_variables is not None:
                variables = trainable_variables = list(trainable_variables)
            grads = list(grads)
            for place, axis in columns.items():
                # Before the step: an optimizer's own decay comes in between.
                weight = self.before[place] = keras.ops.convert_to_tensor(variables[place])
                rows = by_column(weight, axis)
                norms = column_norms(rows)
                shape = [size if a == axis else 1 for a, size in enumerate(weight.shape)]
                lengths = keras.ops.reshape(keras.ops.where(norms > 0, norms, 1), shape)
                grads[place] += strength * rows.shape[1] ** 0.5 * weight / lengths
            super().apply(grads, trainable_variables)
            self.before.clear()

        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)
            place = self._get_variable_index(variable)
            if place in columns:
                before = self.before[place]
                step = own_step_size(self, variable, keras.ops.cast(learning_rate, variable.dtype))
                weight = keras.ops.convert_to_tensor(variable)
                begins = keras.ops.equal(self.iterations, 0)
                led, sizes = [kept.value for kept in self.passed[place]]
                led = keras.ops.where(begins, by_column(before, columns[place]), led)
                ends = keras.ops.equal((self.iterations + 1) % steps, 0)
                weight, passed = stop_columns(
                    strength, weight, before, step, (led, sizes), ends, columns[place]
                )
                variable.assign(weight)
                for kept, value in zip(self.passed[place], passed, strict=True):
                    kept.assign(value)

    # It stays the same optimizer: what it was told not to decay is in no configuration.
    optimizer.__class__ = GroupLasso
    return optimizer


def proximal_groups_source() -> str:
    """Return the source of `with_group_lasso`; it needs that of `own_step_size` as well."""
    parts = (by_column, column_norms, stop_columns, with_group_lasso)
    return "\n\n".join(inspect.getsource(part) for part in parts)
