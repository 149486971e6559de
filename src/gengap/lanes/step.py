"""One lane's training step: the user's own step with the techniques' hooks in their places.

Order: inputs and targets of the batch, forward with activation hooks, the user's loss and then
penalties, gradients, the optimizer, updates of the weights. Techniques at the same place act in
the order that they declare. With every hook at its neutral value the step is Keras' own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gengap.lanes.network import Interventions, LaneNetwork
from gengap.lanes.program import Program
from gengap.networks.cells import Connection
from gengap.random_bits import fold_in, named
from gengap.techniques.base import Hooks, Targets, Update

__all__ = ["batch_of", "of_fold", "prepared", "training_step"]

Array = Any
Lane = Mapping[str, Any]


def of_fold(lane: Lane, shared: Lane) -> Lane:
    """Look up what the lane's fold does to inputs and targets, once for many steps."""
    return {**lane, **{name: table[lane["split"]] for name, table in shared["folds"].items()}}


def prepared(inputs: Array, lane: Lane) -> Array:
    """Fill, center and scale gathered rows (..., D) as the lane's fold does."""
    if "fill" in lane:
        inputs = jnp.where(jnp.isnan(inputs), lane["fill"], inputs)
    return (inputs - lane["shift"]) * lane["factor"] if "shift" in lane else inputs


def batch_of(rows: Array, lane: Lane, shared: Lane) -> tuple[Array, Array, Array | None]:
    """Gather rows: inputs, class codes or standardized values, and weights.

    Parameters
    ----------
    rows : array (B,) of int32
    lane : mapping
        The record of the lane's fold.
    shared : mapping
        What all lanes read: ``inputs``, ``targets``, ``row_weights``, and tables of the folds.
    """
    inputs = shared["inputs"][rows]
    if inputs.dtype == jnp.uint8:
        # Images are bytes on the device, and numbers for noise and network.
        inputs = inputs.astype(jnp.float32)
    inputs = prepared(inputs, lane)
    targets = shared["targets"][rows]
    weights = None if shared["row_weights"] is None else shared["row_weights"][rows]
    if "class_weights" in lane:
        of_class = lane["class_weights"][targets]
        weights = of_class if weights is None else weights * of_class
    if jnp.issubdtype(targets.dtype, jnp.floating):
        targets = (targets - lane["target_shift"]) / lane["target_scale"]
    return inputs, targets, weights


def training_step(
    network: LaneNetwork, program: Program
) -> Callable[[tuple[Any, Any, Any], Array, Array, Lane, Lane], tuple[Any, Any, Any]]:
    """Make the step of one lane.

    Returns
    -------
    callable
        ``((w, o, s), rows, key, lane, shared) -> (w, o, s)``, to be traced under `vmap`.
    """
    hooks: dict[str, Hooks] = {asked.technique: asked.hooks for asked in program.techniques}
    activations = {name: hook.activation for name, hook in hooks.items() if hook.activation}
    maskers: dict[Connection, dict[str, Any]] = {
        "inputs": {name: hook.cell_inputs for name, hook in hooks.items() if hook.cell_inputs},
        "state": {name: hook.cell_state for name, hook in hooks.items() if hook.cell_state},
    }
    connections = tuple(connection for connection, changes in maskers.items() if changes)
    penalties = {name: hook.penalty for name, hook in hooks.items() if hook.penalty}
    is_kernel = network.kernels

    def step(
        state: tuple[Any, Any, Any], rows: Array, key: Array, lane: Lane, shared: Lane
    ) -> tuple[Any, Any, Any]:
        weights, others, slots = state
        values = lane["values"]
        keys = {name: named(key, name) for name in hooks}
        inputs, raw_targets, row_weights = batch_of(rows, lane, shared)
        targets = Targets(
            values=network.encode_targets(raw_targets)[None],
            weights=jnp.ones(1, jnp.float32),
            classes=network.class_targets(rows.shape[0]),
        )
        for name, hook in hooks.items():
            if hook.inputs:
                inputs = hook.inputs(values[name], keys[name], inputs)
            if hook.targets:
                targets = hook.targets(values[name], keys[name], targets)

        def activation(site: int, hidden: Array) -> Array:
            for name, change in activations.items():
                hidden = change(values[name], fold_in(keys[name], site), hidden)
            return hidden

        def mask(cell: int, connection: Connection, factors: Array) -> Array:
            # Inputs and state of a cell have masks of their own.
            place = 2 * cell + (connection == "state")
            for name, change in maskers[connection].items():
                factors = change(values[name], fold_in(keys[name], place), factors)
            return factors

        interventions = Interventions(activation if activations else None, connections, mask)

        def objective(weights: Any) -> tuple[Array, Any]:
            loss, new_others = network.objective(
                weights,
                others,
                slots,
                inputs,
                targets,
                row_weights,
                interventions,
            )
            kernels = [w for w, kernel in zip(weights, is_kernel, strict=True) if kernel]
            for name, penalty in penalties.items():
                loss = loss + penalty(values[name], kernels)
            return loss, new_others

        gradients, others = jax.grad(objective, has_aux=True)(weights)
        after, new_slots = network.apply_gradients(weights, slots, gradients)
        learning_rate = network.learning_rate(slots)
        update = Update(
            before=weights,
            kernels=is_kernel,
            learning_rate=learning_rate,
            step_sizes=lambda: network.step_sizes(slots, new_slots, learning_rate),
        )
        stepped: Sequence[Array] = after
        for name, hook in hooks.items():
            if hook.update:
                stepped = hook.update(values[name], stepped, update)
        return list(stepped), list(others), list(new_slots)

    return step
