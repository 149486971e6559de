"""A compiled Keras model as pure functions of its variables' values.

Notation
--------
w   values of the trainable variables
o   values of the other variables of the network (moving statistics, seeds)
s   values of the optimizer's variables
B   rows of a batch
U   units of the output
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from gengap.lanes.products import fast_products
from gengap.lanes.windows.substitution import convolves, fast_windows
from gengap.networks.cells import Cell, Connection, at_cells, recurrent_cells, step_by_step
from gengap.networks.compiling import copy_optimizer, single_loss
from gengap.networks.existing import without
from gengap.networks.heads import Head, head_of, to_probabilities
from gengap.networks.shapes import inference_mode, input_dtype
from gengap.networks.sites import Site, at_sites, hidden_sites, kernels
from gengap.proximal_optimizer import own_step_size
from gengap.techniques.base import Targets

__all__ = ["Interventions", "LaneNetwork", "lane_network", "takes_turns"]

Array = Any
Arrays = Sequence[Array]

#: A network is evaluated on as many images at a time as have so many pixels together.
PIXELS_AT_ONCE = 8192


@dataclass(frozen=True)
class Interventions:
    """What techniques change within a forward pass in training.

    Attributes
    ----------
    activation : callable, optional
        ``(site, h) -> h``, applied to the output of every hidden layer.
    connections : tuple of {"inputs", "state"}
        Those of recurrent cells that are masked.
    mask : callable
        ``(cell, connection, m) -> m``: their factors.
    """

    activation: Callable[[int, Array], Array] | None = None
    connections: tuple[Connection, ...] = ()
    mask: Callable[[int, Connection, Array], Array] = lambda cell, connection, mask: mask


@dataclass(frozen=True, eq=False)
class LaneNetwork:
    """What a step needs of a network.

    Attributes
    ----------
    model : keras.Model
        Compiled; its own variables are never read nor changed while lanes train.
    head : Head
        How outputs and targets are read.
    sites : tuple of Site
        Hidden layers.
    cells : tuple of Cell
        Recurrent cells.
    kernels : tuple of bool
        Which trainable variables are kernels.
    off : tuple of str
        Kinds of regularization of the model that are switched off.
    one_by_one : bool
        Whether the lanes of a group are trained one after the other, not as one vectorized step.
    """

    model: keras.Model
    head: Head
    sites: tuple[Site, ...]
    cells: tuple[Cell, ...]
    kernels: tuple[bool, ...]
    off: tuple[str, ...]
    one_by_one: bool = False

    def slots_at_start(self) -> list[np.ndarray]:
        """Return s before the first step.

        What the optimizer of a network that was trained before has gathered, perhaps on the very
        rows that a fold tests on, stays behind.
        """
        optimizer = self.model.optimizer
        if int(optimizer.iterations.value):
            optimizer = copy_optimizer(optimizer, {})
            optimizer.build(self.model.trainable_variables)
        slots: list[np.ndarray] = jax.device_get([v.value for v in optimizer.variables])
        return slots

    def objective(
        self,
        weights: Arrays,
        others: Arrays,
        slots: Arrays,
        inputs: Array,
        targets: Targets,
        row_weights: Array | None,
        interventions: Interventions,
    ) -> tuple[Array, Arrays]:
        """Return the training loss of a batch as `fit` computes it, and the new o.

        Parameters
        ----------
        weights, others, slots : sequence of array
            w, o and s.
        inputs : array (B, ...)
        targets : Targets
            The loss is the weighted sum over its alternatives.
        row_weights : array (B,), optional
        interventions : Interventions
            In the forward pass.
        """
        with self._traced(interventions):
            loss, (_, _, others, _) = self.model.compute_loss_and_updates(
                list(weights),
                list(others),
                [variable.value for variable in self.model.metrics_variables],
                inputs,
                targets,
                row_weights,
                training=True,
                optimizer_variables=list(slots),
            )
        return loss, others

    def apply_gradients(
        self, weights: Arrays, slots: Arrays, gradients: Arrays
    ) -> tuple[list[Array], list[Array]]:
        """Take the optimizer's step; return the new w and s."""
        with without(self.model, self.off):
            return self.model.optimizer.stateless_apply(list(slots), list(gradients), list(weights))

    def learning_rate(self, slots: Arrays) -> Array:
        """Return the learning rate of the step that would start from s."""
        with self._optimizer_scope(slots):
            return jnp.asarray(keras.ops.convert_to_tensor(self.model.optimizer.learning_rate))

    def step_sizes(self, before: Arrays, after: Arrays, learning_rate: Array) -> list[Array]:
        """Return each weight's own step size in the step that led from one s to the next."""
        optimizer = self.model.optimizer
        # The step counts itself only once it is over.
        slots = [
            old if variable is optimizer.iterations else new
            for variable, old, new in zip(optimizer.variables, before, after, strict=True)
        ]
        with self._optimizer_scope(slots):
            sizes = [
                own_step_size(  # type: ignore[no-untyped-call]
                    optimizer, variable, learning_rate.astype(variable.dtype)
                )
                for variable in self.model.trainable_variables
            ]
        return [jnp.asarray(size) for size in sizes]

    def final_weights(self, weights: Arrays, slots: Arrays) -> list[Array]:
        """Return w as `fit` leaves it: averaged where the optimizer keeps an average."""
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return list(weights)
        value = {id(v): slot for v, slot in zip(optimizer.variables, slots, strict=True)}
        averages = optimizer._model_variables_moving_average
        return [
            weight if average is None else value[id(average)]
            for weight, average in zip(weights, averages, strict=True)
        ]

    def outputs(self, weights: Arrays, others: Arrays, inputs: Array) -> Array:
        """Return the outputs (B, U) in inference mode."""
        mode = inference_mode(self.model)

        def of_block(block: Array) -> Array:
            outputs, _ = self.model.stateless_call(list(weights), list(others), block, **mode)
            return outputs.reshape((outputs.shape[0], -1))

        with fast_windows(), step_by_step(self.model):
            return of_block(inputs) if inputs.ndim < 4 else _in_blocks(of_block, inputs)

    def predictions(self, outputs: Array) -> Array:
        """Return class probabilities (B, C), or values (B,) for regression."""
        if self.head.targets.kind == "column" and not self.head.targets.classes:
            return outputs[:, 0]
        return to_probabilities(outputs, self.head.from_logits, self.head.units)

    def row_losses(self, targets: Array, outputs: Array) -> Array:
        """Return the compiled loss of each row (B,), without any penalty."""
        loss = keras.losses.get(single_loss(self.model))
        losses = (loss.call if isinstance(loss, keras.losses.Loss) else loss)(targets, outputs)
        return losses.reshape((outputs.shape[0], -1)).mean(axis=1)

    def encode_targets(self, codes_or_values: Array) -> Array:
        """Bring class codes or standardized values (B,) into the form that the loss takes."""
        form = self.head.targets
        if form.kind == "codes":
            return codes_or_values.astype(jnp.int32)
        if form.kind == "one_hot":
            dtype = keras.config.floatx()
            return jax.nn.one_hot(codes_or_values.astype(jnp.int32), form.classes, dtype=dtype)
        return codes_or_values.astype(keras.config.floatx())[:, None]

    def class_targets(self, rows: int) -> Array | None:
        """Return what a batch of only the k-th class looks like to the loss, (C, B, ...)."""
        classes = self.head.targets.classes
        if not classes:
            return None
        codes = jnp.broadcast_to(jnp.arange(classes)[:, None], (classes, rows))
        return jax.vmap(self.encode_targets)(codes)

    @contextmanager
    def _traced(self, interventions: Interventions) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(without(self.model, self.off))
            stack.enter_context(_weighted_targets(self.model))
            stack.enter_context(step_by_step(self.model))
            stack.enter_context(fast_products())
            stack.enter_context(fast_windows())
            if interventions.activation is not None:
                stack.enter_context(at_sites(self.model, self.sites, interventions.activation))
            if interventions.connections:
                masked = at_cells(self.cells, interventions.connections, interventions.mask)
                stack.enter_context(masked)
            yield

    def _optimizer_scope(self, slots: Arrays) -> keras.StatelessScope:
        mapping = list(zip(self.model.optimizer.variables, slots, strict=True))
        return keras.StatelessScope(state_mapping=mapping)


def lane_network(
    model: keras.Model,
    *,
    sample_shape: tuple[int, ...],
    task: str,
    classes: int,
    off: tuple[str, ...] = (),
) -> LaneNetwork:
    """Look a compiled model over and build what is still unbuilt (its loss, its optimizer).

    Parameters
    ----------
    model : keras.Model
        Compiled.
    sample_shape : tuple of int
        Of one row's inputs.
    task : {"classification", "regression"}
    classes : int
    off : tuple of str
        Kinds of regularization of the model to switch off (`gengap.networks.existing`).
    """
    head = head_of(model, task=task, classes=classes)
    inputs = np.zeros((2, *sample_shape), input_dtype(model))
    # `fit` builds losses, metrics and the optimizer by this same call, from its first batch.
    model._symbolic_build(data_batch=(inputs, head.targets.encode(np.zeros(2, np.int64))))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return LaneNetwork(
        model,
        head,
        hidden_sites(model, sample_shape),
        recurrent_cells(model),
        kernels(model),
        off,
        one_by_one=takes_turns(model),
    )


def takes_turns(model: keras.Model) -> bool:
    """Tell whether the lanes of a group are trained one after the other."""
    return jax.default_backend() == "cpu" and convolves(model)


def _in_blocks(function: Callable[[Array], Array], inputs: Array) -> Array:
    """Apply a function of rows to few rows at a time, so that what layers make stays in cache."""
    block = max(1, PIXELS_AT_ONCE // math.prod(inputs.shape[1:3]))
    if len(inputs) <= block:
        return function(inputs)
    full = len(inputs) // block * block
    results = jax.lax.map(function, inputs[:full].reshape(-1, block, *inputs.shape[1:]))
    results = results.reshape(full, *results.shape[2:])
    rest = inputs[full:]
    return jnp.concatenate([results, function(rest)]) if len(rest) else results


@contextmanager
def _weighted_targets(model: keras.Model) -> Iterator[None]:
    """Let the model's own `compute_loss` take `Targets` while it is traced."""
    original = model.compute_loss

    def compute_loss(
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        def loss_of(values: Array) -> Array:
            return original(
                x=x, y=values, y_pred=y_pred, sample_weight=sample_weight, training=training
            )

        if y.values.shape[0] == 1:
            return loss_of(y.values[0])
        return jnp.dot(y.weights, jax.vmap(loss_of)(y.values))

    object.__setattr__(model, "compute_loss", compute_loss)
    try:
        yield
    finally:
        object.__delattr__(model, "compute_loss")
