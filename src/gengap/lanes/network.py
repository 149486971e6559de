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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from gengap.data.dataset import Modality, Output
from gengap.lanes.inputs import InputKind, input_kinds
from gengap.lanes.products import fast_products
from gengap.lanes.rates import learning_rate_times
from gengap.lanes.targets import encoded
from gengap.lanes.windows.substitution import convolves, fast_windows
from gengap.networks.cells import Cell, Connection, at_cells, recurrent_cells, step_by_step
from gengap.networks.columns import column_axes
from gengap.networks.compiling import copy_optimizer, losses_of
from gengap.networks.existing import WEIGHT_PENALTIES, without
from gengap.networks.heads import Head, head_of, heads_of, to_probabilities
from gengap.networks.outputs import flat_outputs, packed_outputs
from gengap.networks.residuals import Join, at_joins, residual_joins
from gengap.networks.shapes import batch_spec, inference_mode, output_names
from gengap.networks.sites import Site, at_sites, hidden_sites, incoming_axes, kernels
from gengap.proximal_optimizer import own_step_size
from gengap.techniques.base import Kernels, Targets

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
        ``(site, h) -> (h, penalty)``, applied to the output of every hidden layer; the penalty,
        a scalar or None, is added to the loss.
    connections : tuple of {"inputs", "state"}
        Those of recurrent cells that are masked.
    mask : callable
        ``(cell, connection, m) -> m``: their factors.
    joined : callable, optional
        ``(join, branches) -> branches``: what residual branches add up to.
    forward : callable, optional
        ``(w) -> w``: the weights as the pass sees them; penalties see them as they are.
    """

    activation: Callable[[int, Array], tuple[Array, Array | None]] | None = None
    connections: tuple[Connection, ...] = ()
    mask: Callable[[int, Connection, Array], Array] = lambda cell, connection, mask: mask
    joined: Callable[[int, Arrays], Arrays] | None = None
    forward: Callable[[Arrays], Arrays] | None = None


@dataclass(frozen=True, eq=False)
class LaneNetwork:
    """What a step needs of a network.

    Attributes
    ----------
    model : keras.Model
        Compiled; its own variables are never read nor changed while lanes train.
    head : Head
        How outputs and targets are read; of several outputs those of the one that decides.
    sites : tuple of Site
        Hidden layers.
    cells : tuple of Cell
        Recurrent cells.
    joins : tuple of Join
        Where residual branches end.
    kernels : tuple of bool
        Which trainable variables are kernels.
    incoming : tuple of (tuple of int)
        Along which axes of each kernel the weights lie that a unit takes in.
    columns : tuple of (int or None)
        Along which axis of each trainable variable the network's input columns lie.
    off : tuple of str
        Kinds of regularization of the model that are switched off.
    input_kinds : mapping
        What each of several inputs takes; empty where there is one.
    one_by_one : bool
        Whether the lanes of a group are trained one after the other, not as one vectorized step.
    output : str, optional
        Which of several outputs decides; None where there is one.
    further : mapping of str to Head
        How the others are read.
    """

    model: keras.Model
    head: Head
    sites: tuple[Site, ...]
    cells: tuple[Cell, ...]
    joins: tuple[Join, ...]
    kernels: tuple[bool, ...]
    incoming: tuple[tuple[int, ...], ...]
    columns: tuple[int | None, ...]
    off: tuple[str, ...]
    input_kinds: Mapping[str, InputKind] = field(default_factory=dict)
    one_by_one: bool = False
    output: str | None = None
    further: Mapping[str, Head] = field(default_factory=dict)

    @property
    def _place(self) -> int:
        """Where the output that decides is among the network's."""
        return 0 if self.output is None else output_names(self.model).index(self.output)

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
        interventions: Interventions,
        *,
        penalized: bool = True,
    ) -> tuple[Array, Arrays]:
        """Return the training loss of a batch as `fit` computes it, and the new o.

        Parameters
        ----------
        weights, others, slots : sequence of array
            w, o and s.
        inputs : array (B, ...), or mapping of such
        targets : Targets
            The loss is the weighted sum over its alternatives.
        interventions : Interventions
            In the forward pass.
        penalized : bool
            With the network's own penalties on its weights, see `penalty`.
        """
        forward, added = interventions.forward, []
        whole = penalized and forward is None
        off = self.off if whole else (*self.off, *WEIGHT_PENALTIES)
        if penalized and not whole:
            added.append(self.penalty(weights))
        activity: list[Array] = []
        with self._traced(interventions, off, activity):
            loss, (_, _, others, _) = self.model.compute_loss_and_updates(
                list(weights if forward is None else forward(weights)),
                list(others),
                [variable.value for variable in self.model.metrics_variables],
                inputs,
                targets,
                None,  # what rows count hangs on the alternative
                training=True,
                optimizer_variables=list(slots),
            )
        return sum([*activity, *added], start=loss), others

    def kernels_among(self, weights: Arrays) -> Kernels:
        """Return the kernels among w."""
        places = [place for place, kernel in enumerate(self.kernels) if kernel]
        return Kernels(
            [weights[place] for place in places],
            [self.incoming[place] for place in places],
            [self.columns[place] for place in places],
        )

    def penalty(self, weights: Arrays) -> Array:
        """Return what the network's own penalties on weights add to the loss."""
        with without(self.model, self.off):
            parts = [
                variable.regularizer(weight)
                for variable, weight in zip(self.model.trainable_variables, weights, strict=True)
                if variable.regularizer is not None
            ]
        return sum(parts, start=jnp.zeros((), keras.config.floatx()))

    def apply_gradients(
        self, weights: Arrays, slots: Arrays, gradients: Arrays, factor: Array | None = None
    ) -> tuple[list[Array], list[Array]]:
        """Take the optimizer's step, its learning rate times a factor; return the new w and s."""
        optimizer = self.model.optimizer
        with without(self.model, self.off), learning_rate_times(optimizer, factor):
            return optimizer.stateless_apply(list(slots), list(gradients), list(weights))

    def learning_rate(self, slots: Arrays, factor: Array | None = None) -> Array:
        """Return the learning rate of the step that would start from s, times a factor."""
        with self._optimizer_scope(slots), learning_rate_times(self.model.optimizer, factor):
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
        """Return the outputs (B, U) in inference mode; of several outputs the one that decides."""
        mode = inference_mode(self.model)

        def of_block(block: Array) -> Array:
            outputs, _ = self.model.stateless_call(list(weights), list(others), block, **mode)
            if self.output is not None:
                outputs = flat_outputs(outputs)[self._place]
            return outputs.reshape((outputs.shape[0], -1))

        with fast_windows(), step_by_step(self.model):
            images = any(leaf.ndim >= 4 for leaf in jax.tree.leaves(inputs))
            return _in_blocks(of_block, inputs) if images else of_block(inputs)

    def averaged(self, outputs: Array, shares: Array) -> Array:
        """Return the outputs (B, U) of an ensemble from those of its members (M, B, U).

        Logits are averaged as the probabilities that they stand for, and are logits again.

        Parameters
        ----------
        outputs : array (M, B, U)
        shares : array (M,)
            They sum to 1; 0 for a place without a member.
        """
        if not self.head.from_logits:
            return jnp.tensordot(shares, outputs, axes=1)
        least = keras.config.epsilon()
        if self.head.units == 1:
            second = jnp.tensordot(shares, jax.nn.sigmoid(outputs), axes=1)
            second = jnp.clip(second, least, 1 - least)
            return jnp.log(second) - jnp.log1p(-second)
        return jnp.log(jnp.maximum(jnp.tensordot(shares, jax.nn.softmax(outputs), axes=1), least))

    def predictions(self, outputs: Array) -> Array:
        """Return class probabilities (B, C), or values (B,) for regression."""
        if self.head.targets.kind == "column" and not self.head.targets.classes:
            return outputs[:, 0]
        return to_probabilities(outputs, self.head.from_logits, self.head.units)

    def row_losses(self, targets: Array, outputs: Array) -> Array:
        """Return the compiled loss of each row (B,), without any penalty.

        Of several outputs that of the one that decides.
        """
        loss = keras.losses.get(losses_of(self.model)[self._place])
        losses = (loss.call if isinstance(loss, keras.losses.Loss) else loss)(targets, outputs)
        return losses.reshape((outputs.shape[0], -1)).mean(axis=1)

    def encode_targets(self, codes_or_values: Array) -> Array:
        """Bring class codes or standardized values (B,) into the form that the loss takes."""
        return encoded(self.head.targets, codes_or_values)

    @contextmanager
    def _traced(
        self, interventions: Interventions, off: Sequence[str], activity: list[Array]
    ) -> Iterator[None]:
        """Let the model compute as lanes do; penalties on activations are added to a list."""

        def change(site: int, hidden: Array) -> Array:
            assert interventions.activation is not None
            hidden, penalty = interventions.activation(site, hidden)
            if penalty is not None:
                activity.append(penalty)
            return hidden

        with ExitStack() as stack:
            stack.enter_context(without(self.model, off))
            stack.enter_context(_weighted_targets(self.model))
            stack.enter_context(step_by_step(self.model))
            stack.enter_context(fast_products())
            stack.enter_context(fast_windows())
            if interventions.activation is not None:
                stack.enter_context(at_sites(self.model, self.sites, change))
            if interventions.connections:
                masked = at_cells(self.cells, interventions.connections, interventions.mask)
                stack.enter_context(masked)
            if interventions.joined is not None:
                stack.enter_context(at_joins(self.model, self.joins, interventions.joined))
            yield

    def _optimizer_scope(self, slots: Arrays) -> keras.StatelessScope:
        mapping = list(zip(self.model.optimizer.variables, slots, strict=True))
        return keras.StatelessScope(state_mapping=mapping)


def lane_network(
    model: keras.Model,
    *,
    sample_shape: Any,
    task: str,
    classes: int,
    off: tuple[str, ...] = (),
    modalities: Mapping[str, Modality] | None = None,
    outputs: Sequence[Output] = (),
    output: str | None = None,
) -> LaneNetwork:
    """Look a compiled model over and build what is still unbuilt (its loss, its optimizer).

    Parameters
    ----------
    model : keras.Model
        Compiled.
    sample_shape : tuple of int, or mapping of such
        Of one row's inputs, by their names where there are several.
    task : {"classification", "regression"}
    classes : int
    off : tuple of str
        Kinds of regularization of the model to switch off (`gengap.networks.existing`).
    modalities : mapping, optional
        Of several inputs, by their names.
    outputs : sequence of Output
        Where there are several; task and classes are those of the one that decides.
    output : str, optional
        Its name.
    """
    head = head_of(model, task=task, classes=classes, output=output)
    further = heads_of(model, [one for one in outputs if one.name != output])
    inputs = jax.tree.map(
        lambda one: np.zeros(one.shape, one.dtype), batch_spec(model, 2, sample_shape)
    )
    # `fit` builds losses, metrics and the optimizer by this same call, from its first batch.
    zeros = np.zeros(2, np.int64)
    targets: Any = head.targets.encode(zeros)
    if output is not None:
        named = {output: targets} | {n: one.targets.encode(zeros) for n, one in further.items()}
        targets = packed_outputs(model, named)
    model._symbolic_build(data_batch=(inputs, targets))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return LaneNetwork(
        model,
        head,
        hidden_sites(model, sample_shape),
        recurrent_cells(model),
        residual_joins(model, sample_shape),
        kernels(model),
        incoming_axes(model),
        column_axes(model, sample_shape),
        off,
        input_kinds(model, modalities),
        one_by_one=takes_turns(model),
        output=output,
        further=further,
    )


def takes_turns(model: keras.Model) -> bool:
    """Tell whether the lanes of a group are trained one after the other."""
    return jax.default_backend() == "cpu" and convolves(model)


def _in_blocks(function: Callable[[Array], Array], inputs: Array) -> Array:
    """Apply a function of rows to few rows at a time, so that what layers make stays in cache."""
    leaves = jax.tree.leaves(inputs)
    rows = len(leaves[0])
    pixels = max(math.prod(leaf.shape[1:3]) for leaf in leaves if leaf.ndim >= 4)
    block = max(1, PIXELS_AT_ONCE // pixels)
    if rows <= block:
        return function(inputs)
    full = rows // block * block
    results = jax.lax.map(
        function,
        jax.tree.map(lambda leaf: leaf[:full].reshape(-1, block, *leaf.shape[1:]), inputs),
    )
    results = results.reshape(full, *results.shape[2:])
    rest = jax.tree.map(lambda leaf: leaf[full:], inputs)
    return jnp.concatenate([results, function(rest)]) if rows > full else results


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
        def loss_of(values: Any, row_weights: Array | None) -> Array:
            if isinstance(values, Mapping):
                values = packed_outputs(model, values)
            return original(
                x=x, y=values, y_pred=y_pred, sample_weight=row_weights, training=training
            )

        alternatives = y.values, y.row_weights
        if y.weights.shape[0] == 1:
            return loss_of(*jax.tree.map(lambda leaf: leaf[0], alternatives))
        return jnp.dot(y.weights, jax.vmap(loss_of)(*alternatives))

    object.__setattr__(model, "compute_loss", compute_loss)
    try:
        yield
    finally:
        object.__delattr__(model, "compute_loss")
