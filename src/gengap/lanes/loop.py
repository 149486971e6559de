"""One lane's epochs: steps, evaluation, judgements.

The state of a lane is a tree of arrays; its record (fold, key, strengths) stays as it is while a
run trains. Both are stacked over lanes and the functions here are traced once under `vmap`.

Notation
--------
w, o, s  values of the weights, the other variables, the optimizer's variables
E        epochs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gengap.lanes.judging import judgement, keeping, start_judged, where
from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Program
from gengap.lanes.step import batch_of, of_fold, training_step
from gengap.random_bits import fold_in, named

__all__ = ["CURVES", "batch_order", "epochs", "start_state"]

Array = Any
Lane = Mapping[str, Any]
State = dict[str, Any]

#: Columns of a lane's curves.
CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric")


def start_state(
    network: LaneNetwork, program: Program, weights: Any, others: Any, slots: Any
) -> State:
    """Make the state of a lane before its first epoch, without a lane axis."""
    carried = {
        asked.technique: asked.hooks.carried(list(weights), network.columns)
        for asked in program.techniques
    }
    return {
        "weights": list(weights),
        "others": list(others),
        "slots": list(slots),
        "carried": {name: state for name, state in carried.items() if state is not None},
        "epoch": np.zeros((), np.int32),
        "diverged_in": np.zeros((), np.int32),
        "curves": np.zeros((program.epochs, len(CURVES)), np.float32),
        "judged": [start_judged(asked.hooks, weights, others) for asked in program.judges],
    }


def batch_order(seed: int, epoch: int, training: np.ndarray, rows: int) -> np.ndarray:
    """Return the first rows of a fresh permutation of a fold's training rows.

    It is drawn on the host: sorting random numbers in the lanes costs half as much as a small step.

    Parameters
    ----------
    seed : int
        The run's.
    epoch : int
        From 0.
    training : ndarray (n,) of int
        The fold's training rows.
    rows : int
        How many are taken: the smallest n over the folds that share the program.

    Returns
    -------
    ndarray (rows,) of int32
    """
    generator = np.random.default_rng([seed, epoch])
    return generator.permutation(training)[:rows].astype(np.int32)


def epochs(
    network: LaneNetwork, program: Program
) -> Callable[[State, Lane, Array, Lane, Array], State]:
    """Make the function that trains one lane for some more epochs.

    Returns
    -------
    callable
        ``(state, lane, orders, shared, count) -> state``; the batch orders (chunk, n) are those of
        the lane's next epochs, of which `count` are trained. A lane stays as the epoch leaves it in
        which it diverges.
    """
    step = training_step(network, program)
    evaluate = _evaluation(network, program)
    judge = judgement(program)
    begin, keep = keeping(program)
    full = program.full_steps * program.batch_size
    averages = network.model.optimizer.use_ema

    def epoch(state: State, lane: Lane, rows: Array, shared: Lane) -> State:
        number = state["epoch"]
        first = number * program.steps
        key = named(lane["key"], "steps")

        def one_step(carry: Any, step_of: tuple[Array, Array]) -> tuple[Any, None]:
            batch, i = step_of
            trained, kept = carry
            number = first + i
            trained = step(trained, batch, number, fold_in(key, number), lane, shared)
            return (trained, keep(kept, lane, trained[:2], number)), None

        parts = (state["weights"], state["others"], state["slots"], state["carried"])
        carry = (parts, begin(state["judged"]))
        if program.full_steps:
            batches = rows[:full].reshape(program.full_steps, program.batch_size)
            carry, _ = jax.lax.scan(one_step, carry, (batches, jnp.arange(program.full_steps)))
        if program.remainder:
            # As in `fit`, the last batch is a step of its true size.
            carry, _ = one_step(carry, (rows[full:], jnp.asarray(program.full_steps)))
        (weights, others, slots, carried), kept = carry
        # An optimizer that averages weights is judged by the average, as `fit` ends with it.
        scored = network.final_weights(weights, slots)
        curves = evaluate(scored, others, lane, shared)
        finite = jnp.isfinite(curves).all()
        # A run ends where it diverges: how many epochs its neighbors train until the host looks
        # must not show in it.
        gone = state["diverged_in"] > 0
        earlier = jax.lax.dynamic_index_in_dim(state["curves"], number, 0, keepdims=False)
        row = jnp.where(gone, earlier, curves)
        return {
            "weights": where(gone, state["weights"], weights),
            "others": where(gone, state["others"], others),
            # Nothing reads them any more, unless the weights are averaged there.
            "slots": where(gone, state["slots"], slots) if averages else slots,
            "carried": carried,
            "epoch": jnp.where(gone, number, number + 1),
            "diverged_in": jnp.where(finite | gone, state["diverged_in"], number + 1),
            "curves": jax.lax.dynamic_update_index_in_dim(state["curves"], row, number, 0),
            "judged": judge(state["judged"], kept, lane, curves, scored, others, number + 1, gone),
        }

    def run(state: State, lane: Lane, orders: Array, shared: Lane, count: Array) -> State:
        lane = of_fold(lane, shared)

        def body(i: Array, state: State) -> State:
            return epoch(state, lane, orders[i], shared)

        return jax.lax.fori_loop(0, count, body, state)

    return run


def _evaluation(network: LaneNetwork, program: Program) -> Callable[[Any, Any, Lane, Lane], Array]:
    """Make ``(w, o, lane, shared) -> curves`` of an epoch, see `CURVES`."""
    if not program.watched:
        # Nobody looks at the curves; they tell divergence all the same.
        return lambda weights, others, lane, shared: jnp.broadcast_to(
            sum(jnp.sum(jnp.abs(weight)) for weight in weights).astype(jnp.float32), (len(CURVES),)
        )

    def evaluate(weights: Any, others: Any, lane: Lane, shared: Lane) -> Array:
        index, masked = shared["evaluated"]

        def block(total: Array, number: Array) -> tuple[Array, None]:
            rows, masks = index[lane["split"], number], masked[lane["split"], number]
            inputs, targets, _ = batch_of(rows, lane, shared)
            outputs = network.outputs(weights, others, inputs)
            losses = network.row_losses(network.encode_targets(targets), outputs)
            predictions = network.predictions(outputs)
            if program.task == "classification":
                scores = (jnp.argmax(predictions, axis=-1) == targets).astype(jnp.float32)
            else:
                scores = jnp.square(predictions - targets)
            # Not a product with the masks: 0 times a part that diverged would spoil the other.
            of_rows = jnp.stack([losses, scores, jnp.ones_like(losses)]).astype(jnp.float32)
            kept = jnp.where(masks[:, None], of_rows[None], 0)
            return total + kept.sum(axis=-1), None

        # Both parts in one pass; sums of (part, quantity).
        total, _ = jax.lax.scan(block, jnp.zeros((2, 3), jnp.float32), jnp.arange(index.shape[1]))
        loss, score = total[:, 0] / total[:, 2], total[:, 1] / total[:, 2]
        if program.task == "regression":
            score = jnp.sqrt(score) * lane["target_scale"] * lane["target_unit"]
        return jnp.stack([loss, score], axis=1).reshape(-1)

    return evaluate
