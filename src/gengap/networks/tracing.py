"""Watch and change the layers of a network while it is traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import keras

from gengap.networks.shapes import batch_spec, inference_mode, packed

__all__ = ["patched", "restarting", "watched_pass"]

#: What is called in place of a layer's (or another operation's) own ``call``.
Patch = Callable[[Any, Callable[..., Any]], Callable[..., Any]]


def watched_pass(
    model: keras.Model,
    sample_shape: Any,
    layers: Sequence[Any],
    watch: Patch,
    begin: Callable[[Any], None] = lambda inputs: None,
) -> list[Any]:
    """Evaluate the network abstractly in inference mode, with layers that are watched.

    Parameters
    ----------
    model : keras.Model
        Built.
    sample_shape : sequence of int, or mapping of such
    layers : sequence of keras.Operation
        Those that are watched.
    watch : callable
        ``(layer, call) -> call``: what is called in its place.
    begin : callable
        Is given the traced input, or inputs by name, before the first layer is called.

    Returns
    -------
    list
        The traced outputs, of which only the identity says something.
    """
    outputs: list[Any] = []
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def run(inputs: Any) -> Any:
        begin(inputs)
        taken = packed(model, inputs)
        result, _ = model.stateless_call(trainable, others, taken, **inference_mode(model))
        outputs.extend(keras.tree.flatten(result))
        return result

    with patched(layers, watch):
        jax.eval_shape(run, batch_spec(model, 2, sample_shape))
    return outputs


@contextmanager
def patched(operations: Sequence[Any], patch: Patch) -> Iterator[None]:
    """Replace the instances' ``call``, past Keras' attribute tracking, and take it back.

    Parameters
    ----------
    operations : sequence of keras.Operation
        Layers, models or operations of a graph.
    patch : callable
        ``(operation, call) -> call``.
    """
    done: list[tuple[Any, Any]] = []
    try:
        for operation in operations:
            before = vars(operation).get("call")
            object.__setattr__(operation, "call", patch(operation, operation.call))
            done.append((operation, before))
        yield
    finally:
        for operation, before in reversed(done):
            if before is None:
                object.__delattr__(operation, "call")
            else:
                object.__setattr__(operation, "call", before)


def restarting(counts: dict[int, int]) -> Patch:
    """Return a patch of a whole network that counts anew how often its layers are called."""

    def restart(model: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def restarted(*args: Any, **kwargs: Any) -> Any:
            counts.clear()
            return call(*args, **kwargs)

        return restarted

    return restart
