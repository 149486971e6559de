"""One lane's training step: the user's own step with the techniques' hooks in their places.

Order: the learning rate's schedule; inputs and targets of the batch; forward with activation hooks,
the user's loss and then penalties, differentiated, perhaps in two passes; gradients; the optimizer;
updates of the weights. Techniques at the same place act in the order that they declare. With every
hook at its neutral value the step is Keras' own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gengap.lanes.inputs import of_several
from gengap.lanes.network import Interventions, LaneNetwork
from gengap.lanes.program import Program
from gengap.lanes.targets import batch_targets, standardized
from gengap.networks.cells import Connection
from gengap.random_bits import fold_in, named
from gengap.techniques.base import Batch, Gradients, Hooks, Moment, Update

__all__ = [
    "StepState",
    "batch_of",
    "changed",
    "changed_by_hooks",
    "of_fold",
    "prepared",
    "training_pass",
    "training_step",
]

Array = Any
Lane = Mapping[str, Any]
#: Of the network's input, or of several by their names.
Inputs = Any

#: w, o, s, and what techniques carry from step to step, by their names.
StepState = tuple[Any, Any, Any, Any]


def of_fold(lane: Lane, shared: Lane) -> Lane:
    """Look up what the lane's fold does to inputs and targets, once for many steps."""
    return {
        **lane,
        **{
            name: jax.tree.map(lambda table: table[lane["split"]], tables)
            for name, tables in shared["folds"].items()
        },
    }


def prepared(inputs: Array, lane: Lane) -> Array:
    """Fill, center and scale gathered rows (..., D) of an input as the lane's fold does."""
    if "fill" in lane:
        inputs = jnp.where(jnp.isnan(inputs), lane["fill"], inputs)
    if "shift" in lane:
        inputs = inputs - lane["shift"]
    if "factor" in lane:
        inputs = inputs * lane["factor"]
    return jnp.where(jnp.isnan(inputs), lane["padding"], inputs) if "padding" in lane else inputs


def changed(inputs: Inputs, lane: Lane, change: Callable[[Inputs], Inputs]) -> Inputs:
    """Change prepared inputs, but for the steps that are none: they are zeros meanwhile."""
    if isinstance(inputs, Mapping):
        return _several_changed(inputs, lane["inputs"], change)
    if "padding" not in lane:
        return change(inputs)
    none = (inputs == lane["padding"]).all(axis=-1, keepdims=True)
    return jnp.where(none, inputs, change(jnp.where(none, 0, inputs)))


def changed_by_hooks(inputs: Array, lane: Lane, change: Callable[[Array], Array]) -> Array:
    """Let hooks change prepared inputs; images (B, H, W) have a channel axis meanwhile."""
    # Of images alone a range is known.
    if "value_range" in lane and inputs.ndim == 3:
        return change(inputs[..., None])[..., 0]
    return changed(inputs, lane, change)


def _several_changed(
    inputs: Mapping[str, Array], folds: Mapping[str, Lane], change: Callable[[Inputs], Inputs]
) -> Inputs:
    none = {
        name: (given == folds[name]["padding"]).all(axis=-1, keepdims=True)
        for name, given in inputs.items()
        if "padding" in folds[name]
    }
    empty = {name: jnp.where(where, 0, inputs[name]) for name, where in none.items()}
    found = change({**inputs, **empty})
    kept = {name: jnp.where(where, inputs[name], found[name]) for name, where in none.items()}
    return {**found, **kept}


def _gathered(table: Array, rows: Array, fold: Lane) -> Array:
    """Return prepared rows of an input."""
    inputs = table[rows]
    if inputs.dtype == jnp.uint8:
        # Images are bytes on the device, and numbers for noise and network.
        inputs = inputs.astype(jnp.float32)
    return prepared(inputs, fold)


def batch_of(rows: Array, lane: Lane, shared: Lane) -> tuple[Inputs, Array, Array | None]:
    """Gather rows: inputs, class codes or standardized values, and weights.

    Of several outputs the targets are those of the one that decides.

    Parameters
    ----------
    rows : array (B,) of int32
    lane : mapping
        The record of the lane's fold.
    shared : mapping
        What all lanes read: ``inputs``, ``targets``, ``row_weights``, and tables of the folds.
    """
    inputs: Inputs
    if isinstance(shared["inputs"], Mapping):
        inputs = {
            name: _gathered(table, rows, lane["inputs"][name])
            for name, table in shared["inputs"].items()
        }
    else:
        inputs = _gathered(shared["inputs"], rows, lane)
    targets = shared["targets"][rows]
    weights = None if shared["row_weights"] is None else shared["row_weights"][rows]
    if "class_weights" in lane:
        of_class = lane["class_weights"][targets]
        weights = of_class if weights is None else weights * of_class
    return inputs, standardized(targets, lane), weights


def training_step(
    network: LaneNetwork, program: Program
) -> Callable[[StepState, Array, Array, Array, Lane, Lane], StepState]:
    """Make the step of one lane.

    Returns
    -------
    callable
        ``((w, o, s, carried), rows, number, key, lane, shared) -> (w, o, s, carried)``, to be
        traced under `vmap`; the number of the step is counted from 0 over all epochs.
    """
    hooks: dict[str, Hooks] = {asked.technique: asked.hooks for asked in program.techniques}
    schedules = {name: hook.schedule for name, hook in hooks.items() if hook.schedule}

    def step(
        state: StepState, rows: Array, number: Array, key: Array, lane: Lane, shared: Lane
    ) -> StepState:
        weights, others, slots, carried = state
        values = lane["values"]
        keys = {name: named(key, name) for name in hooks}
        moment = Moment(number, program.steps, program.laid_out_for)
        factors = [schedule(values[name], moment) for name, schedule in schedules.items()]
        factor = math.prod(factors[1:], start=factors[0]) if factors else None

        batch = _batch(network, hooks, values, keys, rows, lane, shared)
        objective = partial(
            network.objective,
            others=others,
            slots=slots,
            targets=batch.targets,
            interventions=_interventions(network, hooks, values, keys),
        )
        gradients, others = _differentiated(
            network, hooks, values, objective, weights, batch.inputs
        )
        for name, hook in hooks.items():
            if hook.gradients:
                gradients = hook.gradients(values[name], keys[name], gradients, moment)

        after, new_slots = network.apply_gradients(weights, slots, gradients, factor)
        learning_rate = network.learning_rate(slots, factor)
        update = Update(
            before=weights,
            kernels=network.kernels,
            incoming=network.incoming,
            moment=moment,
            learning_rate=learning_rate,
            step_sizes=lambda: network.step_sizes(slots, new_slots, learning_rate),
            columns=network.columns,
        )
        stepped: Sequence[Array] = after
        new_carried = dict(carried)
        for name, hook in hooks.items():
            if hook.update:
                own, stepped = hook.update(values[name], carried.get(name), stepped, update)
                if name in carried:
                    new_carried[name] = own
        return list(stepped), list(others), list(new_slots), new_carried

    return step


def training_pass(
    network: LaneNetwork, program: Program
) -> Callable[[Any, Any, Array, Array, Lane, Lane], Any]:
    """Make the pass forwards of a step, without what follows.

    Returns
    -------
    callable
        ``(w, o, rows, key, lane, shared) -> o``: the other variables after it.
    """
    hooks: dict[str, Hooks] = {asked.technique: asked.hooks for asked in program.techniques}
    slots = network.slots_at_start()

    def forwards(
        weights: Any, others: Any, rows: Array, key: Array, lane: Lane, shared: Lane
    ) -> Any:
        values = lane["values"]
        keys = {name: named(key, name) for name in hooks}
        batch = _batch(network, hooks, values, keys, rows, lane, shared)
        interventions = _interventions(network, hooks, values, keys)
        # The loss is not asked for, and what only makes it is not computed.
        _, new_others = network.objective(
            weights, others, slots, batch.inputs, batch.targets, interventions
        )
        return list(new_others)

    return forwards


def _batch(
    network: LaneNetwork,
    hooks: Mapping[str, Hooks],
    values: Lane,
    keys: Mapping[str, Array],
    rows: Array,
    lane: Lane,
    shared: Lane,
) -> Batch:
    """Gather a batch and let the techniques change it."""
    inputs, raw_targets, row_weights = batch_of(rows, lane, shared)
    targets = batch_targets(network, rows, raw_targets, row_weights, lane, shared)
    several = isinstance(inputs, Mapping)
    batch = Batch(inputs, targets)
    if not several:
        batch = replace(batch, value_range=_value_range(lane), columns=shared["columns"])
    parts = _parts(lane, shared) if several else {}
    changing = {name: hook.batch for name, hook in hooks.items() if hook.batch}
    if not changing:
        return batch

    def changes(inputs: Inputs) -> Inputs:
        nonlocal batch
        batch = replace(batch, inputs=inputs)
        for name, change in changing.items():
            if several:
                own = partial(change, values[name])
                batch = of_several(name, own, keys[name], batch, network.input_kinds, parts)
            else:
                batch = change(values[name], keys[name], batch)
        return batch.inputs

    # Steps that are none stay so, whatever is mixed in.
    inputs = changed_by_hooks(inputs, lane, changes)
    return replace(batch, inputs=inputs)


def _parts(lane: Lane, shared: Lane) -> dict[str, tuple[Array | None, Array | None]]:
    """Return the value range and the columns of each of several inputs."""
    folds, columns = lane["inputs"], shared["columns"]
    return {name: (_value_range(fold), columns[name]) for name, fold in folds.items()}


def _value_range(fold: Lane) -> Array | None:
    return prepared(fold["value_range"], fold) if "value_range" in fold else None


def _interventions(
    network: LaneNetwork, hooks: Mapping[str, Hooks], values: Lane, keys: Mapping[str, Array]
) -> Interventions:
    """Return what the techniques change within the pass forwards."""
    joining = {name: hook for name, hook in hooks.items() if hook.residual or hook.parallel}
    on_weights = {name: hook.weights for name, hook in hooks.items() if hook.weights}
    acting = {
        name: hook
        for name, hook in hooks.items()
        if hook.activation or hook.channels or hook.activity
    }
    masks: dict[Connection, dict[str, Any]] = {
        "inputs": {name: hook.cell_inputs for name, hook in hooks.items() if hook.cell_inputs},
        "state": {name: hook.cell_state for name, hook in hooks.items() if hook.cell_state},
    }

    def activation(site: int, hidden: Array) -> tuple[Array, Array | None]:
        penalties = []
        for name, hook in acting.items():
            own, key = values[name], fold_in(keys[name], site)
            if hook.activation:
                hidden = hook.activation(own, key, hidden)
            if hook.channels and network.sites[site].has_channels:
                hidden = hook.channels(own, key, hidden)
            if hook.activity:
                penalties.append(hook.activity(own, hidden))
        return hidden, sum(penalties) if penalties else None

    def mask(cell: int, connection: Connection, factors: Array) -> Array:
        # Inputs and state of a cell have masks of their own.
        place = 2 * cell + (connection == "state")
        for name, change in masks[connection].items():
            factors = change(values[name], fold_in(keys[name], place), factors)
        return factors

    def joined(join: int, branches: Sequence[Array]) -> Sequence[Array]:
        depth = network.joins[join].depth
        for name, hook in joining.items():
            own, key = values[name], fold_in(keys[name], join)
            if hook.residual and depth is not None:
                branches = [hook.residual(own, key, branch, depth) for branch in branches]
            if hook.parallel and len(branches) == 2:
                branches = hook.parallel(own, key, *branches)
        return branches

    def forward(weights: Sequence[Array]) -> Sequence[Array]:
        for name, change in on_weights.items():
            weights = [
                change(values[name], fold_in(keys[name], place), weight) if kernel else weight
                for place, (weight, kernel) in enumerate(zip(weights, network.kernels, strict=True))
            ]
        return weights

    masked = tuple(connection for connection, own in masks.items() if own)
    return Interventions(
        activation if acting else None,
        masked,
        mask,
        joined if joining else None,
        forward if on_weights else None,
    )


def _differentiated(
    network: LaneNetwork,
    hooks: Mapping[str, Hooks],
    values: Lane,
    objective: Callable[..., tuple[Array, Any]],
    weights: Any,
    inputs: Array,
) -> tuple[Sequence[Array], Any]:
    """Return the gradient of the loss with penalties, and the new o."""
    penalties = [
        (name, penalty)
        for name, hook in hooks.items()
        for penalty in (hook.penalty, hook.column_penalty)
        if penalty
    ]
    two_pass = {name: hook.two_pass for name, hook in hooks.items() if hook.two_pass}

    def penalized(loss: Array, weights: Any) -> Array:
        kernels = network.kernels_among(weights)
        for name, penalty in penalties:
            loss = loss + penalty(values[name], kernels)
        return loss

    def whole(weights: Any) -> tuple[Array, Any]:
        loss, new_others = objective(weights, inputs=inputs)
        return penalized(loss, weights), new_others

    if not two_pass:
        return jax.grad(whole, has_aux=True)(weights)

    # Penalties depend on the weights alone: they are left out of the directions in which weights
    # or inputs are moved, and added at the weights as they are.
    def bare(weights: Any, inputs: Array) -> tuple[Array, Any]:
        return objective(weights, inputs=inputs, penalized=False)

    def compute(weights: Any, inputs: Array) -> Gradients:
        if not all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(inputs)):
            by_weights, new_others = jax.grad(bare, has_aux=True)(weights, inputs)
            return Gradients(by_weights, None, new_others)
        both = jax.grad(bare, argnums=(0, 1), has_aux=True)
        (by_weights, by_inputs), new_others = both(weights, inputs)
        return Gradients(by_weights, by_inputs, new_others)

    passes = compute
    for name, change in two_pass.items():
        passes = partial(change, values[name], passes)
    found = passes(list(weights), inputs)
    of_penalties = jax.grad(lambda weights: penalized(network.penalty(weights), weights))(weights)
    gradients = [a + b for a, b in zip(found.weights, of_penalties, strict=True)]
    return gradients, found.others
