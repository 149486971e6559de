"""Where the hidden layers of a network are, found by watching it compute.

A hidden site is one call of a layer that holds kernels, with the normalizations and nonlinearities
that directly follow it; the chain that makes the network's output is none. What is watched is an
abstract evaluation (`jax.eval_shape`) in inference mode: which layer takes which value is told by
the identity of the traced values, so that Sequential, Functional, nested and subclassed networks
are read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import keras

from gengap.networks.shapes import inference_mode, input_dtype

__all__ = ["Site", "at_sites", "count_calls", "hidden_sites", "is_hidden_kind", "kernels"]

_HIDDEN_NAMES = (
    "Dense",
    "EinsumDense",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "RNN",
    "Bidirectional",
    "MultiHeadAttention",
    "GroupQueryAttention",
)
_CHAIN_NAMES = (
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Softmax",
    "Identity",
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "ActivityRegularization",
)
_HIDDEN = tuple(getattr(keras.layers, name) for name in _HIDDEN_NAMES)
_CHAIN = tuple(getattr(keras.layers, name) for name in _CHAIN_NAMES)
_PASSIVE = (keras.layers.Embedding, keras.Model)


@dataclass(frozen=True, eq=False)
class Site:
    """A hidden layer of a network.

    Attributes
    ----------
    layers : tuple of keras.layers.Layer
        The layer with the kernel, then the normalizations and nonlinearities that follow it.
    calls : tuple of int
        The how-manieth call of each of these layers in one pass this is, from 0: a layer that is
        shared is called several times.
    """

    layers: tuple[keras.layers.Layer, ...]
    calls: tuple[int, ...]

    @property
    def kernel_layer(self) -> keras.layers.Layer:
        """The layer with the kernel."""
        return self.layers[0]

    @property
    def end(self) -> keras.layers.Layer:
        """The layer whose output is the hidden layer's output."""
        return self.layers[-1]


@dataclass
class _Chain:
    layers: list[keras.layers.Layer]
    calls: list[int]
    value: Any


def is_hidden_kind(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer counts as one that holds kernels.

    Keras' own dense, convolutional, recurrent and attention layers do, wrappers of them, and any
    custom layer with a trainable variable of its own of two or more axes.
    """
    if isinstance(layer, _PASSIVE):
        return False
    if isinstance(layer, _HIDDEN):
        return True
    if isinstance(layer, keras.layers.Wrapper):
        return is_hidden_kind(layer.layer)
    if type(layer).__module__.startswith("keras."):
        return False
    return any(len(variable.shape) >= 2 for variable in layer._trainable_variables)


def hidden_sites(model: keras.Model, sample_shape: Sequence[int]) -> tuple[Site, ...]:
    """Find the hidden layers of a built network, in the order in which they are computed.

    Parameters
    ----------
    model : keras.Model
        Built, with one input.
    sample_shape : sequence of int
        Shape of one sample, without the batch axis.

    Returns
    -------
    tuple of Site
        The layer that makes the output is not among them: the chain whose value *is* the output,
        or, where the output is computed without a layer, the last one called.

    Examples
    --------
    >>> import keras
    >>> layers = [keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    >>> [site.kernel_layer.units for site in hidden_sites(keras.Sequential(layers), (3,))]
    [8]
    """
    chains: list[_Chain] = []
    depth = [0]
    seen: dict[int, int] = {}

    def watch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        hidden = is_hidden_kind(layer)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if depth[0]:
                return call(*args, **kwargs)
            number = seen.get(id(layer), 0)
            seen[id(layer)] = number + 1
            depth[0] += 1
            try:
                value = call(*args, **kwargs)
            finally:
                depth[0] -= 1
            taken = args[0] if args else next(iter(kwargs.values()), None)
            result = keras.tree.flatten(value)[0]
            if hidden:
                chains.append(_Chain([layer], [number], result))
            else:
                for chain in chains:
                    if taken is chain.value and result is not taken:
                        chain.layers.append(layer)
                        chain.calls.append(number)
                        chain.value = result
                        break
            return value

        return watched

    watched_layers = [
        layer for layer in _every_layer(model) if is_hidden_kind(layer) or isinstance(layer, _CHAIN)
    ]
    outputs = _trace(model, sample_shape, watched_layers, watch)
    last = [chain for chain in chains if any(chain.value is output for output in outputs)]
    last = last or chains[-1:]
    return tuple(
        Site(tuple(chain.layers), tuple(chain.calls))
        for chain in chains
        if not any(chain is other for other in last)
    )


@contextmanager
def at_sites(
    model: keras.Model, sites: Sequence[Site], change: Callable[[int, Any], Any]
) -> Iterator[None]:
    """Let `change` replace the output of every site while the network is traced.

    Parameters
    ----------
    model : keras.Model
    sites : sequence of Site
        Of this network (`hidden_sites`).
    change : callable
        ``(index of the site, output) -> output``.

    Notes
    -----
    The calls of the layers are patched on the instances, and unpatched at the end; nothing that is
    saved or traced afterwards is touched. A layer that is called several times in one pass is
    changed at the calls that are sites.
    """
    index_of = {(id(site.end), site.calls[-1]): index for index, site in enumerate(sites)}
    counts: dict[int, int] = {}

    def patch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def patched(*args: Any, **kwargs: Any) -> Any:
            number = counts.get(id(layer), 0)
            counts[id(layer)] = number + 1
            value = call(*args, **kwargs)
            index = index_of.get((id(layer), number))
            if index is None:
                return value
            if isinstance(value, list | tuple):
                return type(value)([change(index, value[0]), *value[1:]])
            return change(index, value)

        return patched

    def restart(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def restarted(*args: Any, **kwargs: Any) -> Any:
            counts.clear()
            return call(*args, **kwargs)

        return restarted

    ends = {id(site.end): site.end for site in sites}
    with _patched([model], restart), _patched(list(ends.values()), patch):
        yield


def count_calls(
    model: keras.Model, layers: Sequence[keras.layers.Layer], sample_shape: Sequence[int]
) -> int:
    """Count how often one pass calls the given layers, together."""
    count = [0]

    def watch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            return call(*args, **kwargs)

        return watched

    _trace(model, sample_shape, layers, watch)
    return count[0]


def kernels(model: keras.Model) -> tuple[bool, ...]:
    """Tell which of ``model.trainable_variables`` are kernels, in their order.

    In Keras' layers a kernel is what is named so (``kernel``, ``recurrent_kernel``,
    ``depthwise_kernel``, ...), not biases, scales, offsets, slopes and embeddings. In a custom
    layer it is every trainable variable of two or more axes.

    Examples
    --------
    >>> import keras
    >>> kernels(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    (True, False)
    """
    owners: dict[int, bool] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        custom = not type(layer).__module__.startswith("keras.")
        for variable in layer._trainable_variables:
            named = variable.name.endswith("kernel")
            owners.setdefault(id(variable), named or (custom and len(variable.shape) >= 2))
    return tuple(owners[id(variable)] for variable in model.trainable_variables)


def _every_layer(model: keras.Model) -> list[keras.layers.Layer]:
    unique = {
        id(layer): layer for layer in model._flatten_layers(include_self=False, recursive=True)
    }
    return list(unique.values())


def _trace(
    model: keras.Model,
    sample_shape: Sequence[int],
    layers: Sequence[keras.layers.Layer],
    watch: Callable[[keras.layers.Layer, Callable[..., Any]], Callable[..., Any]],
) -> list[Any]:
    """Evaluate the network abstractly with watched layers; return its (dead) output tracers."""
    outputs: list[Any] = []
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def run(inputs: Any) -> Any:
        result, _ = model.stateless_call(trainable, others, inputs, **inference_mode(model))
        outputs.extend(keras.tree.flatten(result))
        return result

    inputs = jax.ShapeDtypeStruct((2, *sample_shape), input_dtype(model))
    with _patched(layers, watch):
        jax.eval_shape(run, inputs)
    return outputs


@contextmanager
def _patched(
    layers: Sequence[keras.layers.Layer],
    patch: Callable[[keras.layers.Layer, Callable[..., Any]], Callable[..., Any]],
) -> Iterator[None]:
    """Replace the instances' ``call``, past Keras' attribute tracking, and take it back."""
    done: list[tuple[keras.layers.Layer, Any]] = []
    try:
        for layer in layers:
            before = vars(layer).get("call")
            object.__setattr__(layer, "call", patch(layer, layer.call))
            done.append((layer, before))
        yield
    finally:
        for layer, before in reversed(done):
            if before is None:
                object.__delattr__(layer, "call")
            else:
                object.__setattr__(layer, "call", before)
